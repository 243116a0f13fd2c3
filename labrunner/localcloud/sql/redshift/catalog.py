# ruff: noqa: S608 - the SQL is made of our own names
"""The catalog of a warehouse: its schemas, relations and columns, as a session sees them."""

from collections.abc import Sequence
from dataclasses import dataclass

from labrunner.localcloud.sql.datatypes import Type
from labrunner.localcloud.sql.errors import Place
from labrunner.localcloud.sql.redshift import types
from labrunner.localcloud.sql.redshift.facts import SessionFacts
from labrunner.localcloud.sql.redshift.reader import Name
from labrunner.localcloud.sql.redshift.warehouse import Connection
from labrunner.localcloud.sql.redshift.wording import RedshiftError
from labrunner.localcloud.sql.values import Query

SYSTEM = ("pg_catalog", "information_schema", "pg_internal")
PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE")


@dataclass(frozen=True)
class Column:
    """A column; `slot` names it in DuckDB, `default_sql` is as the user wrote it.

    `identity` is `seed,step`, with `,default` if values may be given.
    """

    name: str
    type: Type
    slot: int
    not_null: bool = False
    default_sql: str | None = None
    identity: str = ""
    encoding: str = "none"
    distkey: bool = False
    sortkey: int = 0

    @property
    def sql(self) -> str:
        """The column's name in DuckDB."""
        return f"k{self.slot}"

    @property
    def is_generated(self) -> bool:
        """Whether no value may be given for it."""
        return bool(self.identity) and not self.identity.endswith("default")


@dataclass(frozen=True)
class Relation:
    """A table (`r`) or a view (`v`); `session` is 0 for one that is not temporary."""

    oid: int
    schema: str
    name: str
    kind: str
    owner: int
    session: int
    diststyle: str
    definition: str
    columns: tuple[Column, ...]

    @property
    def sql(self) -> str:
        """The table's name in DuckDB."""
        return f"data.t{self.oid}"

    def sequence(self, column: Column) -> str:
        """Return the name in DuckDB of the sequence of an identity column."""
        return f"data.s{self.oid}_{column.slot}"

    def column(self, name: str, place: Place | None = None) -> Column:
        """Return the column of a name; raises RedshiftError."""
        for one in self.columns:
            if one.name == name:
                return one
        text = f'column "{name}" of relation "{self.name}" does not exist'
        raise RedshiftError("42703", text, place)

    def query(self) -> Query:
        """Return the table's rows, each column under the name that the compiler gives it."""
        listed = ", ".join(f"{one.sql} AS c{i}" for i, one in enumerate(self.columns))
        return Query(
            f"SELECT {listed or 'NULL AS c0'} FROM {self.sql}",
            tuple(one.name for one in self.columns),
            tuple(one.type for one in self.columns),
        )


