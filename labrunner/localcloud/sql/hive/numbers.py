"""Java's rounding, exact arithmetic and numbers in other bases."""

import math
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal

EXACT = Context(prec=400)
RADIX = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LONG = 1 << 64


def round_up(value: float, digits: int) -> float:
    return _rounded(value, digits, ROUND_HALF_UP)


def round_even(value: float, digits: int) -> float:
    return _rounded(value, digits, ROUND_HALF_EVEN)


def _rounded(value: float, digits: int, way: str) -> float:
    if math.isnan(value) or math.isinf(value):
        return value
    return float(scaled(Decimal(repr(value)), digits, way))


def scaled(value: Decimal, digits: int, way: str) -> Decimal:
    """Return a number of so many digits after the point, rounded in a way of `decimal`."""
    return value.quantize(Decimal(1).scaleb(-digits), rounding=way, context=EXACT)


def cbrt(value: float) -> float:
    """Return the cube root, exact where it is a whole number, as Java's is."""
    root = math.cbrt(value)
    return float(round(root)) if math.isfinite(root) and round(root) ** 3 == value else root


def exact(value: float, scale: int) -> str | None:
    """Return a double as a decimal of so many digits, from its shortest text as Java does."""
    if math.isnan(value) or math.isinf(value):
        return None
    return f"{scaled(Decimal(repr(value)), scale, ROUND_HALF_UP):f}"


def divide(left: str, right: str, scale: int) -> str | None:
    """Return the quotient of two decimals, rounded half up; nothing by zero."""
    divisor = Decimal(right)
    if not divisor:
        return None
    return f"{scaled(EXACT.divide(Decimal(left), divisor), scale, ROUND_HALF_UP):f}"


def multiply(left: str, right: str, scale: int) -> str:
    product = EXACT.multiply(Decimal(left), Decimal(right))
    return f"{scaled(product, scale, ROUND_HALF_UP):f}"


def round_decimal(value: str, digits: int, even: bool) -> str:  # noqa: FBT001 - DuckDB calls it
    way = ROUND_HALF_EVEN if even else ROUND_HALF_UP
    return f"{scaled(Decimal(value), digits, way):f}"


def format_number(value: str, digits: int) -> str | None:
    if digits < 0:
        return None
    return format(scaled(Decimal(value), digits, ROUND_HALF_EVEN), f",.{digits}f")


def format_real(value: float, digits: int) -> str | None:
    if digits < 0 or math.isnan(value) or math.isinf(value):
        return None
    return format_number(str(Decimal(value)), digits)


def conv(number: str, source: int, target: int) -> str | None:
    """Return a number in another base, as an unsigned 64-bit one unless the base is negative."""
    if not (2 <= source <= 36 and 2 <= abs(target) <= 36) or not number:  # noqa: PLR2004
        return None
    negative = number.startswith("-")
    value = 0
    for char in number[negative:].upper():
        digit = RADIX.find(char)
        if not 0 <= digit < source:
            break
        value = value * source + digit
    if value >= LONG:
        value = LONG - 1
    if negative and target > 0:
        value = (-value) % LONG if value < 1 << 63 else LONG - 1
    if target < 0:
        signed = -value if negative else (value if value < 1 << 63 else value - LONG)
        text, sign = _in_base(abs(signed), -target), "-" if signed < 0 else ""
        return sign + text
    return _in_base(value, target)


def _in_base(value: int, base: int) -> str:
    digits = ""
    while value:
        value, digit = divmod(value, base)
        digits = RADIX[digit] + digits
    return digits or "0"
