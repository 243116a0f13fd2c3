"""The JSON Schema of the lab format, for editors and for `labrunner schema`."""

from typing import Any

from labrunner.model import ACTION_KINDS, Lab

_SHORT_FORMS = ("expect_error", "until", "wait")


def json_schema() -> dict[str, Any]:
    """Return the lab format as a JSON Schema of draft 2020-12."""
    schema = Lab.model_json_schema(by_alias=True)
    step = schema["$defs"]["Step"]
    for key in _SHORT_FORMS:
        step["properties"][key]["anyOf"].insert(0, {"type": "string", "minLength": 1})
    step["oneOf"] = [{"required": [kind]} for kind in ACTION_KINDS]
    step["dependentRequired"] = {"if": ["skip_reason"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "A labrunner lab",
    }
