"""Statements that make, change and describe databases, tables, views and partitions."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from labrunner.localcloud.sql.errors import Place, SqlError, unsupported
from labrunner.localcloud.sql.hive import describing
from labrunner.localcloud.sql.hive.formats import columns_of, format_of
from labrunner.localcloud.sql.hive.metastore import Database, Metastore, Partition, Table
from labrunner.localcloud.sql.hive.reading import files_of, of_partition
from labrunner.localcloud.sql.hive.statements import (
    AddColumns,
    AddPartitions,
    CreateDatabase,
    CreateTable,
    Describe,
    Drop,
    DropPartitions,
    Load,
    Name,
    PartitionSpec,
    RenameTable,
    Repair,
    SetLocation,
    SetProperties,
    Show,
    Truncate,
)
from labrunner.localcloud.sql.hive.wording import semantic
from labrunner.localcloud.sql.storage import Address, Storages
from labrunner.localcloud.sql.values import Query


def ddl(text: str) -> SqlError:
    """Return the failure of a statement that changes the metastore."""
    first = "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask."
    return SqlError("semantic", f"{first} {text}")


def _exists(name: str) -> SqlError:
    return ddl(f"AlreadyExistsException(message:Table {name} already exists)")


class Tables:
    """The metastore as one session sees it, with its current database."""

    def __init__(self, metastore: Metastore, storages: Storages, work: Path) -> None:
        self.metastore = metastore
        self.storages = storages
        self.work = work
        self.database = "default"

    # ---- finding

    def find(self, name: Name) -> Table | None:
        """Return a table or view."""
        return self.metastore.table(name.database or self.database, name.table)

    def get(self, name: Name) -> Table:
        """Return a table or view; raises SqlError."""
        found = self.find(name)
        if found is None:
            raise semantic(10001, f"Table not found '{name}'", name.place)
        return found

    def get_table(self, name: Name) -> Table:
        """Return a table that is no view; raises SqlError."""
        found = self.get(name)
        if found.view:
            raise semantic(10131, f"To alter a view you need to use the ALTER VIEW command: {name}")
        return found

    def _database(self, name: str, place: Place | None = None) -> Database:
        found = self.metastore.database(name)
        if found is None:
            raise semantic(10072, f"Database does not exist: {name}", place)
        return found

    def use(self, name: str) -> None:
        """Change the current database; raises SqlError."""
        self.database = self._database(name).name

    # ---- databases and tables

    def create_database(self, statement: CreateDatabase) -> None:
        """CREATE DATABASE."""
        location = self.storages.address(statement.location) if statement.location else None
        added = self.metastore.add_database(statement.name, location, statement.comment)
        if not added and not statement.if_not_exists:
            raise ddl(f"Database {statement.name} already exists")

    def create_table(self, statement: CreateTable, query: Query | None = None) -> Table | None:
        """CREATE TABLE; None where it is there and IF NOT EXISTS was written."""
        name = statement.name
        database = self._database(name.database or self.database, name.place)
        if self.metastore.table(database.name, name.table) is not None:
            if statement.if_not_exists:
                return None
            raise _exists(f"{database.name}.{name.table}")
        table = self._new_table(statement, database, query)
        if not self.metastore.add(table):
            raise _exists(table.full_name)
        return table

    def _new_table(self, statement: CreateTable, database: Database, query: Query | None) -> Table:
        name = statement.name
        place = database.location.child(name.table)
        location = self.storages.address(statement.location) if statement.location else place
        if statement.like is not None:
            like = self.get(statement.like)
            if like.view:
                raise unsupported("Hive's CREATE TABLE LIKE a view")
            return replace(
                like,
                database=database.name,
                name=name.table,
                location=location,
                partitions=(),
                external=statement.external,
            )
        columns = statement.columns
        if query is not None:
            columns = describing.columns_of_query(query)
            names = [one.name for one in columns]
            twice = next((one for one in names if names.count(one) > 1), None)
            if twice is not None:
                raise semantic(10036, f"Duplicate column name: {twice}", name.place)
        found = format_of(statement.format, (*columns, *statement.partitions))
        for one in statement.partitions:
            if any(one.name == other.name for other in columns):
                raise semantic(10035, f"Column repeated in partitioning columns {one.name}")
            if not one.type.is_simple:
                raise semantic(
                    10126, f"Partition columns can only be of primitive type: {one.name}"
                )
        return Table(
            database.name,
            name.table,
            columns_of(found, columns),
            found,
            location,
            statement.partitions,
            statement.external,
            statement.comment,
            dict(statement.properties),
        )

    def drop(self, statement: Drop) -> None:
        """DROP TABLE, VIEW and DATABASE; a managed table's files go too."""
        name = statement.name
        if statement.what == "DATABASE":
            self._drop_database(statement)
            return
        table = self.find(name)
        if table is None:
            if statement.if_exists:
                return
            raise semantic(10001, f"Table not found {name}")
        is_view = statement.what == "VIEW"
        if is_view != bool(table.view):
            word = "table" if table.view else "view"
            raise ddl(f"Cannot drop a {'view' if table.view else 'table'} with DROP {word.upper()}")
        self._remove(table)

    def _remove(self, table: Table) -> None:
        self.metastore.remove(table)
        if table.external or table.view:
            return
        for location in (table.location, *(one.location for one in table.partitions)):
            self.storages.clear(location)

    def _drop_database(self, statement: Drop) -> None:
        name = statement.name.table
        if self.metastore.database(name) is None:
            if statement.if_exists:
                return
            raise semantic(10072, f"Database does not exist: {name}")
        tables = self.metastore.tables(name)
        if name == "default":
            raise ddl("MetaException(message:Can not drop default database)")
        if tables and not statement.cascade:
            why = f"Database {name} is not empty. One or more tables exist."
            raise ddl(f"InvalidOperationException(message:{why})")
        for table in tables:
            self._remove(table)
        self.metastore.remove_database(name)
        if self.database == name:
            self.database = "default"

    def rename(self, statement: RenameTable) -> None:
        """ALTER TABLE RENAME TO; the files of a managed table stay where they are."""
        table = self.get(statement.name)
        database = statement.to.database or table.database
        self._database(database, statement.to.place)
        if not self.metastore.rename(table, database, statement.to.table):
            raise ddl(
                f"Unable to alter table. new table {database}.{statement.to.table} already exists",
            )

    def add_columns(self, statement: AddColumns) -> None:
        """ALTER TABLE ADD and REPLACE COLUMNS."""
        table = self.get_table(statement.name)
        columns = statement.columns if statement.replaces else (*table.columns, *statement.columns)
        names = [one.name for one in (*columns, *table.partition_columns)]
        twice = next((one for one in names if names.count(one) > 1), None)
        if twice is not None:
            raise ddl(f"Duplicate column name: {twice}")
        self.metastore.put(replace(table, columns=columns_of(table.format, columns)))

    def set_properties(self, statement: SetProperties) -> None:
        """ALTER TABLE SET TBLPROPERTIES and SERDEPROPERTIES."""
        table = self.get_table(statement.name)
        given = dict(statement.properties)
        if not statement.of_serde:
            self.metastore.put(replace(table, properties={**table.properties, **given}))
            return
        changed = replace(table.format, properties={**table.format.properties, **given})
        self.metastore.put(replace(table, format=changed))

    def set_location(self, statement: SetLocation) -> None:
        """ALTER TABLE SET LOCATION, of the table or of one partition."""
        table = self.get_table(statement.name)
        location = self.storages.address(statement.location)
        if not statement.partition:
            self.metastore.put(replace(table, location=location))
            return
        values = self.values(table, statement.partition)
        if table.find(values) is None:
            raise semantic(10006, f"Partition not found {values}", statement.name.place)
        self.metastore.set_partitions(table, [Partition(values, location)])

    # ---- partitions

    def values(self, table: Table, spec: PartitionSpec) -> tuple[str, ...]:
        """Return the values of a partition in the order of its columns; raises SqlError."""
        given = dict(spec)
        names = [one.name for one in table.partition_columns]
        if set(given) != set(names) or None in given.values():
            text = (
                "partition spec {"
                + ", ".join(f"{n}={v}" for n, v in spec)
                + "} doesn't contain all"
            )
            raise semantic(10125, f"{text} ({len(names)}) partition columns")
        return tuple(of_partition(one, given[one.name] or "") for one in table.partition_columns)

    def add_partitions(self, statement: AddPartitions) -> None:
        """ALTER TABLE ADD PARTITION."""
        table = self.get_table(statement.name)
        if not table.partition_columns:
            raise semantic(10241, f"Table is not partitioned: {table.name}", statement.name.place)
        added = []
        for spec, place in statement.partitions:
            values = self.values(table, spec)
            if table.find(values) is not None:
                if statement.if_not_exists:
                    continue
                raise ddl(
                    f"AlreadyExistsException(message:Partition already exists: {list(values)})"
                )
            location = self.storages.address(place) if place else table.folder(values)
            added.append(Partition(values, location))
        self.metastore.set_partitions(table, added)

    def drop_partitions(self, statement: DropPartitions) -> None:
        """ALTER TABLE DROP PARTITION; a managed table's files go too."""
        table = self.get_table(statement.name)
        gone: list[Partition] = []
        for spec in statement.partitions:
            found = list(self._matching(table, spec))
            if not found and not statement.if_exists:
                text = ", ".join(f"{n} = {v}" for n, v in spec)
                raise semantic(10006, f"Partition not found ({text})", statement.name.place)
            gone += found
        self.metastore.drop_partitions(table, gone)
        if not table.external:
            for one in gone:
                self.storages.clear(one.location)

    def _matching(self, table: Table, spec: PartitionSpec) -> Iterator[Partition]:
        columns = {one.name: (i, one) for i, one in enumerate(table.partition_columns)}
        for name, _ in spec:
            if name not in columns:
                raise semantic(10248, f"Partition column {name} not found")
        for one in table.partitions:
            pairs = [(columns[name], value) for name, value in spec]
            if all(v is None or one.values[i] == of_partition(c, v) for (i, c), v in pairs):
                yield one

    def repair(self, statement: Repair) -> list[str]:
        """MSCK REPAIR TABLE: add the partitions whose folders are there."""
        table = self.get_table(statement.name)
        names = [one.name for one in table.partition_columns]
        if not names:
            raise ddl(f"Table {table.full_name} is not a partitioned table")
        found: dict[tuple[str, ...], Address] = {}
        for entry in self.storages.files(table.location):
            inside = entry.address.path.removeprefix(table.location.folder).split("/")[:-1]
            values = _values(inside, names)
            if values is not None and table.find(values) is None:
                found[values] = table.location.child("/".join(inside))
        self.metastore.set_partitions(table, [Partition(v, a) for v, a in sorted(found.items())])
        missing = [f"{table.name}:{'/'.join(_spec(names, v))}" for v in sorted(found)]
        if not missing:
            return []
        added = [
            f"Repair: Added partition to metastore {table.full_name}:{'/'.join(_spec(names, v))}"
            for v in sorted(found)
        ]
        return ["Partitions not in metastore:\t" + "\t".join(missing), *added]

    def truncate(self, statement: Truncate) -> None:
        """TRUNCATE TABLE, or one partition of it."""
        table = self.get_table(statement.name)
        if table.external:
            raise semantic(10146, f"Cannot truncate non-managed table {table.name}.")
        locations = [table.location, *(one.location for one in table.partitions)]
        if statement.partition:
            locations = [one.location for one in self._matching(table, statement.partition)]
        for one in locations:
            self.storages.clear(one)

    def load(self, statement: Load) -> None:
        """LOAD DATA INPATH: the files are moved into the table."""
        table = self.get_table(statement.name)
        location = table.location
        if table.partition_columns:
            values = self.values(table, statement.partition)
            known = table.find(values)
            location = known.location if known else table.folder(values)
        elif statement.partition:
            raise semantic(10241, f"Table is not partitioned: {table.name}", statement.name.place)
        source = self.storages.address(statement.path)
        files = files_of(self.storages, source)
        if not files:
            text = f"Invalid path '{statement.path}': No files matching path {source}"
            raise semantic(10028, text, statement.place)
        if statement.overwrite:
            self.storages.clear(location)
        taken = {one.address.path for one in files_of(self.storages, location)}
        for entry in files:
            name = entry.address.path.rpartition("/")[2]
            target = location.child(_free(location, name, taken))
            taken.add(target.path)
            self.storages.move(entry.address, target, self.work)
        if table.partition_columns:
            self.metastore.set_partitions(table, [Partition(values, location)])

    # ---- showing

    def show(self, statement: Show) -> list[str]:
        """SHOW: the lines that the hive command prints."""
        if statement.what == "DATABASES":
            return self.metastore.databases(statement.pattern)
        if statement.what == "TABLES":
            database = self._database(statement.database or self.database).name
            return [one.name for one in self.metastore.tables(database, statement.pattern)]
        assert statement.name is not None
        table = self.get(statement.name)
        if statement.what == "COLUMNS":
            return [one.name for one in table.all_columns]
        if statement.what == "CREATE TABLE":
            return describing.create_table(table)
        if statement.what == "TBLPROPERTIES":
            return [f"{name}\t{value}" for name, value in sorted(table.properties.items())]
        names = [one.name for one in table.partition_columns]
        if not names:
            raise semantic(10241, f"Table {table.name} is not a partitioned table")
        return [
            "/".join(_spec(names, one.values)) for one in self._matching(table, statement.partition)
        ]

    def describe(self, statement: Describe) -> list[str]:
        """DESCRIBE: the lines that the hive command prints."""
        if statement.is_database:
            found = self._database(statement.name.table)
            return [f"{found.name}\t{found.comment}\t{found.location}"]
        table = self.get(statement.name)
        if statement.column:
            one = next((c for c in table.all_columns if c.name == statement.column), None)
            if one is None:
                text = f"Invalid column reference {statement.column}"
                raise semantic(10002, text, statement.name.place)
            return [f"{one.name}\t{one.type}\t{one.comment or 'from deserializer'}"]
        if statement.extended:
            raise unsupported("Hive's DESCRIBE EXTENDED")
        return describing.describe(table, formatted=statement.formatted)


def _spec(names: list[str], values: tuple[str, ...]) -> list[str]:
    return [f"{name}={value}" for name, value in zip(names, values, strict=True)]


def _values(folders: list[str], names: list[str]) -> tuple[str, ...] | None:
    """Return the values in a path like `y=2020/m=1`, None if it is another."""
    from urllib.parse import unquote

    if len(folders) != len(names):
        return None
    pairs = [one.partition("=") for one in folders]
    if any(p[0].lower() != name or not p[1] for p, name in zip(pairs, names, strict=True)):
        return None
    return tuple(unquote(one[2]) for one in pairs)


def _free(folder: Address, name: str, taken: set[str]) -> str:
    stem, dot, suffix = name.partition(".")
    candidate, number = name, 0
    while folder.child(candidate).path in taken:
        number += 1
        candidate = f"{stem}_copy_{number}{dot}{suffix}"
    return candidate
