"""How each kind of service words the refusal of a signature or of an access."""

from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.signature import SignatureError

CHECK_KEY = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "key and signing method."
)
CHECK_BOTH = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
)
NOT_VALIDATED = "AWS was not able to validate the provided access credentials"
NO_SUCH_TOKEN = "The security token included in the request is invalid."  # noqa: S105 - a sentence
V4_ONLY = (
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
)
SIGN_V4 = (
    " With boto3: Config(signature_version='s3v4'). With the AWS CLI: "
    "aws configure set default.s3.signature_version s3v4"
)

# reason → code, text, status; `{detail}` is what the check found.
S3 = {
    "unknown_key": (
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
        403,
    ),
    "mismatch": ("SignatureDoesNotMatch", CHECK_KEY, 403),
    "unsigned": (
        "AccessDenied",
        "There were headers present in the request which were not signed",
        403,
    ),
    "skewed": (
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
        403,
    ),
    "expired": ("AccessDenied", "Request has expired", 403),
    "expired_token": ("ExpiredToken", "The provided token has expired.", 400),
    "bad_token": ("InvalidToken", "The provided token is malformed or otherwise invalid.", 400),
    "unsupported": ("InvalidRequest", V4_ONLY + SIGN_V4, 400),
    "malformed": ("AuthorizationHeaderMalformed", "{detail}", 400),
    "anonymous": ("AccessDenied", "Access Denied", 403),
}
QUERY = {
    "unknown_key": ("InvalidClientTokenId", NO_SUCH_TOKEN, 403),
    "mismatch": ("SignatureDoesNotMatch", CHECK_BOTH, 403),
    "skewed": ("SignatureDoesNotMatch", "Signature expired: {detail} is not within 15 min.", 403),
    "expired": ("SignatureDoesNotMatch", "Signature expired", 403),
    "expired_token": (
        "ExpiredToken",
        "The security token included in the request is expired",
        403,
    ),
    "bad_token": ("InvalidClientTokenId", NO_SUCH_TOKEN, 403),
    "unsupported": ("IncompleteSignature", V4_ONLY, 403),
    "malformed": ("IncompleteSignature", "{detail}", 403),
    "anonymous": ("MissingAuthenticationToken", "Request is missing Authentication Token", 403),
}
EC2 = {
    "unknown_key": ("AuthFailure", NOT_VALIDATED, 401),
    "mismatch": ("AuthFailure", NOT_VALIDATED, 401),
    "skewed": ("RequestExpired", "Request has expired.", 400),
    "expired": ("RequestExpired", "Request has expired.", 400),
    "expired_token": ("RequestExpired", "Request has expired.", 400),
    "bad_token": ("AuthFailure", NOT_VALIDATED, 401),
    "unsupported": ("AuthFailure", V4_ONLY, 401),
    "malformed": ("AuthFailure", "{detail}", 401),
    "anonymous": ("MissingAuthenticationToken", "Request is missing Authentication Token", 403),
}
JSON = {
    "unknown_key": ("UnrecognizedClientException", NO_SUCH_TOKEN, 400),
    "mismatch": ("InvalidSignatureException", CHECK_BOTH, 400),
    "skewed": ("InvalidSignatureException", "Signature expired: {detail}", 400),
    "expired": ("InvalidSignatureException", "Signature expired", 400),
    "expired_token": (
        "ExpiredTokenException",
        "The security token included in the request is expired",
        400,
    ),
    "bad_token": ("UnrecognizedClientException", NO_SUCH_TOKEN, 400),
    "unsupported": ("IncompleteSignatureException", V4_ONLY, 400),
    "malformed": ("IncompleteSignatureException", "{detail}", 400),
    "anonymous": ("MissingAuthenticationTokenException", "Missing Authentication Token", 400),
}
FORMS = {"query": QUERY, "ec2": EC2, "rest-xml": QUERY}


def refuse_signature(error: SignatureError, service: str, protocol: str) -> AwsError:
    """Return the error with which a service refuses a signature."""
    form = S3 if service == "s3" else FORMS.get(protocol, JSON)
    code, text, status = form.get(error.reason) or form["mismatch"]
    return AwsError(code, text.format(detail=error.detail), status, fields=error.fields)


def refuse_access(protocol: str, text: str) -> AwsError:
    """Return the error with which a service refuses an access."""
    if protocol == "ec2":
        text = f"You are not authorized to perform this operation. {text}"
        return AwsError("UnauthorizedOperation", text, 403)
    if protocol in ("query", "rest-xml"):
        return AwsError("AccessDenied", text, 403)
    return AwsError("AccessDeniedException", text, 403 if protocol == "rest-json" else 400)
