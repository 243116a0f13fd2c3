# ruff: noqa: S608 - what is put into the SQL is quoted here
"""What the Data API tells of a warehouse's databases, schemas and tables."""

from collections.abc import Mapping
from typing import Any

from labrunner.localcloud.services.redshift.spool import metadata
from labrunner.localcloud.sql.redshift import types
from labrunner.localcloud.sql.redshift.reader import Name
from labrunner.localcloud.sql.redshift.results import Result, ResultColumn
from labrunner.localcloud.sql.redshift.session import Session

Params = Mapping[str, Any]


def _rows(session: Session, sql: str) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []

    def keep(result: Result) -> None:
        for batch in result.batches:
            found.extend(batch)

    session.run(sql, keep)
    return found


def _literal(text: object) -> str:
    return "'" + str(text).replace("\\", "\\\\").replace("'", "''") + "'"


def list_databases(session: Session, params: Params) -> list[str]:
    """Return the names of the databases."""
    del params
    return [
        row[0]
        for row in _rows(session, "SELECT database_name FROM svv_redshift_databases ORDER BY 1")
    ]


def list_schemas(session: Session, params: Params) -> list[str]:
    """Return the names of a database's schemas."""
    database, pattern = _literal(params["Database"]), _literal(params.get("SchemaPattern") or "%")
    sql = (
        f"SELECT schema_name FROM svv_redshift_schemas WHERE database_name = {database} "
        f"AND schema_name LIKE {pattern} ORDER BY 1"
    )
    found = [row[0] for row in _rows(session, sql)]
    system = ["information_schema", "pg_catalog"]
    return sorted([*found, *system]) if not params.get("SchemaPattern") else found


def list_tables(session: Session, params: Params) -> list[dict[str, str]]:
    """Return a database's tables and views."""
    sql = (
        "SELECT table_name, table_type, schema_name FROM svv_redshift_tables WHERE database_name = "
        f"{_literal(params['Database'])} AND schema_name LIKE "
        f"{_literal(params.get('SchemaPattern') or '%')} "
        f"AND table_name LIKE {_literal(params.get('TablePattern') or '%')} ORDER BY 3, 1"
    )
    return [
        {"name": name, "type": kind, "schema": schema} for name, kind, schema in _rows(session, sql)
    ]


def describe_table(session: Session, params: Params) -> list[dict[str, Any]]:
    """Return the columns of a table."""
    table, schema = params.get("Table"), params.get("Schema")
    parts = (str(schema).lower(), str(table).lower()) if schema else (str(table).lower(),)
    relation = session.catalog.get(Name(parts))
    found = []
    for one in relation.columns:
        column = ResultColumn(one.name, one.type, not one.not_null, relation.schema, relation.name)
        described = metadata(column) | {"typeName": types.short(one.type)}
        if one.default_sql is not None:
            described["columnDefault"] = one.default_sql
        found.append(described)
    return found
