"""EMR's two kinds of refusal."""

from labrunner.localcloud.errors import AwsError


def invalid(text: str) -> AwsError:
    """Return the refusal of what a call says."""
    return AwsError("ValidationException", text)


def bad_request(text: str) -> AwsError:
    """Return the refusal of a call on something that is not there, or not in that state."""
    return AwsError("InvalidRequestException", text)
