"""Reads CREATE TABLE, after "CREATE TABLE" and "CREATE TABLE AS"."""

from dataclasses import replace

from labrunner.localcloud.sql.datatypes import BIGINT, INT, Type
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.redshift.reader import Reader
from labrunner.localcloud.sql.redshift.statements import (
    ColumnSpec,
    Constraint,
    CreateTable,
    Layout,
)
from labrunner.localcloud.sql.redshift.wording import RedshiftError

ENCODINGS = frozenset(
    {
        *("raw", "az64", "bytedict", "delta", "delta32k", "lzo", "mostly8", "mostly16"),
        *("mostly32", "runlength", "text255", "text32k", "zstd", "auto", "none"),
    }
)
# Words behind which the default of a column has ended.
AFTER_DEFAULT = (
    *("ENCODE", "NOT", "NULL", "UNIQUE", "PRIMARY", "REFERENCES", "DISTKEY", "SORTKEY"),
    *("IDENTITY", "COLLATE"),
)


def create_table(reader: Reader, *, temporary: bool) -> CreateTable:
    """Read what follows CREATE TABLE; raises SqlError."""
    if_not_exists = reader.take("IF", "NOT", "EXISTS")
    name = reader.name()
    temporary = temporary or name.own.startswith("#")
    table = CreateTable(name, temporary=temporary, if_not_exists=if_not_exists)
    if reader.token.text == "(":
        table = _body(reader, table)
    found = layout(reader, Layout(), is_table=True)
    table = replace(table, layout=found)
    if reader.take("AS"):
        if table.columns or table.like:
            raise RedshiftError(
                "42601", "CREATE TABLE AS takes names of columns alone", reader.place
            )
        return replace(table, query=reader.remainder())
    if table.names or not (table.columns or table.like):
        raise reader.fail()
    reader.end()
    return table


def _body(reader: Reader, table: CreateTable) -> CreateTable:
    """Read columns and constraints, names alone, or LIKE."""
    reader.expect_sign("(")
    if reader.take("LIKE"):
        like = reader.name()
        defaults = reader.take("INCLUDING", "DEFAULTS")
        reader.take("EXCLUDING", "DEFAULTS")
        reader.expect_sign(")")
        return replace(table, like=like, like_defaults=defaults)
    if reader.ahead(1).text in (",", ")"):
        names = [reader.identifier()]
        while reader.sign(","):
            names.append(reader.identifier())
        reader.expect_sign(")")
        return replace(table, names=tuple(names))
    columns: list[ColumnSpec] = []
    constraints: list[Constraint] = []
    while True:
        constraint = table_constraint(reader)
        if constraint is not None:
            constraints.append(constraint)
        else:
            one, keys = column(reader)
            if one.name in [c.name for c in columns]:
                text = f'column "{one.name}" specified more than once'
                raise RedshiftError("42701", text, one.place)
            columns.append(one)
            constraints += keys
        if not reader.sign(","):
            break
    reader.expect_sign(")")
    if sum(one.kind == "p" for one in constraints) > 1:
        text = f'multiple primary keys for table "{table.name.own}" are not allowed'
        raise RedshiftError("42P16", text, table.name.place)
    return replace(table, columns=tuple(columns), constraints=tuple(constraints))


