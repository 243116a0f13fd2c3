"""Reads one statement: queries go to sqlglot, the others are read here by hand."""

from collections.abc import Callable, Mapping

from labrunner.localcloud.sql.errors import SqlError, unsupported
from labrunner.localcloud.sql.hive.alter import alter
from labrunner.localcloud.sql.hive.lexer import Kind
from labrunner.localcloud.sql.hive.reader import Reader
from labrunner.localcloud.sql.hive.statements import (
    CreateDatabase,
    CreateTable,
    CreateView,
    Describe,
    DirectoryTarget,
    Drop,
    Insert,
    Inserts,
    Load,
    Name,
    Repair,
    Select,
    SetVariable,
    Show,
    Statement,
    Subquery,
    TableTarget,
    Truncate,
    Use,
)

REFUSED = {
    "EXPLAIN": "EXPLAIN",
    "ANALYZE": "ANALYZE",
    "UPDATE": "UPDATE",
    "DELETE": "DELETE",
    "MERGE": "MERGE",
    "EXPORT": "EXPORT",
    "IMPORT": "IMPORT",
    "GRANT": "GRANT",
    "REVOKE": "REVOKE",
    "LOCK": "LOCK",
    "UNLOCK": "UNLOCK",
    "ADD": "ADD JAR and FILE",
    "RELOAD": "RELOAD",
    "RESET": "RESET",
    "DFS": "dfs",
    "SOURCE": "source",
    "MAP": "MAP ... USING",
    "REDUCE": "REDUCE ... USING",
    "START": "transactions",
    "COMMIT": "transactions",
    "ROLLBACK": "transactions",
    "KILL": "KILL",
    "LIST": "LIST",
    "COMPILE": "COMPILE",
    "ABORT": "ABORT",
    "CACHE": "CACHE",
    "REPL": "REPL",
}


def parse_statement(text: str) -> Statement:
    """Read a statement; raises SqlError with a place in the statement."""
    reader = Reader(text)
    word = reader.token.word
    if reader.token.text == "!":
        raise unsupported("Hive's command of the shell (!)", reader.place)
    if word in REFUSED:
        raise unsupported(f"Hive's {REFUSED[word]}", reader.place)
    if word in ("SELECT", "WITH") or reader.token.text == "(":
        return _query(reader)
    parse = STATEMENTS.get(word)
    if parse is None:
        raise reader.fail()
    return parse(reader)


def _query(reader: Reader) -> Statement:
    """Read a query, which may begin with WITH and end in an INSERT."""
    if reader.token.word == "WITH":
        probe = Reader(reader.text)
        insert = _find_insert(probe)
        if insert is not None:
            ctes = Subquery(reader.text[: probe.token.start], reader.place)
            return _inserts(probe, ctes.text)
    return Select(reader.rest())


def _find_insert(reader: Reader) -> int | None:
    """Go to the INSERT that is in no parentheses; None if there is none."""
    depth = 0
    while reader.token.kind is not Kind.END:
        token = reader.token
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind is Kind.SIGN else 0
        if depth == 0 and token.word in ("INSERT", "FROM"):
            return token.start if token.word == "INSERT" else None
        reader.next()
    return None


# ---- CREATE and DROP


def _create(reader: Reader) -> Statement:
    reader.expect("CREATE")
    replaces = reader.take("OR", "REPLACE")
    if reader.take("VIEW"):
        return _create_view(reader, replaces=replaces)
    if replaces:
        raise reader.fail()
    if reader.take("DATABASE") or reader.take("SCHEMA"):
        return _create_database(reader)
    for words in (
        ("TEMPORARY", "FUNCTION"),
        ("FUNCTION",),
        ("TEMPORARY", "MACRO"),
        ("INDEX",),
        ("ROLE",),
        ("MATERIALIZED",),
        ("TEMPORARY", "TABLE"),
    ):
        if reader.take(*words):
            raise unsupported(f"Hive's CREATE {' '.join(words)}", reader.place)
    external = reader.take("EXTERNAL")
    reader.expect("TABLE")
    return _create_table(reader, external=external)


def _if_not_exists(reader: Reader) -> bool:
    return reader.take("IF", "NOT", "EXISTS")


