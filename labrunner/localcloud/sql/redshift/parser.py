"""Reads one statement: queries and changes of rows go to sqlglot, the others are read here."""

from collections.abc import Callable, Mapping

from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.redshift import creating
from labrunner.localcloud.sql.redshift.lexer import Kind
from labrunner.localcloud.sql.redshift.reader import Name, Reader
from labrunner.localcloud.sql.redshift.statements import (
    AddColumn,
    AddConstraint,
    AlterColumn,
    AlterLayout,
    ChangeOwner,
    Comment,
    CreateDatabase,
    CreateSchema,
    CreateUser,
    CreateView,
    Drop,
    DropColumn,
    DropConstraint,
    Explain,
    Grant,
    Layout,
    Load,
    Rename,
    Rows,
    SetValue,
    Show,
    Statement,
    Transaction,
    Truncate,
    Upkeep,
)
from labrunner.localcloud.sql.redshift.wording import RedshiftError

ROWS = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE")
REFUSED = {
    *("CALL", "CANCEL", "CLOSE", "DECLARE", "FETCH", "PREPARE", "EXECUTE", "DEALLOCATE", "LOCK"),
    *("REFRESH", "ATTACH", "DETACH", "DESC", "USE", "DO", "LISTEN", "NOTIFY", "VALUES"),
}
PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE")


def parse_statement(text: str) -> Statement:
    """Read a statement; raises SqlError with a place in the statement."""
    reader = Reader(text)
    word = reader.token.word
    if word in ROWS or reader.token.text == "(":
        return Rows(text)
    if word in REFUSED:
        raise unsupported(f"Redshift's {word}", reader.place)
    if word in ("COPY", "UNLOAD"):
        return Load(word, text)
    parse = STATEMENTS.get(word)
    if parse is None:
        raise reader.fail()
    reader.next()
    return parse(reader)


# ---- CREATE and DROP


def _create(reader: Reader) -> Statement:
    replaces = reader.take("OR", "REPLACE")
    if reader.take("VIEW"):
        return _view(reader, replaces=replaces)
    if replaces:
        raise unsupported(f"Redshift's CREATE OR REPLACE {reader.token.word}", reader.place)
    if reader.take("SCHEMA"):
        return _schema(reader)
    if reader.take("DATABASE"):
        name = reader.identifier()
        if not reader.at_end:
            raise unsupported("Redshift's CREATE DATABASE with options", reader.place)
        return CreateDatabase(name)
    if reader.take("USER"):
        return _user(reader)
    reader.take("LOCAL")
    temporary = bool(reader.one_of("TEMP", "TEMPORARY"))
    if reader.take("TABLE"):
        return creating.create_table(reader, temporary=temporary)
    raise unsupported(f"Redshift's CREATE {reader.token.text.upper()}", reader.place)


def _view(reader: Reader, *, replaces: bool) -> CreateView:
    name = reader.name()
    names = reader.names() if reader.token.text == "(" else ()
    reader.expect("AS")
    text = reader.remainder()
    tokens = Reader(text)
    words = ("WITH", "NO", "SCHEMA", "BINDING")
    while not tokens.at_end:
        start = tokens.token.start
        if tokens.take(*words):
            tokens.end()
            return CreateView(name, text[:start].rstrip(), names, replaces, bound=False)
        tokens.next()
    return CreateView(name, text, names, replaces)


def _schema(reader: Reader) -> CreateSchema:
    if_not_exists = reader.take("IF", "NOT", "EXISTS")
    name = reader.identifier()
    if reader.take("AUTHORIZATION"):
        reader.identifier()
        if not reader.at_end:
            raise unsupported("Redshift's CREATE SCHEMA with more in it", reader.place)
    if not reader.at_end:
        raise unsupported("Redshift's CREATE SCHEMA with options", reader.place)
    return CreateSchema(name, if_not_exists)


def _user(reader: Reader) -> CreateUser:
    name = reader.identifier()
    reader.take("WITH")
    reader.expect("PASSWORD")
    password = None if reader.take("DISABLE") else reader.string()
    is_super = reader.take("CREATEUSER")
    if not reader.at_end and not reader.take("NOCREATEUSER"):
        raise unsupported("Redshift's CREATE USER with options", reader.place)
    reader.end()
    return CreateUser(name, password, is_super)


def _drop(reader: Reader) -> Drop:
    word = reader.one_of("TABLE", "VIEW", "SCHEMA", "DATABASE", "USER")
    if not word:
        raise unsupported(f"Redshift's DROP {reader.token.text.upper()}", reader.place)
    if_exists = reader.take("IF", "EXISTS")
    names = [reader.name()]
    while reader.sign(","):
        names.append(reader.name())
    cascade = reader.take("CASCADE")
    reader.take("RESTRICT")
    reader.end()
    return Drop(word, tuple(names), if_exists, cascade)


