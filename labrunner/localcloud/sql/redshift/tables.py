"""Creates, changes and drops what the catalog has, and keeps DuckDB's tables with it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.datatypes import Type
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.redshift import conversions, types
from labrunner.localcloud.sql.redshift.catalog import Catalog, Column, Relation
from labrunner.localcloud.sql.redshift.parsing import parse_expression
from labrunner.localcloud.sql.redshift.reader import Name
from labrunner.localcloud.sql.redshift.statements import (
    AddColumn,
    AddConstraint,
    AlterColumn,
    AlterLayout,
    ChangeOwner,
    ColumnSpec,
    Comment,
    Constraint,
    CreateTable,
    DropColumn,
    DropConstraint,
    Grant,
    Layout,
    Rename,
)
from labrunner.localcloud.sql.redshift.warehouse import Connection, Warehouse
from labrunner.localcloud.sql.redshift.wording import RedshiftError
from labrunner.localcloud.sql.values import Query, Scope, Value

MAX_COLUMNS = 1600
# What ENCODE AUTO begins with, by type; a sort key is not encoded.
ENCODED: Mapping[str, str] = {
    "boolean": "none", "float": "none", "double": "none", "varchar": "lzo", "char": "lzo",
}  # fmt: skip
KINDS = {"p": "pkey", "u": "key", "f": "fkey"}


class Tables:
    """The changes of one session's catalog; every method raises SqlError."""

    def __init__(self, warehouse: Warehouse, connection: Connection, catalog: Catalog) -> None:
        self._warehouse = warehouse
        self._connection = connection
        self._catalog = catalog

    # ---- creating

    def create(
        self, statement: CreateTable, query: Query | None, compiler: Compiler
    ) -> Relation | None:
        """Create a table; None if it is there and may be. A query gives columns, not rows."""
        name = statement.name
        schema = self._place(name, temporary=statement.temporary)
        if self._exists(name, schema, temporary=statement.temporary):
            if statement.if_not_exists:
                return None
            raise RedshiftError("42P07", f'Relation "{name.own}" already exists', name.place)
        columns, layout = self._columns(statement, query)
        if len(columns) > MAX_COLUMNS:
            raise RedshiftError("54011", "tables can have at most 1600 columns")
        for one in columns:
            self._check_default(one, compiler)
        columns = self._arranged(columns, layout)
        found = Relation(
            self._warehouse.new_oid(), schema, name.own, "r", self._catalog.facts.user_id,
            self._catalog.facts.pid if statement.temporary else 0, _diststyle(layout, columns), "",
            tuple(columns),
        )  # fmt: skip
        self._store(found, sortstyle="INTERLEAVED" if layout.interleaved else "")
        listed = ", ".join(self._declared(one) for one in columns)
        self._connection.run(f"CREATE TABLE {found.sql} ({listed})")
        for one in columns:
            self._add_sequence(found, one)
        for constraint in statement.constraints:
            self._add_constraint(found, constraint)
        return found

    def _place(self, name: Name, *, temporary: bool) -> str:
        if temporary:
            if name.schema and not name.schema.startswith("pg_temp"):
                text = "temporary tables may not specify a schema name"
                raise RedshiftError("42P16", text, name.place)
            return f"pg_temp_{self._catalog.facts.pid}"
        schema = self._catalog.creation_schema(name)
        if not self._catalog.owns(schema):
            raise RedshiftError("42501", f"permission denied for schema {schema}", name.place)
        return schema

    def _exists(self, name: Name, schema: str, *, temporary: bool) -> bool:
        session = self._catalog.facts.pid if temporary else 0
        sql = (
            "SELECT 1 FROM meta.relations WHERE db = ? AND schema = ? AND name = ? AND session = ?"
        )
        values = [self._catalog.facts.database, schema, name.own, session]
        return bool(self._connection.all(sql, values))

    def _columns(self, statement: CreateTable, query: Query | None) -> tuple[list[Column], Layout]:
        layout = statement.layout
        if statement.like is not None:
            parent = self._catalog.table(statement.like)
            columns = [
                replace(
                    one, slot=slot, identity="",
                    default_sql=one.default_sql if statement.like_defaults else None,
                )
                for slot, one in enumerate(parent.columns)
            ]  # fmt: skip
            distkey = next((one.name for one in columns if one.distkey), "")
            keys = sorted((one.sortkey, one.name) for one in columns if one.sortkey)
            inherited = Layout(
                parent.diststyle.partition("(")[0], distkey, tuple(name for _, name in keys)
            )
            return columns, inherited if layout == Layout() else layout
        if query is not None:
            names = statement.names or query.names
            if len(names) != len(query.names):
                text = "CREATE TABLE AS specifies too many column names"
                raise RedshiftError("42601", text, statement.name.place)
            for one in names:
                if names.count(one) > 1:
                    raise RedshiftError("42701", f'column "{one}" specified more than once')
            kinds = [types.stored(one) for one in query.types]
            if any(one.name == "interval" for one in kinds):
                raise RedshiftError(
                    "0A000", "Interval columns are not supported", kind="unsupported"
                )
            return [
                Column(name, kind, slot, encoding="")
                for slot, (name, kind) in enumerate(zip(names, kinds, strict=True))
            ], layout
        return [_declared(spec, slot) for slot, spec in enumerate(statement.columns)], _merged(
            statement.columns, layout
        )

    def _check_default(self, column: Column, compiler: Compiler) -> None:
        if column.default_sql is not None:
            self.default(column, compiler)

    def default(self, column: Column, compiler: Compiler) -> Value:
        """Return what a column gets that is given no value; raises SqlError."""
        if column.default_sql is None:
            return Value(f"CAST(NULL AS {column.type.duckdb})", column.type, None)
        value = compiler.value(parse_expression(column.default_sql), Scope())
        found = conversions.assigned(value, column.type)
        if found is None:
            text = (
                f'column "{column.name}" is of type {types.name(column.type)} but default '
                f"expression is of type {types.name(value.type)}"
            )
            raise RedshiftError("42804", text)
        return found

    def _arranged(self, columns: list[Column], layout: Layout) -> list[Column]:
        for name in (layout.distkey, *layout.sortkey):
            if name and name not in [one.name for one in columns]:
                text = f'column "{name}" named in key does not exist'
                raise RedshiftError("42703", text)
        if layout.diststyle == "KEY" and not layout.distkey:
            text = "DISTSTYLE KEY requires a DISTKEY column"
            raise RedshiftError("42601", text)
        found = []
        for one in columns:
            sortkey = layout.sortkey.index(one.name) + 1 if one.name in layout.sortkey else 0
            encoding = one.encoding
            if encoding in ("", "auto"):
                encoding = "none" if sortkey else ENCODED.get(one.type.name, "az64")
            sortkey = -sortkey if layout.interleaved and sortkey % 2 == 0 else sortkey
            found.append(
                replace(one, sortkey=sortkey, distkey=one.name == layout.distkey, encoding=encoding)
            )
        return found

    def _declared(self, column: Column) -> str:
        rest = " NOT NULL" if column.not_null else ""
        return f"{column.sql} {column.type.duckdb}{rest}"

    def _store(self, found: Relation, *, sortstyle: str = "") -> None:
        self._connection.run(
            "INSERT INTO meta.relations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
            "CAST(current_timestamp AS TIMESTAMP), NULL)",
            [found.oid, self._catalog.facts.database, found.schema, found.name, found.kind,
             found.owner, found.session, found.diststyle, sortstyle, found.definition],
        )  # fmt: skip
        for number, one in enumerate(found.columns, 1):
            self._store_column(found, one, number)

    def _store_column(self, found: Relation, one: Column, number: int) -> None:
        self._connection.run(
            "INSERT INTO meta.columns VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            [found.oid, number, one.slot, one.name, types.to_words(one.type), one.not_null,
             one.default_sql, one.identity, one.encoding, one.distkey, one.sortkey],
        )  # fmt: skip

    def _add_sequence(self, found: Relation, column: Column) -> None:
        if column.identity:
            seed, step = (int(one) for one in column.identity.split(",")[:2])
            bound = "MINVALUE" if step > 0 else "MAXVALUE"
            self._connection.run(
                f"CREATE SEQUENCE {found.sequence(column)} {bound} {seed} START {seed} "
                f"INCREMENT {step}"
            )

    def _add_constraint(self, table: Relation, constraint: Constraint) -> None:
        for name in constraint.columns:
            table.column(name)
        referenced = None
        if constraint.references is not None:
            referenced = self._catalog.table(constraint.references)
            for name in constraint.referenced:
                referenced.column(name)
        name = constraint.name
        if not name:
            middle = "" if constraint.kind == "p" else f"_{'_'.join(constraint.columns)}"
            name = f"{table.name}{middle}_{KINDS[constraint.kind]}"
        self._connection.run(
            "INSERT INTO meta.constraints VALUES (?, ?, ?, ?, ?, ?, ?)",
            [self._warehouse.new_oid(), table.oid, constraint.kind, name,
             ",".join(constraint.columns), referenced.oid if referenced else None,
             ",".join(constraint.referenced)],
        )  # fmt: skip

    def create_view(
        self, name: Name, query: Query, names: Sequence[str], text: str, *, replaces: bool
    ) -> Relation:
        """Create a view of a compiled query."""
        schema = self._place(name, temporary=False)
        listed = tuple(names) or query.names
        if len(listed) != len(query.names):
            raise RedshiftError("42601", "CREATE VIEW specifies too many column names", name.place)
        for one in listed:
            if listed.count(one) > 1:
                raise RedshiftError("42701", f'column "{one}" specified more than once')
        current = self._catalog.find(name)
        if current is not None:
            if not replaces or current.kind != "v":
                what = f'Relation "{name.own}" already exists'
                if replaces:
                    what = f'"{name.own}" is not a view'
                raise RedshiftError("42P07", what, name.place)
            self._catalog.expect_owner(current)
            self.remove(current)
        columns = tuple(
            Column(one, types.stored(kind), slot)
            for slot, (one, kind) in enumerate(zip(listed, query.types, strict=True))
        )
        found = Relation(
            self._warehouse.new_oid(), schema, name.own, "v", self._catalog.facts.user_id, 0, "",
            text, columns,
        )  # fmt: skip
        self._store(found)
        return found

    # ---- removing

    def remove(self, relation: Relation) -> None:
        """Take a table or view out of the catalog, and its rows away."""
        if relation.kind == "r":
            self._connection.run(f"DROP TABLE {relation.sql}")
            for one in relation.columns:
                if one.identity:
                    self._connection.run(f"DROP SEQUENCE {relation.sequence(one)}")
        self._connection.run("DELETE FROM meta.relations WHERE oid = ?", [relation.oid])
        for table in ("columns", "constraints", "grants"):
            self._connection.run(f"DELETE FROM meta.{table} WHERE rel = ?", [relation.oid])  # noqa: S608

    # ---- changing

    def _table(self, name: Name) -> Relation:
        found = self._catalog.table(name)
        self._catalog.expect_owner(found)
        return found

    def add_column(self, statement: AddColumn, compiler: Compiler) -> None:
        """ALTER TABLE ADD COLUMN; rows that are there get the default."""
        table, spec = self._table(statement.table), statement.column
        if spec.name in [one.name for one in table.columns]:
            text = f'column "{spec.name}" of relation "{table.name}" already exists'
            raise RedshiftError("42701", text, spec.place)
        if spec.identity or spec.distkey or spec.sortkey:
            raise unsupported("Redshift's ADD COLUMN as IDENTITY, DISTKEY or SORTKEY", spec.place)
        if spec.not_null and spec.default is None:
            text = (
                "ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression"
            )
            raise RedshiftError("42601", text, spec.place)
        rows = self._connection.all("SELECT max(slot) FROM meta.columns WHERE rel = ?", [table.oid])
        column = self._arranged([_declared(spec, int(rows[0][0] or 0) + 1)], Layout())[0]
        value = self.default(column, compiler)
        self._connection.run(
            f"ALTER TABLE {table.sql} ADD COLUMN {column.sql} {column.type.duckdb}"
        )
        if column.default_sql is not None:
            self._connection.run(f"UPDATE {table.sql} SET {column.sql} = {value.sql}")  # noqa: S608
        self._store_column(table, column, column.slot + 1)

    def drop_column(self, statement: DropColumn) -> None:
        """ALTER TABLE DROP COLUMN."""
        table = self._table(statement.table)
        column = table.column(statement.column, statement.table.place)
        if column.distkey or column.sortkey:
            what = "distkey" if column.distkey else "sortkey"
            text = f"cannot drop {what} column {column.name}"
            raise RedshiftError("42601", text)
        if len(table.columns) == 1:
            raise RedshiftError("42601", "cannot drop the last column of a table")
        self._connection.run(f"ALTER TABLE {table.sql} DROP COLUMN {column.sql}")
        values = [table.oid, column.name]
        self._connection.run("DELETE FROM meta.columns WHERE rel = ? AND name = ?", values)

    def rename(self, statement: Rename) -> None:
        """ALTER TABLE RENAME, of a table or a column."""
        table = self._catalog.get(statement.table)
        self._catalog.expect_owner(table)
        if statement.column:
            table.column(statement.column, statement.table.place)
            if statement.new in [one.name for one in table.columns]:
                text = f'column "{statement.new}" of relation "{table.name}" already exists'
                raise RedshiftError("42701", text)
            self._connection.run(
                "UPDATE meta.columns SET name = ? WHERE rel = ? AND name = ?",
                [statement.new, table.oid, statement.column],
            )
            return
        if self._exists(Name((statement.new,)), table.schema, temporary=bool(table.session)):
            raise RedshiftError("42P07", f'Relation "{statement.new}" already exists')
        values = [statement.new, table.oid]
        self._connection.run("UPDATE meta.relations SET name = ? WHERE oid = ?", values)

    def alter_column(self, statement: AlterColumn) -> None:
        """ALTER COLUMN TYPE VARCHAR(n), and ENCODE."""
        table = self._table(statement.table)
        column = table.column(statement.column, statement.table.place)
        if statement.type is None:
            changed, values = "encoding", [statement.encoding, table.oid, column.name]
        else:
            self._check_new_type(table, column, statement.type)
            changed, values = "type", [types.to_words(statement.type), table.oid, column.name]
        sql = f"UPDATE meta.columns SET {changed} = ? WHERE rel = ? AND name = ?"  # noqa: S608
        self._connection.run(sql, values)

    def _check_new_type(self, table: Relation, column: Column, kind: Type) -> None:
        if column.type.name != "varchar" or kind.name != "varchar":
            text = (
                f'cannot alter type of column "{column.name}": only the size of a VARCHAR changes'
            )
            raise RedshiftError("0A000", text)
        sql = f"SELECT max(strlen({column.sql})) FROM {table.sql}"  # noqa: S608
        longest = self._connection.all(sql)[0][0] or 0
        if longest > kind.params[0]:
            text = f"target column size should be different, and not less than {longest}"
            raise RedshiftError("22001", text)

    def alter_layout(self, statement: AlterLayout) -> None:
        """ALTER DISTSTYLE, DISTKEY and SORTKEY."""
        table = self._table(statement.table)
        new = statement.layout
        keys = sorted((abs(one.sortkey), one.name) for one in table.columns if one.sortkey)
        distkey = next((one.name for one in table.columns if one.distkey), "")
        changes_dist = bool(new.diststyle)
        layout = Layout(
            new.diststyle if changes_dist else table.diststyle.partition("(")[0],
            new.distkey if changes_dist else distkey,
            tuple(name for _, name in keys) if changes_dist else new.sortkey,
        )
        columns = self._arranged(list(table.columns), layout)
        for one in columns:
            self._connection.run(
                "UPDATE meta.columns SET distkey = ?, sortkey = ? WHERE rel = ? AND name = ?",
                [one.distkey, one.sortkey, table.oid, one.name],
            )
        values = [_diststyle(layout, columns), table.oid]
        self._connection.run("UPDATE meta.relations SET diststyle = ? WHERE oid = ?", values)

    def add_constraint(self, statement: AddConstraint) -> None:
        """ALTER TABLE ADD CONSTRAINT."""
        self._add_constraint(self._table(statement.table), statement.constraint)

    def drop_constraint(self, statement: DropConstraint) -> None:
        """ALTER TABLE DROP CONSTRAINT."""
        table = self._table(statement.table)
        values = [table.oid, statement.name]
        if not self._connection.all(
            "SELECT 1 FROM meta.constraints WHERE rel = ? AND name = ?", values
        ):
            text = f'constraint "{statement.name}" does not exist'
            raise RedshiftError("42704", text)
        self._connection.run("DELETE FROM meta.constraints WHERE rel = ? AND name = ?", values)

    def change_owner(self, statement: ChangeOwner) -> None:
        """ALTER TABLE OWNER TO."""
        table = self._table(statement.table)
        values = [self.user(statement.user), table.oid]
        self._connection.run("UPDATE meta.relations SET owner = ? WHERE oid = ?", values)

    def user(self, name: str) -> int:
        """Return the number of a user; raises RedshiftError."""
        rows = self._connection.all("SELECT oid FROM meta.users WHERE name = ?", [name])
        if not rows:
            raise RedshiftError("42704", f'user "{name}" does not exist')
        return int(rows[0][0])

    def comment(self, statement: Comment) -> None:
        """COMMENT ON."""
        found = self._catalog.get(statement.table)
        self._catalog.expect_owner(found)
        if statement.column:
            found.column(statement.column)
            sql = "UPDATE meta.columns SET remark = ? WHERE rel = ? AND name = ?"
            self._connection.run(sql, [statement.text, found.oid, statement.column])
        else:
            values = [statement.text, found.oid]
            self._connection.run("UPDATE meta.relations SET remark = ? WHERE oid = ?", values)

    def grant(self, statement: Grant) -> None:
        """GRANT and REVOKE on tables and views."""
        for name in statement.tables:
            found = self._catalog.get(name)
            self._catalog.expect_owner(found)
            for grantee in statement.grantees:
                oid = self.user(grantee) if grantee else 0
                for privilege in statement.privileges:
                    values = [found.oid, oid, privilege]
                    self._connection.run(
                        "DELETE FROM meta.grants WHERE rel = ? AND grantee = ? AND privilege = ?",
                        values,
                    )
                    if not statement.revokes:
                        self._connection.run("INSERT INTO meta.grants VALUES (?, ?, ?)", values)


