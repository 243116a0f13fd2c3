"""The one place where texts become part of DuckDB's SQL."""


def text(value: str) -> str:
    """Return a string literal."""
    if "\0" in value:
        parts = [f"'{part.replace(chr(39), chr(39) * 2)}'" for part in value.split("\0")]
        return "(" + " || chr(0) || ".join(parts) + ")"
    return f"'{value.replace(chr(39), chr(39) * 2)}'"


def name(value: str) -> str:
    """Return a quoted identifier."""
    return f'"{value.replace(chr(34), chr(34) * 2)}"'


def texts(values: list[str]) -> str:
    """Return a list of string literals."""
    return f"[{', '.join(map(text, values))}]"