# ---- ALTER TABLE


def _alter(reader: Reader) -> Statement:
    if not reader.take("TABLE"):
        raise unsupported(f"Redshift's ALTER {reader.token.text.upper()}", reader.place)
    table = reader.name()
    found = _altered(reader, table)
    reader.end()
    return found


def _altered(reader: Reader, table: Name) -> Statement:
    if reader.take("ADD"):
        constraint = creating.table_constraint(reader)
        if constraint is not None:
            return AddConstraint(table, constraint)
        reader.take("COLUMN")
        column, constraints = creating.column(reader)
        if constraints:
            raise unsupported("Redshift's ADD COLUMN with a key", reader.place)
        return AddColumn(table, column)
    if reader.take("DROP"):
        if reader.take("CONSTRAINT"):
            name = reader.identifier()
            reader.one_of("CASCADE", "RESTRICT")
            return DropConstraint(table, name)
        reader.take("COLUMN")
        name = reader.identifier()
        return DropColumn(table, name, reader.one_of("CASCADE", "RESTRICT") == "CASCADE")
    if reader.take("RENAME"):
        if reader.take("TO"):
            return Rename(table, reader.identifier())
        reader.take("COLUMN")
        name = reader.identifier()
        reader.expect("TO")
        return Rename(table, reader.identifier(), name)
    if reader.take("OWNER", "TO"):
        return ChangeOwner(table, reader.identifier())
    if reader.take("ALTER"):
        return _altered_column(reader, table)
    raise unsupported(f"Redshift's ALTER TABLE ... {reader.token.text.upper()}", reader.place)


def _altered_column(reader: Reader, table: Name) -> Statement:
    layout = creating.layout(reader, Layout())
    if layout != Layout():
        return AlterLayout(table, layout)
    if not reader.take("COLUMN"):
        raise unsupported(f"Redshift's ALTER {reader.token.text.upper()}", reader.place)
    name = reader.identifier()
    if reader.take("TYPE"):
        return AlterColumn(table, name, reader.type())
    if reader.take("ENCODE"):
        return AlterColumn(table, name, encoding=creating.encoding(reader))
    raise unsupported(f"Redshift's ALTER COLUMN {reader.token.text.upper()}", reader.place)


# ---- the others


def _truncate(reader: Reader) -> Truncate:
    reader.take("TABLE")
    table = reader.name()
    reader.end()
    return Truncate(table)


def _comment(reader: Reader) -> Comment:
    reader.expect("ON")
    word = reader.one_of("TABLE", "VIEW", "COLUMN")
    if not word:
        raise unsupported(f"Redshift's COMMENT ON {reader.token.text.upper()}", reader.place)
    place = reader.place
    name, column = reader.name(), ""
    if word == "COLUMN":
        if len(name.parts) < 2:  # noqa: PLR2004
            raise RedshiftError("42601", "column name must be qualified", place)
        name, column = Name(name.parts[:-1], place), name.own
    reader.expect("IS")
    text = None if reader.take("NULL") else reader.string()
    reader.end()
    return Comment(name, column, text)


def _grant(reader: Reader, *, revokes: bool = False) -> Grant:
    privileges: list[str] = []
    while True:
        word = reader.one_of(*PRIVILEGES, "ALL")
        if not word:
            what = "REVOKE" if revokes else "GRANT"
            raise unsupported(f"Redshift's {what} {reader.token.text.upper()}", reader.place)
        if word == "ALL":
            reader.take("PRIVILEGES")
        privileges += PRIVILEGES if word == "ALL" else (word,)
        if not reader.sign(","):
            break
    reader.expect("ON")
    if reader.token.word in ("SCHEMA", "DATABASE", "FUNCTION", "ALL", "PROCEDURE", "LANGUAGE"):
        what = "REVOKE" if revokes else "GRANT"
        raise unsupported(f"Redshift's {what} ON {reader.token.word}", reader.place)
    reader.take("TABLE")
    tables = [reader.name()]
    while reader.sign(","):
        tables.append(reader.name())
    reader.expect("FROM" if revokes else "TO")
    grantees = [_grantee(reader)]
    while reader.sign(","):
        grantees.append(_grantee(reader))
    if not reader.at_end:
        raise unsupported(f"Redshift's GRANT ... {reader.token.text.upper()}", reader.place)
    return Grant(tuple(privileges), tuple(tables), tuple(grantees), revokes)


def _grantee(reader: Reader) -> str:
    if reader.token.word in ("GROUP", "ROLE"):
        raise unsupported(f"Redshift's GRANT TO {reader.token.word}", reader.place)
    if reader.take("PUBLIC"):
        return ""
    if reader.token.kind is Kind.QUOTED:
        return reader.next().text[1:-1]  # IAM:Name keeps its capitals
    return reader.identifier()