def _declared(spec: ColumnSpec, slot: int) -> Column:
    return Column(
        spec.name, spec.type, slot, spec.not_null or bool(spec.identity), spec.default,
        spec.identity, spec.encoding,
    )  # fmt: skip


def _merged(columns: Sequence[ColumnSpec], layout: Layout) -> Layout:
    """Return the layout with the keys that stand at columns."""
    distkeys = [one.name for one in columns if one.distkey]
    sortkeys = tuple(one.name for one in columns if one.sortkey)
    if len(distkeys) + bool(layout.distkey) > 1:
        raise RedshiftError("42601", "DISTKEY may be given to one column only")
    if distkeys and layout.diststyle not in ("", "KEY"):
        text = f"cannot specify DISTKEY with DISTSTYLE {layout.diststyle}"
        raise RedshiftError("42601", text)
    if sortkeys and layout.sortkey:
        raise RedshiftError("42601", "SORTKEY may be given once only")
    return Layout(
        layout.diststyle or ("KEY" if distkeys else ""),
        layout.distkey or "".join(distkeys),
        layout.sortkey or sortkeys,
        layout.interleaved,
    )


def _diststyle(layout: Layout, columns: Sequence[Column]) -> str:
    if layout.distkey:
        return f"KEY({next(one.name for one in columns if one.name == layout.distkey)})"
    return layout.diststyle if layout.diststyle in ("EVEN", "ALL") else "AUTO(ALL)"
