"""Run one SQL statement in a warehouse, through Redshift's Data API, and fetch its rows."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from labrunner.actions.aws import refusal_of
from labrunner.outcome import Answer, Call, Outcome, Refusal

_TIMEOUT = 600.0
_LIMIT = 1000
_FIRST_PAUSE, _LAST_PAUSE = 0.02, 2.0
_TOLD_EVERY = 5.0
# How a warehouse is named, and as whom it is asked.
_WHERE = ("WorkgroupName", "ClusterIdentifier", "Database", "DbUser", "SecretArn")
_SESSION = ("SessionId", "SessionKeepAliveSeconds")


class Sql:
    """Runs statements through the client of redshift-data."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._client = client

    def perform(self, call: Call) -> Outcome:
        """Run `Sql` and return its rows; a statement that fails is a Refusal."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self._run(self._client("redshift-data"), call)
        except ClientError as error:
            return refusal_of(error.response)
        except BotoCoreError as error:
            return Refusal(type(error).__name__, str(error), certain=False)

    def _run(self, client: Any, call: Call) -> Outcome:
        given = call.arguments
        asked = {name: given[name] for name in (*_WHERE, *_SESSION) if name in given}
        if "SessionId" in asked:
            # A session knows its warehouse, and AWS refuses to be told again.
            asked = {name: asked[name] for name in _SESSION if name in asked}
        if given.get("Parameters"):
            named = given["Parameters"].items()
            asked["Parameters"] = [{"name": name, "value": str(value)} for name, value in named]
        started = time.monotonic()
        statement = client.execute_statement(Sql=given["Sql"], **asked)
        done = _awaited(client, statement["Id"], given.get("timeout") or _TIMEOUT, call.report)
        if done["Status"] == "FAILED":
            return Refusal("StatementFailed", str(done.get("Error", "")))
        if done["Status"] != "FINISHED":
            return Refusal("StatementAborted", f"the statement is {done['Status']}")
        rows, columns = _rows(client, done, given.get("limit") or _LIMIT)
        return Answer(
            {
                "Id": done["Id"],
                "SessionId": statement.get("SessionId"),
                "columns": columns,
                "rows": rows,
                "count": max(done.get("ResultRows", 0), 0),
                "seconds": time.monotonic() - started,
            }
        )


def _awaited(
    client: Any, statement: str, timeout: float, report: Callable[[str], None]
) -> Mapping[str, Any]:
    """Return the statement when it has ended; one that takes too long is cancelled."""
    started = told = time.monotonic()
    pause = _FIRST_PAUSE
    while True:
        found: Mapping[str, Any] = client.describe_statement(Id=statement)
        if found["Status"] in ("FINISHED", "FAILED", "ABORTED"):
            return found
        now = time.monotonic()
        if now - started > timeout:
            client.cancel_statement(Id=statement)
            return {"Status": f"cancelled after {timeout:g} s"}
        if now - told > _TOLD_EVERY:
            told = now
            report(f"the statement is {found['Status']} ({now - started:.0f} s)")
        time.sleep(pause)
        pause = min(pause * 1.5, _LAST_PAUSE)


def _rows(
    client: Any, done: Mapping[str, Any], limit: int
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return at most so many rows, each by its columns' names, and the names in order."""
    if not done.get("HasResultSet"):
        return [], []
    rows: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        page = client.get_statement_result(Id=done["Id"], **more)
        columns = [column["name"] for column in page["ColumnMetadata"]]
        for record in page["Records"]:
            if len(rows) == limit:
                return rows, columns
            rows.append(dict(zip(columns, map(_value, record), strict=True)))
        if not page.get("NextToken"):
            return rows, columns
        more = {"NextToken": page["NextToken"]}


def _value(field: Mapping[str, Any]) -> Any:
    return None if field.get("isNull") else next(iter(field.values()), None)
