"""What the statements that sqlglot does not read say."""

from dataclasses import dataclass, field

from labrunner.localcloud.sql.datatypes import Type
from labrunner.localcloud.sql.errors import Place
from labrunner.localcloud.sql.redshift.reader import Name


@dataclass(frozen=True)
class ColumnSpec:
    """A column as CREATE TABLE and ALTER TABLE declare it."""

    name: str
    type: Type
    place: Place
    default: str | None = None
    identity: str = ""
    encoding: str = ""
    distkey: bool = False
    sortkey: bool = False
    not_null: bool = False


@dataclass(frozen=True)
class Constraint:
    """A primary key (`p`), a unique (`u`) or a foreign key (`f`); none is enforced."""

    kind: str
    columns: tuple[str, ...]
    name: str = ""
    references: Name | None = None
    referenced: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """How a table's rows are distributed and sorted."""

    diststyle: str = ""
    distkey: str = ""
    sortkey: tuple[str, ...] = ()
    interleaved: bool = False


@dataclass(frozen=True)
class CreateTable:
    """CREATE TABLE, with columns, LIKE or AS."""

    name: Name
    columns: tuple[ColumnSpec, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    layout: Layout = field(default_factory=Layout)
    temporary: bool = False
    if_not_exists: bool = False
    like: Name | None = None
    like_defaults: bool = False
    names: tuple[str, ...] = ()
    query: str | None = None


@dataclass(frozen=True)
class CreateView:
    """CREATE VIEW."""

    name: Name
    query: str
    names: tuple[str, ...] = ()
    replaces: bool = False
    bound: bool = True


@dataclass(frozen=True)
class CreateSchema:
    """CREATE SCHEMA."""

    name: str
    if_not_exists: bool = False


@dataclass(frozen=True)
class CreateDatabase:
    """CREATE DATABASE."""

    name: str


@dataclass(frozen=True)
class CreateUser:
    """CREATE USER; the password as it was given, None for PASSWORD DISABLE."""

    name: str
    password: str | None = field(repr=False)
    is_super: bool = False


@dataclass(frozen=True)
class Drop:
    """DROP TABLE, VIEW, SCHEMA, DATABASE and USER."""

    what: str
    names: tuple[Name, ...]
    if_exists: bool = False
    cascade: bool = False


@dataclass(frozen=True)
class AddColumn:
    """ALTER TABLE ... ADD COLUMN."""

    table: Name
    column: ColumnSpec


@dataclass(frozen=True)
class DropColumn:
    """ALTER TABLE ... DROP COLUMN."""

    table: Name
    column: str
    cascade: bool = False


@dataclass(frozen=True)
class Rename:
    """ALTER TABLE ... RENAME [COLUMN old] TO new."""

    table: Name
    new: str
    column: str = ""


@dataclass(frozen=True)
class AlterColumn:
    """ALTER TABLE ... ALTER COLUMN ... TYPE or ENCODE."""

    table: Name
    column: str
    type: Type | None = None
    encoding: str = ""


@dataclass(frozen=True)
class AlterLayout:
    """ALTER TABLE ... ALTER DISTKEY, DISTSTYLE and SORTKEY."""

    table: Name
    layout: Layout


@dataclass(frozen=True)
class AddConstraint:
    """ALTER TABLE ... ADD CONSTRAINT."""

    table: Name
    constraint: Constraint


@dataclass(frozen=True)
class DropConstraint:
    """ALTER TABLE ... DROP CONSTRAINT."""

    table: Name
    name: str


@dataclass(frozen=True)
class ChangeOwner:
    """ALTER TABLE ... OWNER TO."""

    table: Name
    user: str


@dataclass(frozen=True)
class Truncate:
    """TRUNCATE."""

    table: Name


@dataclass(frozen=True)
class Comment:
    """COMMENT ON TABLE, VIEW and COLUMN; None takes the comment away."""

    table: Name
    column: str
    text: str | None


@dataclass(frozen=True)
class Grant:
    """GRANT and REVOKE of privileges on tables; an empty grantee is PUBLIC."""

    privileges: tuple[str, ...]
    tables: tuple[Name, ...]
    grantees: tuple[str, ...]
    revokes: bool = False


@dataclass(frozen=True)
class Transaction:
    """BEGIN, COMMIT and ROLLBACK."""

    what: str


@dataclass(frozen=True)
class SetValue:
    """SET name TO value; RESET has the value `default`."""

    name: str
    value: str


@dataclass(frozen=True)
class Show:
    """SHOW: of a setting, or of the catalog."""

    what: str
    name: Name | None = None


@dataclass(frozen=True)
class Upkeep:
    """ANALYZE and VACUUM, which change no result."""

    what: str
    table: Name | None


@dataclass(frozen=True)
class Explain:
    """EXPLAIN of a query."""

    query: str


@dataclass(frozen=True)
class Rows:
    """A statement that sqlglot reads: a query, INSERT, UPDATE, DELETE or MERGE."""

    text: str


@dataclass(frozen=True)
class Load:
    """COPY and UNLOAD, which have a parser of their own."""

    what: str
    text: str


Statement = (
    CreateTable | CreateView | CreateSchema | CreateDatabase | CreateUser | Drop | AddColumn
    | DropColumn | Rename | AlterColumn | AlterLayout | AddConstraint | DropConstraint
    | ChangeOwner | Truncate | Comment | Grant | Transaction | SetValue | Show | Upkeep | Explain
    | Rows | Load
)  # fmt: skip
