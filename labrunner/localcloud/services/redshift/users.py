"""Which database user an AWS caller is."""

import re

from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.principals import Principal

PASSWORD = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[!-~]{8,64}")
FORBIDDEN = frozenset("'\"\\/@ ")


def database_user(principal: Principal) -> str:
    """Return the user of the database that IAM makes of a caller: `IAM:name` or `IAMR:role`."""
    if principal.is_root:
        return "IAM:RootIdentity"
    return f"IAMR:{principal.name}" if principal.kind == "role" else f"IAM:{principal.name}"


def owner_of(principal: Principal) -> str:
    """Return to whom statements belong: a user, or all sessions of a role."""
    return principal.role_arn or principal.arn


def expect_password(password: str, code: str) -> None:
    """Raise AwsError if a password is not as Redshift wants it."""
    if not PASSWORD.fullmatch(password) or FORBIDDEN & set(password):
        text = (
            "The password must have 8 to 64 characters, at least one uppercase letter, one "
            "lowercase letter and one number, and none of ' \" \\ / @ or space."
        )
        raise AwsError(code, text)