def column(  # noqa: C901, PLR0912 - an attribute a branch
    reader: Reader,
) -> tuple[ColumnSpec, list[Constraint]]:
    """Read a column with its attributes and constraints; raises SqlError."""
    place = reader.place
    name = reader.identifier()
    found = ColumnSpec(name, reader.type(), place)
    keys: list[Constraint] = []
    while not reader.at_end and reader.token.text not in (",", ")"):
        if reader.take("DEFAULT"):
            found = replace(found, default=reader.expression(*AFTER_DEFAULT))
        elif reader.take("IDENTITY"):
            found = replace(found, identity=_identity(reader, found.type, by_default=False))
        elif reader.take("GENERATED"):
            reader.expect("BY", "DEFAULT", "AS", "IDENTITY")
            found = replace(found, identity=_identity(reader, found.type, by_default=True))
        elif reader.take("ENCODE"):
            found = replace(found, encoding=encoding(reader))
        elif reader.take("DISTKEY"):
            found = replace(found, distkey=True)
        elif reader.take("SORTKEY"):
            found = replace(found, sortkey=True)
        elif reader.take("NOT", "NULL"):
            found = replace(found, not_null=True)
        elif reader.take("NULL"):
            pass
        elif reader.take("UNIQUE"):
            keys.append(Constraint("u", (name,)))
        elif reader.take("PRIMARY", "KEY"):
            found = replace(found, not_null=True)
            keys.append(Constraint("p", (name,)))
        elif reader.take("REFERENCES"):
            table = reader.name()
            referenced = reader.names() if reader.token.text == "(" else ()
            keys.append(Constraint("f", (name,), references=table, referenced=referenced))
        elif reader.token.word == "COLLATE":
            raise unsupported("Redshift's COLLATE", reader.place)
        else:
            raise reader.fail()
    return found, keys


def _identity(reader: Reader, kind: Type, *, by_default: bool) -> str:
    place = reader.place
    if kind not in (INT, BIGINT):
        text = "identity column type must be INT or BIGINT"
        raise RedshiftError("42601", text, place)
    numbers = []
    reader.expect_sign("(")
    for index in range(2):
        if index:
            reader.expect_sign(",")
        sign = "-" if reader.sign("-") else ""
        numbers.append(f"{sign}{reader.number()}")
    reader.expect_sign(")")
    if int(numbers[1]) == 0:
        raise RedshiftError("22023", "identity step must not be zero", place)
    return ",".join([*numbers, "default"] if by_default else numbers)


def encoding(reader: Reader) -> str:
    """Read the name of a compression encoding; raises SqlError."""
    place = reader.place
    name = reader.identifier()
    if name not in ENCODINGS:
        raise RedshiftError("42601", f'invalid encoding type specified: "{name}"', place)
    return "none" if name == "raw" else name


def table_constraint(reader: Reader) -> Constraint | None:
    """Read a constraint of a table, if one comes next; raises SqlError."""
    name = reader.identifier() if reader.take("CONSTRAINT") else ""
    if reader.take("PRIMARY", "KEY"):
        return Constraint("p", reader.names(), name)
    if reader.token.word == "UNIQUE" and reader.ahead(1).text == "(":
        reader.next()
        return Constraint("u", reader.names(), name)
    if reader.take("FOREIGN", "KEY"):
        columns = reader.names()
        reader.expect("REFERENCES")
        table = reader.name()
        referenced = reader.names() if reader.token.text == "(" else ()
        return Constraint("f", columns, name, table, referenced)
    if name:
        raise reader.fail()
    return None


def layout(reader: Reader, found: Layout, *, is_table: bool = False) -> Layout:
    """Read attributes of a table as long as they come; raises SqlError."""
    while True:
        if reader.take("DISTSTYLE"):
            style = reader.one_of("AUTO", "EVEN", "KEY", "ALL")
            if not style:
                raise reader.fail()
            found = replace(found, diststyle=style)
        elif reader.take("DISTKEY"):
            key = reader.names() if reader.token.text == "(" else (reader.identifier(),)
            found = replace(found, distkey=key[0], diststyle=found.diststyle or "KEY")
        elif reader.token.word in ("COMPOUND", "INTERLEAVED", "SORTKEY"):
            interleaved = reader.one_of("COMPOUND", "INTERLEAVED") == "INTERLEAVED"
            reader.expect("SORTKEY")
            if reader.one_of("AUTO", "NONE"):
                found = replace(found, sortkey=())
                continue
            found = replace(found, sortkey=reader.names(), interleaved=interleaved)
        elif is_table and reader.take("BACKUP"):
            if not reader.one_of("YES", "NO"):
                raise reader.fail()
        elif is_table and reader.take("ENCODE"):
            reader.expect("AUTO")
        else:
            return found
