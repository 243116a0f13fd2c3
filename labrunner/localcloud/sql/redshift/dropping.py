"""Schemas, databases and users; DROP and TRUNCATE."""

from contextlib import suppress

from labrunner.localcloud.sql.redshift.catalog import SYSTEM, Catalog, Relation
from labrunner.localcloud.sql.redshift.reader import Name
from labrunner.localcloud.sql.redshift.results import Result
from labrunner.localcloud.sql.redshift.statements import (
    CreateDatabase,
    CreateSchema,
    CreateUser,
    Drop,
    Truncate,
)
from labrunner.localcloud.sql.redshift.tables import Tables
from labrunner.localcloud.sql.redshift.warehouse import Connection, Warehouse
from labrunner.localcloud.sql.redshift.wording import RedshiftError

Made = CreateSchema | CreateDatabase | CreateUser | Drop | Truncate
WORDS = {"TABLE": "Table", "VIEW": "View"}


class Dropping:
    """Runs statements on whole schemas, databases, users and tables; raises SqlError."""

    def __init__(
        self, warehouse: Warehouse, connection: Connection, catalog: Catalog, tables: Tables
    ) -> None:
        self._warehouse = warehouse
        self._connection = connection
        self._catalog = catalog
        self._tables = tables

    def run(self, statement: Made, *, in_block: bool) -> Result:
        """Run a statement and return its result."""
        if isinstance(statement, CreateSchema):
            return self._create_schema(statement)
        if isinstance(statement, CreateDatabase):
            self._expect_no_block("CREATE DATABASE", in_block=in_block)
            return self._create_database(statement)
        if isinstance(statement, CreateUser):
            return self._create_user(statement)
        if isinstance(statement, Truncate):
            table = self._catalog.table(statement.table)
            self._catalog.expect_owner(table)
            self._connection.run(f"DELETE FROM {table.sql}")  # noqa: S608
            return Result("TRUNCATE TABLE")
        if statement.what == "DATABASE":
            self._expect_no_block("DROP DATABASE", in_block=in_block)
        notices: list[str] = []
        for name in statement.names:
            notices += self._drop(statement, name)
        return Result(f"DROP {statement.what}", notices=tuple(notices))

    @staticmethod
    def _expect_no_block(what: str, *, in_block: bool) -> None:
        if in_block:
            raise RedshiftError("25001", f"{what} cannot run inside a transaction block")

    def _create_schema(self, statement: CreateSchema) -> Result:
        if statement.name in self._catalog.schemas() or statement.name in SYSTEM:
            if statement.if_not_exists:
                text = f'schema "{statement.name}" already exists, skipping'
                return Result("CREATE SCHEMA", notices=(text,))
            raise RedshiftError("42P06", f'Schema "{statement.name}" already exists')
        if statement.name.startswith("pg_"):
            text = f'unacceptable schema name "{statement.name}"'
            detail = 'The prefix "pg_" is reserved for system schemas.'
            raise RedshiftError("42939", text, detail=detail)
        facts = self._catalog.facts
        values = [self._warehouse.new_oid(), facts.database, statement.name, facts.user_id]
        self._connection.run("INSERT INTO meta.schemas VALUES (?, ?, ?, ?)", values)
        return Result("CREATE SCHEMA")

    def _create_database(self, statement: CreateDatabase) -> Result:
        if statement.name in self._warehouse.databases():
            raise RedshiftError("42P04", f'database "{statement.name}" already exists')
        owner, oid = self._catalog.facts.user_id, self._warehouse.new_oid()
        values = [oid, statement.name, owner]
        self._connection.run("INSERT INTO meta.databases VALUES (?, ?, ?)", values)
        self._connection.run(
            "INSERT INTO meta.schemas VALUES (2200, ?, 'public', 1)", [statement.name]
        )
        return Result("CREATE DATABASE")

    def _create_user(self, statement: CreateUser) -> Result:
        if not self._catalog.is_super():
            raise RedshiftError("42501", "must be superuser to create user")
        if self._warehouse.has_user(statement.name):
            raise RedshiftError("42710", f'user "{statement.name}" already exists')
        self._warehouse.user(statement.name, is_super=statement.is_super)
        if statement.password is not None:
            self._warehouse.passwords[statement.name] = statement.password
        return Result("CREATE USER")

    def _drop(self, statement: Drop, name: Name) -> list[str]:
        if statement.what == "SCHEMA":
            return self._drop_schema(statement, name.own)
        if statement.what == "DATABASE":
            return self._drop_database(statement, name.own)
        if statement.what == "USER":
            return self._drop_user(statement, name.own)
        found = self._catalog.find(name)
        word = WORDS[statement.what]
        if found is None:
            if statement.if_exists:
                return [f'{word} "{name}" does not exist and will be skipped']
            raise RedshiftError("42P01", f'{word} "{name}" does not exist', name.place)
        wanted = "r" if statement.what == "TABLE" else "v"
        if found.kind != wanted:
            other = "view" if wanted == "r" else "table"
            hint = f"Use DROP {other.upper()} to remove a {other}."
            text = f'"{name.own}" is not a {word.lower()}'
            raise RedshiftError("42809", text, name.place, hint=hint)
        self._catalog.expect_owner(found)
        self._drop_dependents(found, cascade=statement.cascade)
        self._tables.remove(found)
        return []

    def _drop_dependents(self, relation: Relation, *, cascade: bool) -> None:
        sql = (
            "SELECT r.schema, r.name, c.kind, c.name FROM meta.constraints AS c JOIN "
            "meta.relations AS r ON r.oid = c.rel WHERE c.ref_rel = ? "
            "AND c.kind IN ('d', 'f') AND c.rel <> ?"
        )
        for schema, name, kind, constraint in self._connection.all(
            sql, [relation.oid, relation.oid]
        ):
            word = "view" if relation.kind == "v" else "table"
            if not cascade:
                text = f"cannot drop {word} {relation.name} because other objects depend on it"
                hint = "Use DROP ... CASCADE to drop the dependent objects too."
                raise RedshiftError("2BP01", text, hint=hint)
            if kind == "f":
                values = [relation.oid, constraint]
                self._connection.run(
                    "DELETE FROM meta.constraints WHERE ref_rel = ? AND name = ?", values
                )
                continue
            dependent = self._catalog.find(Name((schema, name)))
            if dependent is not None:
                self._drop_dependents(dependent, cascade=True)
                self._tables.remove(dependent)

    def _drop_schema(self, statement: Drop, name: str) -> list[str]:
        if name not in self._catalog.schemas():
            if statement.if_exists:
                return [f'schema "{name}" does not exist, skipping']
            raise RedshiftError("3F000", f'schema "{name}" does not exist')
        if not self._catalog.owns(name) or (name == "public" and not self._catalog.is_super()):
            raise RedshiftError("42501", f"must be owner of schema {name}")
        database = self._catalog.facts.database
        sql = "SELECT name FROM meta.relations WHERE db = ? AND schema = ? AND session = 0"
        names = [row[0] for row in self._connection.all(sql, [database, name])]
        if names and not statement.cascade:
            text = f"cannot drop schema {name} because other objects depend on it"
            hint = "Use DROP ... CASCADE to drop the dependent objects too."
            raise RedshiftError("2BP01", text, hint=hint)
        for one in names:
            found = self._catalog.find(Name((name, one)))
            if found is not None:
                self._drop_dependents(found, cascade=True)
                self._tables.remove(found)
        values = [database, name]
        self._connection.run("DELETE FROM meta.schemas WHERE db = ? AND name = ?", values)
        return []

    def _drop_database(self, statement: Drop, name: str) -> list[str]:
        if name not in self._warehouse.databases():
            if statement.if_exists:
                return [f'database "{name}" does not exist, skipping']
            raise RedshiftError("3D000", f'database "{name}" does not exist')
        if name == self._catalog.facts.database:
            raise RedshiftError("55006", "cannot drop the currently open database")
        if not self._catalog.is_super():
            raise RedshiftError("42501", f"must be owner of database {name}")
        own = self._catalog.facts.database
        sql = "SELECT schema, name FROM meta.relations WHERE db = ?"
        try:
            self._catalog.facts.database = name
            for schema, one in self._connection.all(sql, [name]):
                found = self._catalog.find(Name((schema, one)))
                if found is not None:
                    self._tables.remove(found)
        finally:
            self._catalog.facts.database = own
        self._connection.run("DELETE FROM meta.schemas WHERE db = ?", [name])
        self._connection.run("DELETE FROM meta.databases WHERE name = ?", [name])
        return []

    def _drop_user(self, statement: Drop, name: str) -> list[str]:
        if not self._warehouse.has_user(name):
            if statement.if_exists:
                return [f'user "{name}" does not exist, skipping']
            raise RedshiftError("42704", f'user "{name}" does not exist')
        if not self._catalog.is_super():
            raise RedshiftError("42501", "must be superuser to drop users")
        oid = self._tables.user(name)
        if self._connection.all("SELECT 1 FROM meta.relations WHERE owner = ?", [oid]):
            text = f'user "{name}" cannot be dropped because the user owns some object'
            raise RedshiftError("55006", text)
        self._connection.run("DELETE FROM meta.users WHERE oid = ?", [oid])
        self._connection.run("DELETE FROM meta.grants WHERE grantee = ?", [oid])
        with suppress(KeyError):
            del self._warehouse.passwords[name]
        return []
