"""What the local cloud does not do: a plain error at once, in every protocol and retry mode."""

import json
import re
from typing import Any

import pytest

from labrunner.localcloud import services
from labrunner.localcloud.models import all_metadata
from labrunner.localcloud.moto_bridge import implements
from labrunner.localcloud.service import Everything

from .conftest import LocalCloud, refused

UNKNOWN = [
    ("kinesis", "list_streams", {}, "ListStreams"),  # json 1.1
    ("dynamodb", "list_tables", {}, "ListTables"),  # json 1.0
    ("lambda", "list_functions", {}, "ListFunctions"),  # rest-json
    ("sns", "list_topics", {}, "ListTopics"),  # query
    ("ec2", "monitor_instances", {"InstanceIds": ["i-1"]}, "MonitorInstances"),  # ec2
    ("ec2", "get_password_data", {"InstanceId": "i-1"}, "GetPasswordData"),
    ("ec2", "create_image", {"InstanceId": "i-1", "Name": "name"}, "CreateImage"),
    ("cloudfront", "list_distributions", {}, "ListDistributions"),  # rest-xml
    ("s3control", "list_jobs", {"AccountId": "1" * 12}, "ListJobs"),
    ("s3", "list_bucket_metrics_configurations", {}, "ListBucketMetricsConfigurations"),
    ("s3", "put_bucket_website", {"WebsiteConfiguration": {}}, "PutBucketWebsite"),
    ("eventbridgev2", "list_event_buses", {}, "ListEventBuses"),  # smithy-rpc-v2-cbor
    ("cloudwatch", "list_metrics", {}, "ListMetrics"),
    ("ssm", "send_command", {"DocumentName": "d"}, "SendCommand"),
    ("iam", "simulate_principal_policy", {}, "SimulatePrincipalPolicy"),
    ("sts", "get_federation_token", {"Name": "someone"}, "GetFederationToken"),
    ("kinesisanalyticsv2", "list_applications", {}, "ListApplications"),
    ("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "e", "Body": b""}, "InvokeEndpoint"),
]


@pytest.mark.parametrize("mode", ["legacy", "standard"])
@pytest.mark.parametrize(("service", "call", "parameters", "operation"), UNKNOWN)
def test_unknown_operations_fail_at_once(  # noqa: PLR0913 - a table of cases
    cloud: LocalCloud,
    bucket: str,
    mode: str,
    service: str,
    call: str,
    parameters: dict[str, Any],
    operation: str,
) -> None:
    client = cloud.client(service, retries={"mode": mode})
    attempts: list[object] = []

    def count(**_: Any) -> None:
        attempts.append(1)

    client.meta.events.register("before-send", count)
    if service == "s3":
        parameters = {"Bucket": bucket, **parameters}
    if call == "simulate_principal_policy":
        parameters = {"PolicySourceArn": "arn:aws:iam::1:user/u" * 2, "ActionNames": ["a:b"]}
    status, code, message = refused(getattr(client, call), **parameters)
    assert (status, code) == (501, "NotImplemented")
    assert f"{service}.{operation}" in message
    assert len(attempts) == 1


def test_every_error_has_a_request_id(cloud: LocalCloud, s3: Any) -> None:
    with pytest.raises(Exception, match="NoSuchBucket") as caught:
        s3.list_objects_v2(Bucket="no-such-bucket-anywhere")
    about = caught.value.response["ResponseMetadata"]  # type: ignore[attr-defined]
    assert about["RequestId"] == about["HTTPHeaders"]["x-amz-request-id"]
    assert re.fullmatch(r"[0-9A-F]{16}", about["RequestId"])
    with pytest.raises(Exception, match="NoSuchEntity") as caught:
        cloud.client("iam").get_user(UserName="nobody")
    about = caught.value.response["ResponseMetadata"]  # type: ignore[attr-defined]
    assert about["RequestId"] == about["HTTPHeaders"]["x-amzn-requestid"]


def test_an_unknown_target_is_named_without_a_signature(cloud: LocalCloud) -> None:
    headers = {"X-Amz-Target": "Kinesis_20131202.ListStreams", "Content-Type": "x"}
    answer = cloud.http("POST", "/", b"{}", headers)
    assert answer.status == 501
    assert "kinesis.ListStreams" in json.loads(answer.body)["message"]


def test_an_unknown_action(cloud: LocalCloud) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = cloud.http("POST", "/", b"Action=Dance&Version=2011-06-15", form)
    assert (answer.status, answer.code) == (501, "NotImplemented")
    assert b"sts.Dance" in answer.body


def test_a_call_that_must_be_signed(cloud: LocalCloud) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = cloud.http("POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15", form)
    assert (answer.status, answer.code) == (403, "MissingAuthenticationToken")


def test_methods_that_s3_does_not_have(cloud: LocalCloud, bucket: str) -> None:
    for method in ("PATCH", "OPTIONS", "POST"):
        answer = cloud.http(method, f"/{bucket}")
        assert (answer.status, answer.code) == (501, "NotImplemented")


def test_malformed_xml(cloud: LocalCloud, bucket: str, s3: Any) -> None:
    s3.meta.events.register_last("before-call.s3.PutBucketVersioning", break_body)
    try:
        configuration = {"Status": "Enabled"}
        got = refused(
            s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=configuration
        )
    finally:
        s3.meta.events.unregister("before-call.s3.PutBucketVersioning", break_body)
    assert got[:2] == (400, "MalformedXML")


def break_body(params: dict[str, Any], **_: Any) -> None:
    params["body"] = b"<Versioning"
    params["headers"].pop("Content-MD5", None)
    for name in list(params["headers"]):
        if "checksum" in name.lower():
            del params["headers"][name]


@pytest.mark.parametrize("name", sorted(services.MODULES))
def test_the_lists_of_operations_name_real_ones(name: str) -> None:
    import botocore.session

    service = services.find(name)
    assert service is not None
    known = set(botocore.session.get_session().get_service_model(name).operation_names)
    assert set(service.handlers) <= known
    if isinstance(service.moto, Everything):
        assert service.moto.but <= known
        return
    assert set(service.moto) <= known
    if name != "s3":  # moto answers S3 by path, not by method
        assert all(implements(name, operation) for operation in service.moto)


def test_metadata_of_all_services() -> None:
    found = {one.name: one for one in all_metadata()}
    assert len(found) > 300
    assert found["emr"].signing_name == "elasticmapreduce"
    assert found["s3control"].signing_name == "s3"