class Catalog:
    """What a session finds by name; every method is part of the session's transaction."""

    def __init__(self, connection: Connection, facts: SessionFacts) -> None:
        self._connection = connection
        self.facts = facts

    # ---- schemas

    def schemas(self) -> list[str]:
        """Return the schemas of the session's database."""
        sql = "SELECT name FROM meta.schemas WHERE db = ? ORDER BY name"
        return [row[0] for row in self._connection.all(sql, [self.facts.database])]

    def expect_schema(self, name: str, place: Place | None = None) -> None:
        """Raise RedshiftError if a schema is not there."""
        if name not in self.schemas():
            raise RedshiftError("3F000", f'schema "{name}" does not exist', place)

    def creation_schema(self, name: Name) -> str:
        """Return the schema that a new relation of a name comes into; raises RedshiftError."""
        self._expect_database(name)
        if name.schema in SYSTEM:
            text = f'permission denied to create "{name.schema}.{name.own}"'
            raise RedshiftError(
                "42501",
                text,
                name.place,
                hint="System catalog modifications are currently disallowed.",
            )
        if name.schema:
            self.expect_schema(name.schema, name.place)
            return name.schema
        known = self.schemas()
        for one in self.facts.search_path:
            if one in known:
                return one
        raise RedshiftError("3F000", "no schema has been selected to create in", name.place)

    def _expect_database(self, name: Name) -> None:
        if len(name.parts) > 2 and name.parts[0] != self.facts.database:  # noqa: PLR2004
            text = f'cross-database reference to database "{name.parts[0]}" is not supported'
            raise RedshiftError("0A000", text, name.place, kind="unsupported")

    # ---- relations

    def find(self, name: Name) -> Relation | None:
        """Return the relation of a name, None if there is none."""
        self._expect_database(name)
        session = self.facts.pid
        rows = self._connection.all(
            "SELECT oid, schema, name, kind, owner, session, diststyle, definition "
            "FROM meta.relations WHERE db = ? AND name = ? AND session IN (0, ?)",
            [self.facts.database, name.own, session],
        )
        if name.schema and name.schema != f"pg_temp_{session}":
            rows = [row for row in rows if row[1] == name.schema and not row[5]]
        else:
            path = self.facts.search_path
            rows = [row for row in rows if row[5] or (row[1] in path and not name.schema)]
            rows.sort(key=lambda row: (not row[5], path.index(row[1]) if row[1] in path else 0))
        return self._relation(rows[0]) if rows else None

    def _relation(self, row: Sequence[object]) -> Relation:
        found = self._connection.all(
            "SELECT name, type, slot, not_null, default_sql, identity, encoding, distkey, sortkey "
            "FROM meta.columns WHERE rel = ? ORDER BY num",
            [row[0]],
        )
        columns = tuple(Column(one[0], types.from_words(one[1]), *one[2:]) for one in found)
        oid, schema, name, kind, owner, session, diststyle, definition = row
        return Relation(
            int(str(oid)), str(schema), str(name), str(kind), int(str(owner)), int(str(session)),
            str(diststyle), str(definition), columns,
        )  # fmt: skip

    def get(self, name: Name) -> Relation:
        """Return the relation of a name; raises RedshiftError."""
        found = self.find(name)
        if found is None:
            if name.schema and name.schema not in (*self.schemas(), *SYSTEM):
                text = f'schema "{name.schema}" does not exist'
                raise RedshiftError("3F000", text, name.place)
            raise RedshiftError("42P01", f'relation "{name}" does not exist', name.place)
        return found

    def table(self, name: Name) -> Relation:
        """Return the table of a name; raises RedshiftError for a view too."""
        found = self.get(name)
        if found.kind != "r":
            raise RedshiftError("42809", f'"{found.name}" is not a table', name.place)
        return found

    # ---- permissions

    def is_super(self) -> bool:
        """Whether the session's user is a superuser."""
        sql = "SELECT is_super FROM meta.users WHERE oid = ?"
        return any(row[0] for row in self._connection.all(sql, [self.facts.user_id]))

    def expect_owner(self, relation: Relation) -> None:
        """Raise RedshiftError if the session's user does not own a relation."""
        if relation.owner != self.facts.user_id and not self.is_super():
            raise RedshiftError("42501", f"must be owner of relation {relation.name}")

    def expect_allowed(self, relation: Relation, privilege: str) -> None:
        """Raise RedshiftError if the session's user may not do something to a relation."""
        if relation.owner == self.facts.user_id or self.is_super():
            return
        rows = self._connection.all(
            "SELECT 1 FROM meta.grants WHERE rel = ? AND privilege = ? AND grantee IN (0, ?)",
            [relation.oid, privilege, self.facts.user_id],
        )
        if not rows:
            raise RedshiftError("42501", f"permission denied for relation {relation.name}")

    def owns(self, schema: str) -> bool:
        """Whether the session's user may create in a schema: anybody may in `public`."""
        if schema == "public" or self.is_super():
            return True
        sql = "SELECT owner FROM meta.schemas WHERE db = ? AND name = ?"
        rows = self._connection.all(sql, [self.facts.database, schema])
        return any(row[0] == self.facts.user_id for row in rows)
