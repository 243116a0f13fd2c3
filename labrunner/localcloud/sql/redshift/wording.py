"""How Redshift words its refusals, with PostgreSQL's SQLSTATE."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labrunner.localcloud.sql.datatypes import Type
from labrunner.localcloud.sql.errors import Kind, Place, SqlError
from labrunner.localcloud.sql.functions import MismatchError
from labrunner.localcloud.sql.redshift import types
from labrunner.localcloud.sql.values import Scope, place_of

if TYPE_CHECKING:
    from sqlglot import exp

    Node = exp.Expression
else:
    Node = Any

STATES = {
    "parse": "42601",
    "semantic": "42000",
    "unsupported": "0A000",
    "execution": "XX000",
    "cancelled": "57014",
}


class RedshiftError(SqlError):
    """An error with its SQLSTATE; `message` is what stands after `ERROR: `."""

    def __init__(  # noqa: PLR0913 - the fields of PostgreSQL's error
        self,
        state: str,
        message: str,
        place: Place | None = None,
        *,
        detail: str = "",
        hint: str = "",
        kind: Kind = "semantic",
    ) -> None:
        super().__init__(kind, message, place)
        self.state = state
        self.detail = detail
        self.hint = hint


def state_of(error: SqlError) -> str:
    """Return the SQLSTATE of any error of the engine."""
    return error.state if isinstance(error, RedshiftError) else STATES[error.kind]


def shown(error: SqlError) -> str:
    """Return an error as the Data API shows it."""
    text = f"ERROR: {error.message}"
    detail = getattr(error, "detail", "")
    hint = getattr(error, "hint", "")
    text += f"\n  Detail: {detail}" if detail else ""
    return text + (f"\n  Hint: {hint}" if hint else "")


def syntax_error(near: str, place: Place | None) -> RedshiftError:
    """Return the refusal of a text that is no statement; nothing is near its end."""
    where = f'at or near "{near}"' if near else "at end of input"
    return RedshiftError("42601", f"syntax error {where}", place, kind="parse")


class RedshiftWording:
    """Redshift's own sentences where they are known, else PostgreSQL's."""

    def table_not_found(self, name: str, node: Node | None) -> SqlError:
        """Return the refusal of a table that is not there."""
        return RedshiftError("42P01", f'relation "{name}" does not exist', place_of(node))

    def column_not_found(self, name: str, scope: Scope, node: Node) -> SqlError:
        """Return the refusal of a name that no relation has."""
        place = place_of(node)
        qualified = node.args.get("table") if type(node).__name__ == "Column" else None
        if qualified is not None:
            relation = str(qualified.name).lower()
            if not _has(scope, relation):
                text = f'missing FROM-clause entry for table "{relation}"'
                return RedshiftError("42P01", text, place)
            return RedshiftError("42703", f"column {relation}.{name} does not exist", place)
        names = ", ".join(one.name or "unnamed_subquery" for one in scope.relations)
        where = f" in {names}" if names else ""
        return RedshiftError("42703", f'column "{name}" does not exist{where}', place)

    def ambiguous(self, name: str, node: Node) -> SqlError:
        """Return the refusal of a name that two relations have."""
        text = f'column reference "{name}" is ambiguous'
        return RedshiftError("42702", text, place_of(node))

    def not_grouped(self, name: str, node: Node) -> SqlError:
        """Return the refusal of a column that a grouped query does not group by."""
        table = node.args.get("table") if type(node).__name__ == "Column" else None
        name = f"{table.name.lower()}.{name}" if table is not None else name
        text = (
            f'column "{name}" must appear in the GROUP BY clause or be used in an aggregate '
            "function"
        )
        return RedshiftError("42803", text, place_of(node))

    def no_function(self, name: str, node: Node) -> SqlError:
        """Return the refusal of a function that Redshift does not have either."""
        return _no_function(f"function {name}() does not exist", node)

    def wrong_arguments(self, name: str, why: MismatchError, node: Node) -> SqlError:
        """Return the refusal of arguments that a function does not take."""
        more = f": {why.why}" if why.why else ""
        text = f"function {name}() does not exist with these arguments{more}"
        return _no_function(text, node)

    def aggregate_here(self, name: str, node: Node) -> SqlError:
        """Return the refusal of an aggregate where rows are not grouped."""
        text = f"aggregates not allowed here: {name}()"
        return RedshiftError("42803", text, place_of(node))

    def no_common_type(self, what: str, kinds: Sequence[Type], node: Node) -> SqlError:
        """Return the refusal of values whose types do not go together."""
        if what == "condition":
            text = f"argument of WHERE must be type boolean, not type {types.name(kinds[0])}"
            return RedshiftError("42804", text, place_of(node))
        if what in ("CASE", "UNION", "COALESCE", "IN"):
            names = " and ".join(types.name(one) for one in kinds)
            return RedshiftError("42804", f"{what} types {names} cannot be matched", place_of(node))
        left, *right = (types.name(one) for one in kinds)
        text = (
            f"operator does not exist: {left} {what} {right[0]}"
            if right
            else (f"operator does not exist: {what} {left}")
        )
        hint = (
            "No operator matches the given name and argument type(s). "
            "You may need to add explicit type casts."
        )
        return RedshiftError("42883", text, place_of(node), hint=hint)

    def other(self, why: str, node: Node | None) -> SqlError:
        """Return another refusal."""
        return RedshiftError("42601", why, place_of(node))


def _has(scope: Scope, relation: str) -> bool:
    return scope.has(relation) or (scope.parent is not None and _has(scope.parent, relation))


def _no_function(text: str, node: Node) -> RedshiftError:
    hint = (
        "No function matches the given name and argument types. "
        "You may need to add explicit type casts."
    )
    return RedshiftError("42883", text, place_of(node), hint=hint)