def _create_table(reader: Reader, *, external: bool) -> CreateTable:
    if_not_exists = _if_not_exists(reader)
    name = reader.name()
    if reader.take("LIKE"):
        like = reader.name()
        location = reader.optional("LOCATION")
        reader.end()
        return CreateTable(
            name, external=external, if_not_exists=if_not_exists, like=like, location=location
        )
    columns = reader.columns() if reader.token.text == "(" else ()
    comment = reader.optional("COMMENT") or ""
    partitions = reader.columns() if reader.take("PARTITIONED", "BY") else ()
    for words in (("CLUSTERED", "BY"), ("SKEWED", "BY")):
        if reader.take(*words):
            raise unsupported(f"Hive's {' '.join(words)}", reader.place)
    row_format = reader.row_format()
    location = reader.optional("LOCATION")
    properties = reader.properties() if reader.take("TBLPROPERTIES") else {}
    query = reader.rest() if reader.take("AS") else None
    if query is not None and (columns or partitions):
        text = "FAILED: SemanticException [Error 10065]: CREATE TABLE AS SELECT command cannot "
        raise SqlError("semantic", text + "specify the list of columns for the target table")
    if query is not None and external:
        text = "FAILED: SemanticException [Error 10070]: CREATE-TABLE-AS-SELECT cannot create "
        raise SqlError("semantic", text + "external table")
    if query is None and not columns and not row_format.serde:
        raise reader.fail()
    reader.end()
    return CreateTable(
        name,
        columns,
        partitions,
        external,
        if_not_exists,
        comment,
        row_format,
        location,
        properties,
        None,
        query,
    )


def _create_view(reader: Reader, *, replaces: bool) -> CreateView:
    if_not_exists = _if_not_exists(reader)
    name = reader.name()
    columns: tuple[str, ...] = ()
    if reader.token.text == "(":
        reader.next()
        found = []
        while True:
            found.append(reader.identifier())
            reader.optional("COMMENT")
            if not reader.sign(","):
                break
        reader.expect_sign(")")
        columns = tuple(found)
    comment = reader.optional("COMMENT") or ""
    if reader.take("TBLPROPERTIES"):
        reader.properties()
    reader.expect("AS")
    return CreateView(name, columns, reader.rest(), if_not_exists, replaces, comment)


def _create_database(reader: Reader) -> CreateDatabase:
    if_not_exists = _if_not_exists(reader)
    name = reader.identifier()
    comment = reader.optional("COMMENT") or ""
    location = reader.optional("LOCATION")
    if reader.take("WITH", "DBPROPERTIES"):
        reader.properties()
    reader.end()
    return CreateDatabase(name, if_not_exists, comment, location)


def _drop(reader: Reader) -> Drop:
    reader.expect("DROP")
    word = reader.token.word
    if word not in ("TABLE", "VIEW", "DATABASE", "SCHEMA"):
        raise unsupported(f"Hive's DROP {reader.token.text.upper()}", reader.place)
    reader.next()
    if_exists = reader.take("IF", "EXISTS")
    name = reader.name()
    reader.take("PURGE")
    cascade = reader.take("CASCADE")
    reader.take("RESTRICT")
    reader.end()
    return Drop("DATABASE" if word == "SCHEMA" else word, name, if_exists, cascade)


# ---- USE, SHOW, DESCRIBE


def _use(reader: Reader) -> Use:
    reader.expect("USE")
    name = reader.identifier()
    reader.end()
    return Use(name)


def _show(reader: Reader) -> Show:
    reader.expect("SHOW")
    if reader.take("DATABASES") or reader.take("SCHEMAS"):
        found = Show("DATABASES", pattern=_pattern(reader))
    elif reader.take("TABLES") or reader.take("VIEWS"):
        database = reader.identifier() if reader.take("IN") or reader.take("FROM") else ""
        found = Show("TABLES", database=database, pattern=_pattern(reader))
    elif reader.take("PARTITIONS"):
        name = reader.name()
        found = Show("PARTITIONS", name, partition=reader.partition())
    elif reader.take("COLUMNS"):
        if not reader.take("IN"):
            reader.expect("FROM")
        name = reader.name()
        if reader.take("IN") or reader.take("FROM"):
            name = Name(reader.identifier(), name.table, name.place)
        found = Show("COLUMNS", name)
    elif reader.take("CREATE", "TABLE"):
        found = Show("CREATE TABLE", reader.name())
    elif reader.take("TBLPROPERTIES"):
        found = Show("TBLPROPERTIES", reader.name())
    elif reader.take("FUNCTIONS"):
        found = Show("FUNCTIONS", pattern=_pattern(reader))
    else:
        raise unsupported(f"Hive's SHOW {reader.token.text.upper()}", reader.place)
    reader.end()
    return found


def _pattern(reader: Reader) -> str | None:
    reader.take("LIKE")
    return reader.string() if reader.token.kind is Kind.STRING else None


