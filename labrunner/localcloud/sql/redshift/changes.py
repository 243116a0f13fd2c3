# ruff: noqa: S608 - the SQL is made of our own names and of compiled expressions
"""INSERT, UPDATE, DELETE and MERGE."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labrunner.localcloud.sql import sources
from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.queries import boolean
from labrunner.localcloud.sql.redshift import conversions, types
from labrunner.localcloud.sql.redshift.catalog import Catalog, Column, Relation
from labrunner.localcloud.sql.redshift.operators import node_parts
from labrunner.localcloud.sql.redshift.reader import Name
from labrunner.localcloud.sql.redshift.tables import Tables
from labrunner.localcloud.sql.redshift.wording import RedshiftError
from labrunner.localcloud.sql.values import Column as Offered
from labrunner.localcloud.sql.values import Relation as InFrom
from labrunner.localcloud.sql.values import Scope, Value, place_of

if TYPE_CHECKING:
    from sqlglot import exp

    Node = exp.Expression
else:
    Node = Any

INSERT = frozenset({"this", "expression", "default", "with_"})
UPDATE = frozenset({"this", "expressions", "from_", "where"})
DELETE = frozenset({"this", "tables", "using", "where"})
MERGE = frozenset({"this", "using", "on", "whens"})
WHEN = frozenset({"matched", "then"})


class Changes:
    """Compiles what changes rows into DuckDB's SQL; every method raises SqlError."""

    def __init__(self, catalog: Catalog, tables: Tables, compiler: Compiler) -> None:
        self._catalog = catalog
        self._tables = tables
        self._compiler = compiler

    # ---- INSERT

    def insert(self, node: Node) -> str:
        """Return INSERT as DuckDB's statement."""
        compiler = self._compiler
        compiler.expect(node, INSERT)
        target, names = node.this, None
        if type(target).__name__ == "Schema":
            names = [str(one.name).lower() for one in target.expressions]
            target = target.this
        table = self._target(target, "INSERT")
        columns = self._listed(table, names)
        if node.args.get("default"):
            return self.into(table, [], "SELECT 1", [])
        source = node.expression
        if type(source).__name__ == "Values":
            return self._values(table, columns, source, is_listed=names is not None)
        if node.args.get("with_") is not None:
            source = source.copy()
            source.set("with_", node.args["with_"].copy())
        query = compiler.query(source)
        self._expect_count(len(query.types), len(columns), is_listed=names is not None)
        chosen = columns[: len(query.types)]
        alias = compiler.fresh("t")
        values = [Value(f"{alias}.c{i}", kind) for i, kind in enumerate(query.types)]
        fitted = [self._fitted(v, c, node) for v, c in zip(values, chosen, strict=True)]
        return self.into(table, chosen, f"SELECT * FROM ({query.sql}) AS {alias}", fitted, alias)

    def into(
        self,
        table: Relation,
        columns: Sequence[Column],
        source: str,
        values: Sequence[Value],
        alias: str = "",
    ) -> str:
        """Return INSERT of values over a source's rows; the other columns get their defaults."""
        given = {one.name: value.sql for one, value in zip(columns, values, strict=True)}
        texts = [given.get(one.name) or self._default(table, one) for one in table.columns]
        names = ", ".join(one.sql for one in table.columns)
        rest = f" AS {alias}" if alias else " AS source"
        return f"INSERT INTO {table.sql} ({names}) SELECT {', '.join(texts)} FROM ({source}){rest}"

    def _default(self, table: Relation, column: Column) -> str:
        if column.identity:
            return f"CAST(nextval('{table.sequence(column)}') AS {column.type.duckdb})"
        return self._tables.default(column, self._compiler).sql

    def _listed(self, table: Relation, names: list[str] | None) -> list[Column]:
        if names is None:
            return [one for one in table.columns if not one.is_generated]
        found = [table.column(name) for name in names]
        for one in found:
            if names.count(one.name) > 1:
                text = f'column "{one.name}" specified more than once'
                raise RedshiftError("42701", text)
            if one.is_generated:
                text = f"cannot set an identity column to a value: {one.name}"
                raise RedshiftError("42601", text)
        return found

    @staticmethod
    def _expect_count(values: int, columns: int, *, is_listed: bool) -> None:
        if values > columns:
            raise RedshiftError("42601", "INSERT has more expressions than target columns")
        if values < columns and is_listed:
            raise RedshiftError("42601", "INSERT has more target columns than expressions")

    def _values(
        self, table: Relation, columns: list[Column], node: Node, *, is_listed: bool
    ) -> str:
        rows, widths = [], set()
        for row in node.expressions:
            items = row.expressions if type(row).__name__ == "Tuple" else [row]
            self._expect_count(len(items), len(columns), is_listed=is_listed)
            widths.add(len(items))
            chosen = columns[: len(items)]
            texts = [self._item(table, i, c) for i, c in zip(items, chosen, strict=True)]
            rows.append(f"({', '.join(texts)})")
        if len(widths) > 1:
            raise RedshiftError("42601", "VALUES lists must all be the same length", place_of(node))
        chosen = columns[: widths.pop()]
        names = ", ".join(f"c{i}" for i in range(len(chosen)))
        alias = self._compiler.fresh("t")
        values = [Value(f"{alias}.c{i}", one.type) for i, one in enumerate(chosen)]
        source = f"SELECT * FROM (VALUES {', '.join(rows)}) AS v({names})"
        return self.into(table, chosen, source, values, alias)

    def _item(self, table: Relation, node: Node, column: Column) -> str:
        if type(node).__name__ == "Var" and node.name.upper() == "DEFAULT":
            return self._default(table, column)
        value = self._compiler.value(node, Scope())
        return f"CAST({self._fitted(value, column, node).sql} AS {column.type.duckdb})"

    @staticmethod
    def _fitted(value: Value, column: Column, node: Node) -> Value:
        found = conversions.assigned(value, column.type)
        if found is None:
            text = (
                f'column "{column.name}" is of type {types.name(column.type)} but expression is of '
                f"type {types.name(value.type)}"
            )
            hint = "You will need to rewrite or cast the expression."
            raise RedshiftError("42804", text, place_of(node), hint=hint)
        return found

    # ---- UPDATE and DELETE

    def _target(self, node: Node, privilege: str) -> Relation:
        if type(node).__name__ != "Table":
            raise unsupported(f"Redshift's {privilege} of anything but a table", place_of(node))
        self._compiler.expect(node, frozenset({"this", "db", "catalog", "alias"}))
        parts = tuple(str(part.name).lower() for part in node_parts(node))
        found = self._catalog.table(Name(parts, place_of(node)))
        self._catalog.expect_allowed(found, privilege)
        return found

    def _scope(self, node: Node, table: Relation, alias: str) -> Scope:
        name = sources.alias_of(node) or table.name
        columns = tuple(Offered(one.name, one.type, f"{alias}.{one.sql}") for one in table.columns)
        return Scope(relations=[InFrom(name, columns)])

    def update(self, node: Node) -> str:
        """Return UPDATE as DuckDB's statement."""
        compiler = self._compiler
        compiler.expect(node, UPDATE)
        table, alias = self._target(node.this, "UPDATE"), compiler.fresh("t")
        scope = self._scope(node.this, table, alias)
        others = sources.compile_from(compiler, node, scope)
        sets = self._sets(table, node.expressions, scope)
        where = self._where(node, scope)
        return f"UPDATE {table.sql} AS {alias} SET {sets}{others}{where}"

    def _sets(self, table: Relation, nodes: Sequence[Node], scope: Scope) -> str:
        found: dict[str, str] = {}
        for one in nodes:
            if type(one).__name__ != "EQ" or type(one.this).__name__ != "Column":
                raise unsupported("Redshift's SET of anything but a column", place_of(one))
            column = table.column(str(one.this.name).lower(), place_of(one))
            if column.sql in found:
                text = f'multiple assignments to same column "{column.name}"'
                raise RedshiftError("42601", text, place_of(one))
            if column.is_generated:
                raise RedshiftError("42601", "cannot set an identity column to a value")
            right = one.expression
            if type(right).__name__ == "Column" and right.name.upper() == "DEFAULT":
                found[column.sql] = self._default(table, column)
                continue
            value = self._compiler.value(right, scope)
            found[column.sql] = self._fitted(value, column, right).sql
        return ", ".join(f"{name} = {sql}" for name, sql in found.items())

    def _where(self, node: Node, scope: Scope) -> str:
        found = node.args.get("where")
        if found is None:
            return ""
        return f" WHERE {boolean(self._compiler, found.this, scope).sql}"

    def delete(self, node: Node) -> str:
        """Return DELETE as DuckDB's statement."""
        from sqlglot import exp

        compiler = self._compiler
        compiler.expect(node, DELETE)
        target = node.this or (node.args.get("tables") or [None])[0]
        if target is None or (node.this and node.args.get("tables")):
            raise unsupported("Redshift's DELETE from several tables", place_of(node))
        table, alias = self._target(target, "DELETE"), compiler.fresh("t")
        scope = self._scope(target, table, alias)
        others = ""
        using = node.args.get("using") or []
        if using:
            made = exp.Select(
                from_=exp.From(this=using[0].copy()),
                joins=[exp.Join(this=one.copy()) for one in using[1:]],
            )
            text = sources.compile_from(compiler, made, scope)
            others = text.replace(" FROM ", " USING ", 1)
        return f"DELETE FROM {table.sql} AS {alias}{others}{self._where(node, scope)}"

    # ---- MERGE

    def merge(self, node: Node) -> tuple[str, str]:
        """Return MERGE as DuckDB's statement, and a query that has rows if it must fail."""
        from sqlglot import exp

        compiler = self._compiler
        compiler.expect(node, MERGE)
        table, alias = self._target(node.this, "UPDATE"), compiler.fresh("t")
        for privilege in ("INSERT", "DELETE"):
            self._catalog.expect_allowed(table, privilege)
        scope = self._scope(node.this, table, alias)
        made = exp.Select(from_=exp.From(this=node.args["using"].copy()))
        source = sources.compile_from(compiler, made, scope).removeprefix(" FROM ")
        condition = boolean(compiler, node.args["on"], scope).sql
        whens = "".join(self._when(table, one, scope) for one in node.args["whens"].expressions)
        sql = f"MERGE INTO {table.sql} AS {alias} USING {source} ON ({condition}){whens}"
        twice = (
            f"SELECT 1 FROM {table.sql} AS {alias} JOIN {source} ON ({condition}) "
            f"GROUP BY {alias}.rowid HAVING count(*) > 1 LIMIT 1"
        )
        return sql, twice

    def _when(self, table: Relation, node: Node, scope: Scope) -> str:
        self._compiler.expect(node, WHEN)
        then = node.args["then"]
        kind = type(then).__name__
        if node.args.get("matched"):
            if kind == "Update":
                return f" WHEN MATCHED THEN UPDATE SET {self._sets(table, then.expressions, scope)}"
            if kind == "Var" and then.name.upper() == "DELETE":
                return " WHEN MATCHED THEN DELETE"
        elif kind == "Insert":
            return self._when_missing(table, then, scope)
        raise unsupported("Redshift's MERGE of this kind", place_of(node))

    def _when_missing(self, table: Relation, node: Node, scope: Scope) -> str:
        listed = node.this.expressions if node.this is not None else None
        names = None if listed is None else [str(one.name).lower() for one in listed]
        columns = self._listed(table, names)
        items = node.expression.expressions
        self._expect_count(len(items), len(columns), is_listed=names is not None)
        # The target's columns are not known where there is no row of it.
        inner = Scope(relations=scope.relations[1:])
        given = {}
        for item, column in zip(items, columns, strict=False):
            if type(item).__name__ == "Var" and item.name.upper() == "DEFAULT":
                continue
            value = self._compiler.value(item, inner)
            given[column.name] = self._fitted(value, column, item).sql
        texts = [given.get(one.name) or self._default(table, one) for one in table.columns]
        names_sql = ", ".join(one.sql for one in table.columns)
        return f" WHEN NOT MATCHED THEN INSERT ({names_sql}) VALUES ({', '.join(texts)})"
