"""What a session knows of itself, for the functions that ask for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from labrunner.localcloud.sql.redshift.wording import RedshiftError

# Settings that change results, or how they look: what is not their value here is refused.
FIXED: Mapping[str, frozenset[str]] = {
    "timezone": frozenset({"utc", "default", "gmt"}),
    "datestyle": frozenset({"iso, mdy", "iso", "iso,mdy", "default", "mdy"}),
    "enable_case_sensitive_identifier": frozenset({"false", "off", "default"}),
    "describe_field_name_in_uppercase": frozenset({"false", "off", "default"}),
    "downcase_delimited_identifier": frozenset({"true", "on", "default"}),
    "extra_float_digits": frozenset({"0", "default", "2", "3"}),
    "standard_conforming_strings": frozenset({"off", "default"}),
    "client_encoding": frozenset({"utf8", "utf-8", "unicode", "default"}),
    "cast_super_null_on_error": frozenset({"true", "default"}),
}
DEFAULTS: Mapping[str, str] = {
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "search_path": '"$user", public',
    "query_group": "unset",
    "statement_timeout": "0",
    "extra_float_digits": "0",
    "enable_result_cache_for_session": "off",
    "enable_case_sensitive_identifier": "off",
    "standard_conforming_strings": "off",
    "server_version": "8.0.2",
    "server_encoding": "UNICODE",
    "client_encoding": "UTF8",
    "is_superuser": "on",
    "autocommit": "on",
    "application_name": "",
    "wlm_query_slot_count": "1",
}
# Settings that change nothing here, as their effect is on speed or on what is not here.
FREE = frozenset(
    {
        *("query_group", "enable_result_cache_for_session", "application_name", "autocommit"),
        *("wlm_query_slot_count", "mv_enable_aqmv_for_session", "analyze_threshold_percent"),
        *("enable_vacuum_boost", "max_cursor_result_set_size", "client_min_messages"),
    }
)
UNITS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


@dataclass
class SessionFacts:
    """A session's user, database and numbers, and its settings by name in small letters."""

    database: str
    user: str
    user_id: int
    pid: int
    account: str
    namespace: str
    settings: dict[str, str] = field(default_factory=dict)
    last_copy_count: int = 0
    last_copy_id: int = -1
    last_query_id: int = -1

    @property
    def search_path(self) -> list[str]:
        """The schemas in which names are looked for, without those of the system."""
        text = self.settings.get("search_path", DEFAULTS["search_path"])
        names = [one.strip().strip("'").strip('"').lower() for one in text.split(",")]
        return [self.user.lower() if one == "$user" else one for one in names if one]

    @property
    def schema(self) -> str:
        """The first schema of the search path that may exist."""
        own = self.user.lower()
        return next((one for one in self.search_path if one != own), "public")

    def setting(self, name: str) -> str:
        """Return a setting's value; raises RedshiftError for a name that there is not."""
        key = name.lower()
        if key in self.settings:
            return self.settings[key]
        if key in DEFAULTS:
            return DEFAULTS[key]
        raise RedshiftError("42704", f'unrecognized configuration parameter "{name}"')

    def change(self, name: str, value: str) -> None:
        """Change a setting; raises RedshiftError if that cannot have its effect here."""
        key = name.lower()
        if key in FIXED:
            if value.lower() not in FIXED[key]:
                text = f"SET {key} TO {value} is not supported by the local engine"
                raise RedshiftError("0A000", text, kind="unsupported")
        elif key == "statement_timeout":
            milliseconds(value)
        elif key not in FREE and key != "search_path":
            if key in DEFAULTS:
                raise RedshiftError("55P02", f'parameter "{key}" cannot be changed')
            raise RedshiftError("42704", f'unrecognized configuration parameter "{name}"')
        if value.lower() == "default":
            self.settings.pop(key, None)
        else:
            self.settings[key] = value


def milliseconds(text: str) -> int:
    """Return a duration of a setting; raises RedshiftError."""
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = text[len(digits) :].strip() or "ms"
    if text.lower() == "default":
        return 0
    if not digits.isdecimal() or unit not in UNITS:
        raise RedshiftError("22023", f'invalid value for parameter "statement_timeout": "{text}"')
    return int(digits) * UNITS[unit]
