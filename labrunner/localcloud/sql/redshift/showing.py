# ruff: noqa: S608 - the SQL is made of our own names and of quoted texts
"""SHOW: settings, and what the catalog has."""

from labrunner.localcloud.sql import quoting
from labrunner.localcloud.sql.datatypes import INT, STRING
from labrunner.localcloud.sql.redshift import types
from labrunner.localcloud.sql.redshift.catalog import Catalog, Column, Relation
from labrunner.localcloud.sql.redshift.facts import DEFAULTS
from labrunner.localcloud.sql.redshift.reader import Name
from labrunner.localcloud.sql.redshift.results import Result, ResultColumn, Row
from labrunner.localcloud.sql.redshift.statements import Show
from labrunner.localcloud.sql.redshift.warehouse import Connection
from labrunner.localcloud.sql.redshift.wording import RedshiftError


class Showing:
    """Answers SHOW for a session."""

    def __init__(self, connection: Connection, catalog: Catalog) -> None:
        self._connection = connection
        self._catalog = catalog

    def show(self, statement: Show) -> Result:
        """Return what is to be shown; raises SqlError."""
        name = statement.name
        if statement.what == "ALL":
            names = sorted({*DEFAULTS, *self._catalog.facts.settings})
            rows: list[Row] = [(one, self._catalog.facts.setting(one)) for one in names]
            return _result(["name", "setting"], rows)
        if statement.what == "DATABASES":
            sql = "SELECT d.name, d.owner, 'local' FROM meta.databases AS d ORDER BY 1"
            return _result(
                ["database_name", "database_owner", "database_type"], self._connection.all(sql)
            )
        assert name is not None
        if statement.what == "SETTING":
            return _result([name.own], [(self._catalog.facts.setting(name.own),)])
        if statement.what == "SCHEMAS":
            self._expect_own(name.own)
            sql = (
                "SELECT db, name, owner, 'local' FROM meta.schemas WHERE db = "
                f"{self._database()} ORDER BY name"
            )
            names = ["database_name", "schema_name", "schema_owner", "schema_type"]
            return _result(names, self._connection.all(sql))
        if statement.what == "TABLES":
            return self._tables(name)
        if statement.what == "COLUMNS":
            return self._columns(self._catalog.get(name))
        found = self._catalog.get(name)
        if statement.what == "VIEW":
            return _result(["Show View DDL statement"], [(found.definition,)])
        return _result(["Show Table DDL statement"], [(self._ddl(found),)])

    def _database(self) -> str:
        return quoting.text(self._catalog.facts.database)

    def _expect_own(self, database: str) -> None:
        if database != self._catalog.facts.database:
            text = f'SHOW of the other database "{database}" is not supported by the local engine'
            raise RedshiftError("0A000", text, kind="unsupported")

    def _tables(self, name: Name) -> Result:
        if len(name.parts) > 1:
            self._expect_own(name.parts[0])
        self._catalog.expect_schema(name.own)
        sql = (
            "SELECT db, schema, name, CASE kind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, remark "
            f"FROM meta.relations WHERE session = 0 AND db = {self._database()} "
            f"AND schema = {quoting.text(name.own)} ORDER BY name"
        )
        names = ["database_name", "schema_name", "table_name", "table_type", "remarks"]
        return _result(names, self._connection.all(sql))

    def _columns(self, relation: Relation) -> Result:
        names = [
            *("database_name", "schema_name", "table_name", "column_name", "ordinal_position"),
            *("column_default", "is_nullable", "data_type"),
        ]
        database = self._catalog.facts.database
        rows = [
            (
                *(database, relation.schema, relation.name, one.name, number, one.default_sql),
                *("NO" if one.not_null else "YES", types.name(one.type)),
            )
            for number, one in enumerate(relation.columns, 1)
        ]
        return _result(names, rows)

    def _ddl(self, table: Relation) -> str:
        lines = [f"    {_declared(one)}" for one in table.columns]
        sql = (
            "SELECT kind, cols FROM meta.constraints WHERE rel = ? AND kind IN ('p', 'u') "
            "ORDER BY oid"
        )
        words = {"p": "PRIMARY KEY", "u": "UNIQUE"}
        lines += [
            f"    {words[kind]} ({columns.replace(',', ', ')})"
            for kind, columns in self._connection.all(sql, [table.oid])
        ]
        body = ",\n".join(lines)
        style = table.diststyle.partition("(")[0]
        text = f"CREATE TABLE {table.schema}.{table.name} (\n{body}\n)\nDISTSTYLE {style}"
        distkey = [one.name for one in table.columns if one.distkey]
        text += f"\nDISTKEY ({distkey[0]})" if distkey else ""
        keys = sorted((abs(one.sortkey), one.name) for one in table.columns if one.sortkey)
        listed = ", ".join(name for _, name in keys)
        return text + (f"\nSORTKEY ({listed});" if keys else ";")


def _declared(column: Column) -> str:
    text = f"{column.name} {types.name(column.type)}"
    text += " NOT NULL" if column.not_null else ""
    text += f" DEFAULT {column.default_sql}" if column.default_sql is not None else ""
    if column.identity:
        seed, step, *rest = column.identity.split(",")
        words = "GENERATED BY DEFAULT AS IDENTITY" if rest else "IDENTITY"
        text += f" {words}({seed},{step})"
    return f"{text} ENCODE {'raw' if column.encoding == 'none' else column.encoding}"


def _result(names: list[str], rows: list[Row]) -> Result:
    kinds = [
        INT if rows and isinstance(rows[0][index], int) else STRING for index in range(len(names))
    ]
    columns = tuple(ResultColumn(n, k) for n, k in zip(names, kinds, strict=True))
    return Result("SHOW", columns, iter([rows]), len(rows))