def _revoke(reader: Reader) -> Grant:
    return _grant(reader, revokes=True)


def _transaction(what: str) -> Callable[[Reader], Transaction]:
    def parse(reader: Reader) -> Transaction:
        reader.one_of("WORK", "TRANSACTION")
        for words in (("ISOLATION", "LEVEL", "SERIALIZABLE"), ("READ", "WRITE")):
            reader.take(*words)
        if not reader.at_end:
            raise unsupported(f"Redshift's {what} with options", reader.place)
        return Transaction(what)

    return parse


def _start(reader: Reader) -> Transaction:
    if reader.token.word != "TRANSACTION":
        raise reader.fail()
    return _transaction("BEGIN")(reader)


def _set(reader: Reader) -> SetValue:
    if reader.token.word in ("LOCAL", "SESSION"):
        what = f"SET {reader.token.word}"
        raise unsupported(f"Redshift's {what}", reader.place)
    if reader.take("TIME", "ZONE"):
        name = "timezone"
    else:
        name = reader.identifier()
        while reader.sign("."):
            name += f".{reader.identifier()}"
        if not reader.sign("="):
            reader.expect("TO")
    values = []
    while not reader.at_end:
        token = reader.next()
        if token.kind is Kind.SIGN and token.text not in ("-", ","):
            raise reader.fail()
        values.append(token.value if token.kind is not Kind.SIGN else token.text)
    if not values:
        raise reader.fail()
    return SetValue(name, "".join(f"{one} " if one == "," else one for one in values))


def _reset(reader: Reader) -> SetValue:
    name = reader.identifier()
    reader.end()
    return SetValue(name, "default")


def _show(reader: Reader) -> Show:
    if reader.take("TABLES", "FROM", "SCHEMA"):
        found = Show("TABLES", reader.name())
    elif reader.take("SCHEMAS", "FROM", "DATABASE"):
        found = Show("SCHEMAS", reader.name())
    elif reader.take("COLUMNS", "FROM", "TABLE"):
        found = Show("COLUMNS", reader.name())
    elif reader.take("DATABASES"):
        found = Show("DATABASES")
    elif reader.token.word in ("TABLE", "VIEW") and reader.ahead(1).kind is not Kind.END:
        found = Show(reader.next().word, reader.name())
    elif reader.take("ALL"):
        found = Show("ALL")
    elif reader.take("TIME", "ZONE"):
        found = Show("SETTING", Name(("timezone",)))
    else:
        place = reader.place
        found = Show("SETTING", Name((reader.identifier(),), place))
    if not reader.at_end:
        raise unsupported(f"Redshift's SHOW ... {reader.token.text.upper()}", reader.place)
    return found


def _upkeep(what: str) -> Callable[[Reader], Upkeep]:
    words = {
        "ANALYZE": ("VERBOSE",),
        "VACUUM": ("FULL", "SORT", "DELETE", "REINDEX", "RECLUSTER"),
    }[what]

    def parse(reader: Reader) -> Upkeep:
        if what == "ANALYZE" and reader.token.word == "COMPRESSION":
            raise unsupported("Redshift's ANALYZE COMPRESSION", reader.place)
        if reader.take("SORT") or reader.take("DELETE"):
            reader.expect("ONLY")
        else:
            reader.one_of(*words)
        table = None if reader.at_end else reader.name()
        if what == "ANALYZE" and reader.token.text == "(":
            reader.names()
        if reader.take("PREDICATE", "COLUMNS") or reader.take("ALL", "COLUMNS"):
            pass
        if reader.take("TO"):
            reader.number()
            reader.expect("PERCENT")
            reader.take("BOOST")
        reader.end()
        return Upkeep(what, table)

    return parse


def _explain(reader: Reader) -> Explain:
    if reader.token.word in ("VERBOSE", "ANALYZE"):
        raise unsupported(f"Redshift's EXPLAIN {reader.token.word}", reader.place)
    return Explain(reader.remainder())


STATEMENTS: Mapping[str, Callable[[Reader], Statement]] = {
    "CREATE": _create,
    "DROP": _drop,
    "ALTER": _alter,
    "TRUNCATE": _truncate,
    "COMMENT": _comment,
    "GRANT": _grant,
    "REVOKE": _revoke,
    "BEGIN": _transaction("BEGIN"),
    "START": _start,
    "COMMIT": _transaction("COMMIT"),
    "END": _transaction("COMMIT"),
    "ROLLBACK": _transaction("ROLLBACK"),
    "ABORT": _transaction("ROLLBACK"),
    "SET": _set,
    "RESET": _reset,
    "SHOW": _show,
    "ANALYZE": _upkeep("ANALYZE"),
    "ANALYSE": _upkeep("ANALYZE"),
    "VACUUM": _upkeep("VACUUM"),
    "EXPLAIN": _explain,
}
