import pytest

from labrunner.awsmodel import Models, UnknownName
from labrunner.expressions.types import ANY, BOOLEAN, BYTES, ListType, MapType, Scalar, Struct
from labrunner.values import Secret


@pytest.fixture(scope="module")
def models() -> Models:
    return Models()


def test_operations_go_by_both_their_names(models: Models) -> None:
    assert models.operation("s3", "PutObject") is models.operation("s3", "put_object")
    operation = models.operation("s3", "put_object")
    assert (operation.name, operation.api_name) == ("put_object", "PutObject")


@pytest.mark.parametrize(
    ("service", "name", "message", "hint"),
    [
        ("s33", "x", "there is no service `s33`", "did you mean 's3'?"),
        ("sqs", "create_quueue", "sqs has no operation `create_quueue`", "'create_queue'"),
        ("sqs", "CreateQuueue", "sqs has no operation `CreateQuueue`", "'CreateQueue'"),
    ],
)
def test_unknown_names(models: Models, service: str, name: str, message: str, hint: str) -> None:
    with pytest.raises(UnknownName) as caught:
        models.operation(service, name)
    assert caught.value.message == message
    assert hint in caught.value.hint


def test_what_an_operation_takes(models: Models) -> None:
    takes = models.operation("s3", "put_object").input
    assert takes.required == {"Bucket", "Key"}
    assert takes.members["Body"] == BYTES
    assert takes.members["BucketKeyEnabled"] == BOOLEAN
    storage = takes.members["StorageClass"]
    assert isinstance(storage, Scalar)
    assert "GLACIER" in storage.choices
    assert takes.members["Metadata"] == MapType(Scalar("string"))
    assert "Nothing" not in takes.members


def test_what_botocore_fills_in_or_parses(models: Models) -> None:
    assert models.operation("s3", "copy_object").input.members["CopySource"] == ANY
    assert models.operation("iam", "get_role_policy").output.members["PolicyDocument"] == ANY
    # MaintenanceWindow's ClientToken is required by nobody: botocore makes it.
    token = models.operation("athena", "start_query_execution").input
    assert "ClientRequestToken" not in token.required


def test_what_an_operation_gives(models: Models) -> None:
    gives = models.operation("s3", "list_objects_v2").output
    contents = gives.members["Contents"]
    assert isinstance(contents, ListType)
    assert isinstance(contents.element, Struct)
    assert "Key" in contents.element.members
    assert "HTTPStatusCode" in gives.members["ResponseMetadata"].members  # type: ignore[union-attr]
    empty = models.operation("s3", "delete_bucket").output
    assert list(empty.members) == ["ResponseMetadata"]


def test_shapes_that_contain_themselves(models: Models) -> None:
    item = models.operation("dynamodb", "get_item").output.members["Item"]
    assert isinstance(item, MapType)
    assert isinstance(item.value, Struct)
    inner = item.value.members["M"]
    assert isinstance(inner, MapType)
    assert isinstance(inner.value, Struct)


def test_pages(models: Models) -> None:
    listing = models.operation("s3", "list_object_versions")
    assert listing.can_paginate
    assert "DeleteMarkers" in listing.all_pages.members
    assert "IsTruncated" not in listing.all_pages.members
    assert not models.operation("s3", "head_bucket").can_paginate


@pytest.mark.parametrize(
    ("service", "operation", "prefix"),
    [
        ("s3", "list_buckets", "s3"),
        ("emr", "list_clusters", "elasticmapreduce"),
        ("cloudwatch", "list_metrics", "cloudwatch"),
        ("sagemaker", "list_models", "sagemaker"),
        ("stepfunctions", "list_activities", "states"),
    ],
)
def test_iam_prefixes(models: Models, service: str, operation: str, prefix: str) -> None:
    assert models.operation(service, operation).iam_prefix == prefix


def test_what_is_sensitive_is_concealed(models: Models) -> None:
    keys = models.operation("iam", "create_access_key")
    result = {"AccessKey": {"UserName": "u", "AccessKeyId": "A", "SecretAccessKey": "s"}}
    concealed = keys.conceal({**result, "ResponseMetadata": {"RequestId": "r"}})
    assert concealed["AccessKey"] == result["AccessKey"]
    assert type(concealed["AccessKey"]["SecretAccessKey"]) is Secret
    assert type(concealed["AccessKey"]["UserName"]) is str
    parameters = models.operation("ssm", "get_parameters")
    (one,) = parameters.conceal({"Parameters": [{"Name": "n", "Value": "v"}]})["Parameters"]
    assert (type(one["Name"]), type(one["Value"])) == (str, Secret)
    password = models.operation("rds", "create_db_instance")
    assert type(password.conceal({"MasterUserPassword": "p"}, "input")["MasterUserPassword"])


def test_results_with_nothing_sensitive_are_left_alone(models: Models) -> None:
    result = {"Buckets": [{"Name": "a"}]}
    assert models.operation("s3", "list_buckets").conceal(result) is result
