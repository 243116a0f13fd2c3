"""ALTER TABLE."""

from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.hive.reader import Reader
from labrunner.localcloud.sql.hive.statements import (
    AddColumns,
    AddPartitions,
    DropPartitions,
    Name,
    PartitionSpec,
    RenameTable,
    Repair,
    SetLocation,
    SetProperties,
    Statement,
)


def alter(reader: Reader) -> Statement:
    """Read ALTER TABLE; raises SqlError for what else there is."""
    reader.expect("ALTER")
    if not reader.take("TABLE"):
        raise unsupported(f"Hive's ALTER {reader.token.text.upper()}", reader.place)
    name = reader.name()
    found = _alter(reader, name)
    reader.end()
    return found


def _alter(reader: Reader, name: Name) -> Statement:
    if reader.take("RECOVER", "PARTITIONS"):
        return Repair(name)
    if reader.take("RENAME", "TO"):
        return RenameTable(name, reader.name())
    if reader.take("ADD", "COLUMNS"):
        return AddColumns(name, reader.columns(), replaces=False)
    if reader.take("REPLACE", "COLUMNS"):
        return AddColumns(name, reader.columns(), replaces=True)
    if reader.take("ADD"):
        return _add_partitions(reader, name)
    if reader.take("DROP"):
        return _drop_partitions(reader, name)
    partition = reader.partition()
    if reader.take("SET", "LOCATION"):
        return SetLocation(name, reader.string(), partition)
    if not partition and reader.take("SET", "TBLPROPERTIES"):
        return SetProperties(name, reader.properties(), of_serde=False)
    if not partition and reader.take("SET", "SERDEPROPERTIES"):
        return SetProperties(name, reader.properties(), of_serde=True)
    raise unsupported(f"Hive's ALTER TABLE ... {reader.token.text.upper()}", reader.place)


def _add_partitions(reader: Reader, name: Name) -> AddPartitions:
    if_not_exists = reader.take("IF", "NOT", "EXISTS")
    found: list[tuple[PartitionSpec, str | None]] = []
    while reader.token.word == "PARTITION":
        partition = reader.partition()
        found.append((partition, reader.optional("LOCATION")))
    if not found:
        raise reader.fail()
    return AddPartitions(name, tuple(found), if_not_exists)


def _drop_partitions(reader: Reader, name: Name) -> DropPartitions:
    if_exists = reader.take("IF", "EXISTS")
    found = [reader.partition()]
    while reader.sign(","):
        found.append(reader.partition())
    reader.take("PURGE")
    if not found[0]:
        raise reader.fail()
    return DropPartitions(name, tuple(found), if_exists)
