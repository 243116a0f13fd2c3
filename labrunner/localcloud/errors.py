"""The one error that a handler raises to answer with an AWS error."""

from collections.abc import Mapping


class AwsError(Exception):
    """An answer that refuses the call: AWS's error code, its text and its HTTP status.

    `fields` are further elements of the error body, such as S3's `BucketName`.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        *,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = dict(fields or {})
        self.headers = dict(headers or {})


def not_implemented(what: str) -> AwsError:
    """Return the answer to what the local cloud does not really do; SDKs do not retry 501."""
    return AwsError("NotImplemented", f"The local cloud does not implement {what}.", 501)
