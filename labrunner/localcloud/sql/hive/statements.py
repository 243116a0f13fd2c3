"""Hive's statements besides queries, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from labrunner.localcloud.sql.datatypes import Type
from labrunner.localcloud.sql.errors import Place


@dataclass(frozen=True)
class Name:
    """The name of a table; an empty database is the current one."""

    database: str
    table: str
    place: Place

    def __str__(self) -> str:
        return f"{self.database}.{self.table}" if self.database else self.table


@dataclass(frozen=True)
class ColumnSpec:
    """A column of CREATE TABLE."""

    name: str
    type: Type
    comment: str = ""


@dataclass(frozen=True)
class RowFormat:
    """ROW FORMAT and STORED AS; what was not written is None."""

    serde: str | None = None
    serde_properties: Mapping[str, str] = field(default_factory=dict)
    delimited: Mapping[str, str] | None = None
    stored_as: str | None = None


# The values of PARTITION (...): None where a name alone is written.
PartitionSpec = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True)
class Subquery:
    """The text of a query, and where it starts in its statement."""

    text: str
    place: Place


@dataclass(frozen=True)
class CreateTable:
    """CREATE TABLE in all its forms."""

    name: Name
    columns: tuple[ColumnSpec, ...] = ()
    partitions: tuple[ColumnSpec, ...] = ()
    external: bool = False
    if_not_exists: bool = False
    comment: str = ""
    format: RowFormat = field(default_factory=RowFormat)
    location: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    like: Name | None = None
    query: Subquery | None = None


@dataclass(frozen=True)
class CreateView:
    """CREATE VIEW."""

    name: Name
    columns: tuple[str, ...]
    query: Subquery
    if_not_exists: bool
    replaces: bool
    comment: str


@dataclass(frozen=True)
class CreateDatabase:
    """CREATE DATABASE."""

    name: str
    if_not_exists: bool
    comment: str
    location: str | None


@dataclass(frozen=True)
class Drop:
    """DROP TABLE, VIEW or DATABASE; `what` is the word."""

    what: str
    name: Name
    if_exists: bool
    cascade: bool = False


@dataclass(frozen=True)
class Use:
    """USE."""

    database: str


@dataclass(frozen=True)
class Show:
    """SHOW; `what` is DATABASES, TABLES, PARTITIONS, COLUMNS, CREATE TABLE or TBLPROPERTIES."""

    what: str
    name: Name | None = None
    database: str = ""
    pattern: str | None = None
    partition: PartitionSpec = ()


@dataclass(frozen=True)
class Describe:
    """DESCRIBE a table or a database."""

    name: Name
    formatted: bool = False
    extended: bool = False
    column: str = ""
    is_database: bool = False


@dataclass(frozen=True)
class AddPartitions:
    """ALTER TABLE ADD PARTITION."""

    name: Name
    partitions: tuple[tuple[PartitionSpec, str | None], ...]
    if_not_exists: bool


@dataclass(frozen=True)
class DropPartitions:
    """ALTER TABLE DROP PARTITION."""

    name: Name
    partitions: tuple[PartitionSpec, ...]
    if_exists: bool


@dataclass(frozen=True)
class RenameTable:
    """ALTER TABLE RENAME TO."""

    name: Name
    to: Name


@dataclass(frozen=True)
class AddColumns:
    """ALTER TABLE ADD or REPLACE COLUMNS."""

    name: Name
    columns: tuple[ColumnSpec, ...]
    replaces: bool


@dataclass(frozen=True)
class SetLocation:
    """ALTER TABLE SET LOCATION."""

    name: Name
    location: str
    partition: PartitionSpec


@dataclass(frozen=True)
class SetProperties:
    """ALTER TABLE SET TBLPROPERTIES or SERDEPROPERTIES."""

    name: Name
    properties: Mapping[str, str]
    of_serde: bool


@dataclass(frozen=True)
class Repair:
    """MSCK REPAIR TABLE."""

    name: Name


@dataclass(frozen=True)
class Truncate:
    """TRUNCATE TABLE."""

    name: Name
    partition: PartitionSpec


@dataclass(frozen=True)
class Load:
    """LOAD DATA INPATH."""

    path: str
    name: Name
    overwrite: bool
    partition: PartitionSpec
    place: Place


@dataclass(frozen=True)
class TableTarget:
    """INSERT INTO or OVERWRITE a table."""

    name: Name
    overwrite: bool
    partition: PartitionSpec = ()
    columns: tuple[str, ...] = ()
    if_not_exists: bool = False


@dataclass(frozen=True)
class DirectoryTarget:
    """INSERT OVERWRITE DIRECTORY."""

    path: str
    format: RowFormat
    place: Place


@dataclass(frozen=True)
class Insert:
    """One target, and the query or the rows that go there."""

    target: TableTarget | DirectoryTarget
    query: Subquery


@dataclass(frozen=True)
class Inserts:
    """INSERT, or several of one FROM."""

    inserts: tuple[Insert, ...]


@dataclass(frozen=True)
class SetVariable:
    """SET; without a value it shows, without a name too all of them."""

    name: str = ""
    value: str | None = None


@dataclass(frozen=True)
class Select:
    """A query whose rows are the result."""

    query: Subquery


Statement = (
    CreateTable
    | CreateView
    | CreateDatabase
    | Drop
    | Use
    | Show
    | Describe
    | AddPartitions
    | DropPartitions
    | RenameTable
    | AddColumns
    | SetLocation
    | SetProperties
    | Repair
    | Truncate
    | Load
    | Inserts
    | SetVariable
    | Select
)
