"""How Hive words its refusals, with the numbers of its ErrorMsg."""

from collections.abc import Sequence

from labrunner.localcloud.sql.datatypes import Type
from labrunner.localcloud.sql.errors import Place, SqlError
from labrunner.localcloud.sql.functions import MismatchError
from labrunner.localcloud.sql.values import Node, Scope, place_of


def semantic(code: int, text: str, place: Place | None = None) -> SqlError:
    """Return a SemanticException; a code of 0 is none."""
    number = f" [Error {code}]:" if code else ""
    where = f" Line {place.line}:{place.column}" if place else ""
    return SqlError("semantic", f"FAILED: SemanticException{number}{where} {text}", place)


class HiveWording:
    """Hive's own sentences where they are known."""

    def table_not_found(self, name: str, node: Node | None) -> SqlError:
        """Return the refusal of a table that is not there."""
        return semantic(10001, f"Table not found '{name}'", place_of(node))

    def column_not_found(self, name: str, scope: Scope, node: Node) -> SqlError:
        """Return the refusal of a name that no relation has."""
        names = ", ".join(one.name for one in scope.columns())
        text = f"Invalid table alias or column reference '{name}'"
        return semantic(10004, f"{text}: (possible column names are: {names})", place_of(node))

    def ambiguous(self, name: str, node: Node) -> SqlError:
        """Return the refusal of a name that two relations have."""
        text = f"Column {name} Found in more than One Tables/Subqueries"
        return semantic(0, text, place_of(node))

    def not_grouped(self, name: str, node: Node) -> SqlError:
        """Return the refusal of a column that a grouped query does not group by."""
        return semantic(10025, f"Expression not in GROUP BY key '{name}'", place_of(node))

    def no_function(self, name: str, node: Node) -> SqlError:
        """Return the refusal of a function that Hive does not have either."""
        return semantic(10011, f"Invalid function '{name}'", place_of(node))

    def wrong_arguments(self, name: str, why: MismatchError, node: Node) -> SqlError:
        """Return the refusal of arguments that a function does not take."""
        if why.index is None:
            more = f": {why.why}" if why.why else ""
            return semantic(10015, f"Arguments length mismatch '{name}'{more}", place_of(node))
        return semantic(10016, f"Argument type mismatch '{name}': {why.why}", place_of(node))

    def aggregate_here(self, name: str, node: Node) -> SqlError:
        """Return the refusal of an aggregate where rows are not grouped."""
        return semantic(10128, f"Not yet supported place for UDAF '{name}'", place_of(node))

    def no_common_type(self, what: str, types: Sequence[Type], node: Node) -> SqlError:
        """Return the refusal of values whose types do not go together."""
        names = ", ".join(map(str, types))
        return semantic(
            10014, f"Wrong arguments '{what}': no common type of {names}", place_of(node)
        )

    def other(self, why: str, node: Node | None) -> SqlError:
        """Return another refusal."""
        return semantic(0, why, place_of(node))
