"""Numbers as Java writes them."""

import math


def java_scientific(text: str) -> str:
    """Return a number's shortest text in the notation of Java's Double.toString, 1.5E-5."""
    sign = "-" if text.startswith("-") else ""
    mantissa, _, exponent = text.lstrip("-").lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    power = int(exponent or 0) + len(whole) - 1
    stripped = digits.lstrip("0")
    power -= len(digits) - len(stripped)
    stripped = stripped.rstrip("0") or "0"
    return f"{sign}{stripped[0]}.{stripped[1:] or '0'}E{power}"


def java_double(value: float) -> str:
    """Return a double as Java's Double.toString writes it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    text = repr(value)
    if value == 0:
        return text
    if 1e-3 <= abs(value) < 1e7:  # noqa: PLR2004 - Java's bounds of the plain notation
        return text
    return java_scientific(text)
