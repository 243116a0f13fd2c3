"""What to type next after a refusal that waiting does not cure."""

from collections.abc import Mapping

_LOGIN = "aws sso login, or aws configure; then the same command with --resume"
_ALLOW = "labrunner plan LAB --policy prints the permissions that a lab needs"
_REGION = "labrunner teardown; then the lab with --region and another region"
_SUPPORT = "https://console.aws.amazon.com/support/home: the account is not ready for this yet"
_QUOTA = "aws service-quotas list-service-quotas --service-code {service}, and ask for more"
_VCPUS = (
    "aws service-quotas request-service-quota-increase --service-code ec2 "
    "--quota-code L-1216C47A --desired-value 8"
)

_NEXT: Mapping[str, str] = {
    **dict.fromkeys(
        [
            "ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId",
            "UnrecognizedClientException", "TokenRefreshRequired", "UnauthorizedSSOTokenError",
            "SSOTokenLoadError", "NoCredentialsError",
        ],
        _LOGIN,
    ),
    **dict.fromkeys(["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"], _ALLOW),
    **dict.fromkeys(["VcpuLimitExceeded", "InstanceLimitExceeded"], _VCPUS),
    **dict.fromkeys(
        [
            "VpcLimitExceeded", "AddressLimitExceeded", "InternetGatewayLimitExceeded",
            "ResourceLimitExceeded", "ClusterQuotaExceeded", "NumberOfNodesQuotaExceeded",
            "LimitExceeded", "LimitExceededException", "ServiceQuotaExceededException",
            "TooManyBuckets",
        ],
        _QUOTA,
    ),
    **dict.fromkeys(
        ["InsufficientInstanceCapacity", "InsufficientCapacityException", "Unsupported"], _REGION
    ),
    **dict.fromkeys(
        ["PendingVerification", "OptInRequired", "SubscriptionRequiredException", "AccountProblem"],
        _SUPPORT,
    ),
}  # fmt: skip


def next_command(service: str, code: str) -> str:
    """Return what to do about a refusal with this code of a service, if anything is known."""
    return _NEXT.get(code, "").format(service=service)