def _describe(reader: Reader) -> Describe:
    reader.next()
    if reader.take("DATABASE") or reader.take("SCHEMA"):
        extended = reader.take("EXTENDED")
        place = reader.place
        name = Name("", reader.identifier(), place)
        reader.end()
        return Describe(name, extended=extended, is_database=True)
    if reader.token.word == "FUNCTION":
        raise unsupported("Hive's DESCRIBE FUNCTION", reader.place)
    formatted, extended = reader.take("FORMATTED"), reader.take("EXTENDED")
    name = reader.name()
    column = reader.identifier() if reader.token.kind in (Kind.WORD, Kind.QUOTED) else ""
    reader.end()
    return Describe(name, formatted, extended, column)


# ---- data


def _truncate(reader: Reader) -> Truncate:
    reader.expect("TRUNCATE")
    reader.take("TABLE")
    name = reader.name()
    partition = reader.partition()
    reader.end()
    return Truncate(name, partition)


def _repair(reader: Reader) -> Repair:
    reader.expect("MSCK")
    reader.expect("REPAIR")
    reader.expect("TABLE")
    name = reader.name()
    if reader.take("ADD") and not reader.take("PARTITIONS"):
        raise reader.fail()
    reader.end()
    return Repair(name)


def _load(reader: Reader) -> Load:
    reader.expect("LOAD", "DATA")
    if reader.take("LOCAL"):
        raise unsupported(
            "Hive's LOAD DATA LOCAL, as there is no local disk to read,", reader.place
        )
    reader.expect("INPATH")
    place = reader.place
    path = reader.string()
    overwrite = reader.take("OVERWRITE")
    reader.expect("INTO", "TABLE")
    name = reader.name()
    partition = reader.partition()
    reader.end()
    return Load(path, name, overwrite, partition, place)


def _insert(reader: Reader) -> Inserts:
    return _inserts(reader, "")


def _inserts(reader: Reader, ctes: str) -> Inserts:
    target = _target(reader)
    query = reader.rest()
    if query.text[:6].upper() == "VALUES" and ctes:
        raise reader.fail()
    text = f"{ctes}{query.text}" if ctes else query.text
    return Inserts((Insert(target, Subquery(text, query.place)),))


def _target(reader: Reader) -> TableTarget | DirectoryTarget:
    reader.expect("INSERT")
    overwrite = reader.take("OVERWRITE")
    if not overwrite:
        reader.expect("INTO")
    if reader.take("LOCAL"):
        raise unsupported("Hive's INSERT OVERWRITE LOCAL DIRECTORY", reader.place)
    if overwrite and reader.take("DIRECTORY"):
        place = reader.place
        return DirectoryTarget(reader.string(), reader.row_format(), place)
    if not reader.take("TABLE") and overwrite:
        raise reader.fail()
    name = reader.name()
    partition = reader.partition()
    if_not_exists = _if_not_exists(reader)
    columns: tuple[str, ...] = ()
    if reader.token.text == "(" and reader.ahead(1).word not in ("SELECT", "WITH", "FROM", ""):
        columns = reader.names()
    return TableTarget(name, overwrite, partition, columns, if_not_exists)


def _from(reader: Reader) -> Statement:
    """Read FROM ... INSERT ... SELECT ..., or FROM ... SELECT ...."""
    probe = Reader(reader.text)
    starts = _starts(probe)
    if not starts:
        return Select(reader.rest())
    source = reader.text[: starts[0]]
    found = []
    for start, end in zip(starts, [*starts[1:], len(reader.text)], strict=True):
        part = Reader(reader.text[:end])
        while part.token.start < start:
            part.next()
        target = _target(part)
        rest = part.rest()
        found.append(Insert(target, Subquery(f"{source}{rest.text}", reader.place)))
    return Inserts(tuple(found))


def _starts(reader: Reader) -> list[int]:
    found, depth = [], 0
    while reader.token.kind is not Kind.END:
        token = reader.token
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind is Kind.SIGN else 0
        if depth == 0 and token.word == "INSERT":
            found.append(token.start)
        reader.next()
    return found


# ---- SET


def _set(reader: Reader) -> SetVariable:
    reader.expect("SET")
    rest = reader.text[reader.token.start :].strip() if reader.token.kind is not Kind.END else ""
    if not rest or rest == "-v":
        return SetVariable()
    name, equals, value = rest.partition("=")
    return SetVariable(name.strip(), value.strip() if equals else None)


STATEMENTS: Mapping[str, Callable[[Reader], Statement]] = {
    "CREATE": _create,
    "DROP": _drop,
    "USE": _use,
    "SHOW": _show,
    "DESCRIBE": _describe,
    "DESC": _describe,
    "ALTER": alter,
    "TRUNCATE": _truncate,
    "MSCK": _repair,
    "LOAD": _load,
    "INSERT": _insert,
    "FROM": _from,
    "SET": _set,
}
