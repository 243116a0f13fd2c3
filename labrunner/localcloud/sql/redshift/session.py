"""A session of a warehouse: runs statements, each in its transaction, and keeps what SET says."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.datatypes import STRING
from labrunner.localcloud.sql.errors import SqlError, unsupported
from labrunner.localcloud.sql.redshift import parsing, systemviews, wording
from labrunner.localcloud.sql.redshift.catalog import Catalog, Relation
from labrunner.localcloud.sql.redshift.changes import Changes
from labrunner.localcloud.sql.redshift.dialect import redshift
from labrunner.localcloud.sql.redshift.dropping import Dropping
from labrunner.localcloud.sql.redshift.facts import SessionFacts, milliseconds
from labrunner.localcloud.sql.redshift.lake import Lake
from labrunner.localcloud.sql.redshift.lexer import pieces
from labrunner.localcloud.sql.redshift.loading import Loader
from labrunner.localcloud.sql.redshift.parser import parse_statement
from labrunner.localcloud.sql.redshift.reader import Name
from labrunner.localcloud.sql.redshift.results import Result, ResultColumn
from labrunner.localcloud.sql.redshift.showing import Showing
from labrunner.localcloud.sql.redshift.statements import (
    AddColumn,
    AddConstraint,
    AlterColumn,
    AlterLayout,
    ChangeOwner,
    Comment,
    CreateDatabase,
    CreateSchema,
    CreateTable,
    CreateUser,
    CreateView,
    Drop,
    DropColumn,
    DropConstraint,
    Explain,
    Grant,
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
from labrunner.localcloud.sql.redshift.tables import Tables
from labrunner.localcloud.sql.redshift.unloading import Unloader
from labrunner.localcloud.sql.redshift.warehouse import Connection, Warehouse
from labrunner.localcloud.sql.redshift.wording import RedshiftError
from labrunner.localcloud.sql.values import Query

if TYPE_CHECKING:
    from sqlglot import exp

    Node = exp.Expression
else:
    Node = Any

OnResult = Callable[[Result], None]
MAX_VIEWS = 32
NOT_NULL = re.compile(r"NOT NULL constraint failed: t(\d+)\.k(\d+)")
ROWS_TAGS = {"Insert": "INSERT 0", "Update": "UPDATE", "Delete": "DELETE", "Merge": "MERGE"}


class Session:
    """One user's session in one database; `cancel` may be called from another thread.

    `lake` gives COPY and UNLOAD their files. Every statement is logged for `sys_query_history`.
    """

    def __init__(  # noqa: PLR0913 - what a session is of
        self,
        warehouse: Warehouse,
        lake: Lake,
        *,
        database: str,
        user: str,
        account: str,
        namespace: str,
        is_super: bool = False,
    ) -> None:
        if database not in warehouse.databases():
            raise RedshiftError("3D000", f'database "{database}" does not exist')
        pid = warehouse.new_pid()
        oid = warehouse.user(user, is_super=is_super)
        self.facts = SessionFacts(database, user, oid, pid, account, namespace)
        self._warehouse = warehouse
        self._lake = lake
        self._connection = Connection(warehouse)
        self.catalog = Catalog(self._connection, self.facts)
        self._tables = Tables(warehouse, self._connection, self.catalog)
        self._lock = threading.RLock()
        self._in_block = False
        self._has_failed = False
        self._transaction = warehouse.new_number()
        self._timed_out = False

    # ---- running

    @property
    def status(self) -> str:
        """PostgreSQL's letter for the transaction: I is none, T inside of one, E after an error."""
        if not self._in_block:
            return "I"
        return "E" if self._has_failed else "T"

    def run(self, script: str, on_result: OnResult, *, together: bool = False) -> None:
        """Run a script's statements; raises SqlError at the first failure.

        Several statements at once are one transaction if `together`, unless they end it themselves.
        """
        with self._lock:
            found = list(pieces(script))
            opens = together and len(found) > 1 and not self._in_block
            if opens:
                self._begin()
            try:
                for one in found:
                    self._one(one.text, on_result)
            except SqlError:
                if opens:
                    self._end("ROLLBACK")
                raise
            if opens and self._in_block:
                self._end("COMMIT")

    def cancel(self) -> None:
        """End what runs; it fails as cancelled."""
        self._connection.interrupt()

    def close(self) -> None:
        """Drop the session's temporary tables and end it."""
        with self._lock, suppress(SqlError):
            self._connection.resume()
            if self._in_block:
                self._end("ROLLBACK")
            sql = "SELECT name FROM meta.relations WHERE session = ?"
            for (name,) in self._connection.all(sql, [self.facts.pid]):
                found = self.catalog.find(Name((f"pg_temp_{self.facts.pid}", name)))
                if found is not None:
                    self._tables.remove(found)
        self._connection.close()

    def resume(self) -> None:
        """Let statements run again after one was cancelled."""
        self._connection.resume()

    def _one(self, text: str, on_result: OnResult) -> None:
        started, number = datetime.now(UTC), self._warehouse.new_number()
        kind, rows, error = "OTHER", -1, ""
        timer = self._watch()
        try:
            statement = parse_statement(text)
            kind = _kind(statement, text)
            rows = self._transacted(statement, number, on_result)
        except SqlError as failure:
            worded = self._worded(failure)
            error = wording.shown(worded)
            raise worded from failure.__cause__
        except Exception as failure:
            # A statement that nothing here thought of fails alone, not its session with it.
            text_ = f"internal error of the local engine: {type(failure).__name__}: {failure}"
            worded = RedshiftError("XX000", text_, kind="execution")
            error = wording.shown(worded)
            raise worded from failure
        finally:
            if timer is not None:
                timer.cancel()
            self._log(text, kind, started, number, rows, error)

    def _watch(self) -> threading.Timer | None:
        limit = milliseconds(self.facts.settings.get("statement_timeout", "0"))
        self._timed_out = False
        if not limit:
            return None

        def stop() -> None:
            self._timed_out = True
            self.cancel()

        timer = threading.Timer(limit / 1000, stop)
        timer.daemon = True
        timer.start()
        return timer

    def _worded(self, error: SqlError) -> SqlError:
        if error.kind == "cancelled" and self._timed_out:
            self._connection.resume()
            text = "Query cancelled on statement timeout"
            return RedshiftError("57014", text, kind="cancelled")
        null = NOT_NULL.search(error.message)
        if null is not None:
            sql = "SELECT name FROM meta.columns WHERE rel = ? AND slot = ?"
            found = self._warehouse.cursor().execute(sql, [int(null[1]), int(null[2])]).fetchone()
            name = found[0] if found else ""
            text = f"Cannot insert a NULL value into column {name}"
            return RedshiftError("23502", text, kind="execution")
        return error

    def _transacted(self, statement: Statement, number: int, on_result: OnResult) -> int:
        if isinstance(statement, Transaction):
            return self._transaction_statement(statement, on_result)
        if self._has_failed:
            text = "current transaction is aborted, commands ignored until end of transaction block"
            raise RedshiftError("25P02", text)
        alone = not self._in_block
        if alone:
            self._connection.run("BEGIN TRANSACTION")
            self._transaction = self._warehouse.new_number()
        try:
            rows = self._perform(statement, number, on_result)
            if alone or isinstance(statement, Truncate):
                self._connection.run("COMMIT")
                if not alone:
                    self._connection.run("BEGIN TRANSACTION")
        except BaseException:
            self._roll_back()
            self._has_failed = not alone
            raise
        return rows

    def _restart(self) -> None:
        self._connection.run("ROLLBACK")
        self._connection.run("BEGIN TRANSACTION")

    def _roll_back(self) -> None:
        # A connection that was interrupted takes this too.
        was_cancelled = self._connection.is_cancelled
        self._connection.resume()
        with suppress(SqlError):
            self._connection.run("ROLLBACK")
        if was_cancelled:
            self._connection.cancel_again()

    def _transaction_statement(self, statement: Transaction, on_result: OnResult) -> int:
        notices: tuple[str, ...] = ()
        tag = statement.what
        if statement.what == "BEGIN":
            if self._in_block:
                notices = ("there is already a transaction in progress",)
            else:
                self._begin()
        elif not self._in_block:
            notices = ("there is no transaction in progress",)
        else:
            tag = "ROLLBACK" if self._has_failed else statement.what
            self._end(tag)
        on_result(Result(tag, notices=notices))
        return -1

    def _begin(self) -> None:
        self._connection.run("BEGIN TRANSACTION")
        self._transaction = self._warehouse.new_number()
        self._in_block, self._has_failed = True, False

    def _end(self, how: str) -> None:
        self._in_block = False
        if self._has_failed:
            self._has_failed = False  # it was rolled back when it failed
            return
        if how == "ROLLBACK":
            self._roll_back()
            return
        try:
            self._connection.run("COMMIT")
        except SqlError:
            self._roll_back()
            raise

    def _log(  # noqa: PLR0913 - the fields of the log
        self, text: str, kind: str, started: datetime, number: int, rows: int, error: str
    ) -> None:
        if kind != "OTHER":
            self.facts.last_query_id = number
        status = "failed" if error else "success"
        if "Query cancelled" in error:
            status = "canceled"
        cursor = self._warehouse.cursor()
        with suppress(Exception):  # a warehouse that is being removed keeps no log
            cursor.execute(
                "INSERT INTO log.queries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [self.facts.user_id, self.facts.user, number, self._transaction, self.facts.pid,
                 self.facts.database, kind, status, started.replace(tzinfo=None),
                 datetime.now(UTC).replace(tzinfo=None), max(rows, 0), error or None, text,
                 self.facts.user],
            )  # fmt: skip
        cursor.close()

    # ---- statements

    def _perform(self, statement: Statement, number: int, on_result: OnResult) -> int:
        if isinstance(statement, Rows):
            return self._rows(statement, on_result)
        if isinstance(statement, Load):
            result = self._load(statement, number)
        elif isinstance(statement, Show):
            result = Showing(self._connection, self.catalog).show(statement)
        elif isinstance(statement, Explain):
            result = self._explain(statement)
        else:
            result = self._change(statement)
        on_result(result)
        return result.count

    def _change(self, statement: Statement) -> Result:  # noqa: C901, PLR0912 - a kind a branch
        tables = self._tables
        match statement:
            case CreateTable():
                return self._create_table(statement)
            case CreateView():
                return self._create_view(statement)
            case CreateSchema() | CreateDatabase() | CreateUser() | Drop() | Truncate():
                return Dropping(self._warehouse, self._connection, self.catalog, tables).run(
                    statement, in_block=self._in_block
                )
            case AddColumn():
                tables.add_column(statement, self._compiler())
            case DropColumn():
                tables.drop_column(statement)
            case Rename():
                tables.rename(statement)
            case AlterColumn():
                tables.alter_column(statement)
            case AlterLayout():
                tables.alter_layout(statement)
            case AddConstraint():
                tables.add_constraint(statement)
            case DropConstraint():
                tables.drop_constraint(statement)
            case ChangeOwner():
                tables.change_owner(statement)
            case Comment():
                tables.comment(statement)
                return Result("COMMENT")
            case Grant():
                tables.grant(statement)
                return Result("REVOKE" if statement.revokes else "GRANT")
            case SetValue():
                self.facts.change(statement.name, statement.value)
                return Result("RESET" if statement.value == "default" else "SET")
            case Upkeep():
                return self._upkeep(statement)
            case _:
                raise unsupported(f"Redshift's {type(statement).__name__}")
        return Result("ALTER TABLE")

    def _upkeep(self, statement: Upkeep) -> Result:
        if statement.what == "VACUUM" and self._in_block:
            raise RedshiftError("25001", "VACUUM cannot run inside a transaction block")
        if statement.table is not None:
            self.catalog.expect_owner(self.catalog.table(statement.table))
        return Result(statement.what)

    def _compiler(self, depth: int = 0, used: "set[int] | None" = None) -> Compiler:
        return Compiler(redshift(), _Names(self, depth, used))

    def _create_table(self, statement: CreateTable) -> Result:
        compiler = self._compiler()
        query = None
        if statement.query is not None:
            query = compiler.query(_query_of(statement.query))
        found = self._tables.create(statement, query, compiler)
        if found is None:
            text = f'Relation "{statement.name.own}" already exists and will be skipped'
            return Result("CREATE TABLE", notices=(text,))
        if query is None:
            return Result("CREATE TABLE")
        count = self._connection.count(self._filling(found, query, compiler))
        return Result("SELECT", count=count)

    def _filling(self, table: Relation, query: Query, compiler: Compiler) -> str:
        names = ", ".join(one.sql for one in table.columns)
        alias = compiler.fresh("t")
        columns = ", ".join(f"{alias}.c{i}" for i in range(len(table.columns)))
        return f"INSERT INTO {table.sql} ({names}) SELECT {columns} FROM ({query.sql}) AS {alias}"  # noqa: S608

    def _create_view(self, statement: CreateView) -> Result:
        used: set[int] = set()
        query = self._compiler(used=used).query(_query_of(statement.query))
        found = self._tables.create_view(
            statement.name, query, statement.names, statement.query, replaces=statement.replaces
        )
        if statement.bound:
            for oid in used:
                values = [found.oid, "d", found.name, "", oid, ""]
                sql = "INSERT INTO meta.constraints VALUES (0, ?, ?, ?, ?, ?, ?)"
                self._connection.run(sql, values)
        return Result("CREATE VIEW")

    def _explain(self, statement: Explain) -> Result:
        query = self._compiler().query(_query_of(statement.query))
        plan = self._connection.all(f"EXPLAIN {query.sql}")[0][1]
        lines = ["The plan of the local engine (DuckDB); Amazon Redshift's own differs."]
        lines += str(plan).rstrip().split("\n")
        column = ResultColumn("QUERY PLAN", STRING)
        return Result("EXPLAIN", (column,), iter([[(line,) for line in lines]]), len(lines))

    def _load(self, statement: Load, number: int) -> Result:
        if statement.what == "COPY":
            restart = None if self._in_block else self._restart
            loader = Loader(self._warehouse, self._connection, self.catalog, self._lake, restart)
            found = loader.run(statement.text, number, self._transaction, self._compiler())
            self.facts.last_copy_count, self.facts.last_copy_id = found.count, number
            return found
        unloader = Unloader(self._warehouse, self._connection, self.catalog, self._lake)
        return unloader.run(
            statement.text,
            number,
            self._transaction,
            lambda text: self._compiler().query(_query_of(text)),
        )

    # ---- rows

    def _rows(self, statement: Rows, on_result: OnResult) -> int:
        tree = parsing.parse(statement.text)
        kind = type(tree).__name__
        if kind in ROWS_TAGS:
            count = self._changed(tree, kind)
            on_result(Result(f"{ROWS_TAGS[kind]} {count}", count=count))
            return count
        into = tree.args.get("into")
        if into is not None:
            result = self._select_into(tree, into)
            on_result(result)
            return result.count
        compiler = self._compiler()
        query = compiler.query(tree)
        counter = _Counter(self._connection.rows(query.sql))
        columns = tuple(
            ResultColumn(name, one) for name, one in zip(query.names, query.types, strict=True)
        )
        result = Result("SELECT", columns, iter(counter))
        on_result(result)
        for _ in counter:
            pass  # what nobody read must still fail if it fails
        result.count = counter.count
        return counter.count

    def _changed(self, tree: Node, kind: str) -> int:
        changes = Changes(self.catalog, self._tables, self._compiler())
        if kind == "Insert":
            return self._connection.count(changes.insert(tree))
        if kind == "Update":
            return self._connection.count(changes.update(tree))
        if kind == "Delete":
            return self._connection.count(changes.delete(tree))
        sql, twice = changes.merge(tree)
        if self._connection.all(twice):
            raise RedshiftError("21000", "Found multiple matches to update the same tuple.")
        return self._connection.count(sql)

    def _select_into(self, tree: Node, into: Node) -> Result:
        parts = tuple(str(part.name).lower() for part in into.this.parts)
        copy = tree.copy()
        copy.set("into", None)
        temporary = bool(into.args.get("temporary")) or parts[-1].startswith("#")
        compiler = self._compiler()
        query = compiler.query(copy)
        made = CreateTable(Name(parts), temporary=temporary, query="")
        found = self._tables.create(made, query, compiler)
        assert found is not None
        return Result("SELECT", count=self._connection.count(self._filling(found, query, compiler)))

    def describe(self, text: str) -> tuple[ResultColumn, ...]:
        """Return the columns that a query would give, none for another statement."""
        with self._lock:
            if self._has_failed:
                return ()
            statement = parse_statement(text)
            if not isinstance(statement, Rows):
                return ()
            tree = parsing.parse(text)
            if type(tree).__name__ in ROWS_TAGS or tree.args.get("into") is not None:
                return ()
            query = self._compiler().query(tree)
            pairs = zip(query.names, query.types, strict=True)
            return tuple(ResultColumn(name, kind) for name, kind in pairs)

    def relation(self, parts: tuple[str, ...], depth: int, used: "set[int] | None") -> Query | None:
        """Return what a FROM clause names as a query; raises SqlError."""
        found = systemviews.find(parts, self.facts)
        if found is not None:
            return found
        relation = self.catalog.find(Name(parts))
        if relation is None:
            return None
        if depth == 0:  # what a view reads is its owner's affair
            self.catalog.expect_allowed(relation, "SELECT")
        if used is not None and depth == 0:
            used.add(relation.oid)
        if relation.kind == "r":
            return relation.query()
        if depth > MAX_VIEWS:
            raise RedshiftError("42P17", f"infinite recursion in view {relation.name}")
        inner = Compiler(redshift(), _Names(self, depth + 1, used))
        query = inner.query(_query_of(relation.definition))
        names = tuple(one.name for one in relation.columns)
        return Query(query.sql, names, query.types)


def _query_of(text: str) -> Node:
    text = text.strip()
    while text.startswith("(") and text.endswith(")") and _is_wrapped(text):
        text = text[1:-1].strip()
    tree = parsing.parse(text)
    if type(tree).__name__ in ROWS_TAGS or tree.args.get("into") is not None:
        raise unsupported("Redshift's statement of another kind than a query here")
    return tree


def _is_wrapped(text: str) -> bool:
    """Whether the first parenthesis is closed by the last."""
    from labrunner.localcloud.sql.redshift.lexer import Kind, lex

    depth = 0
    for token in lex(text):
        if token.kind is Kind.SIGN:
            depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth == 0 and token.end < len(text):
            return False
    return True


def _kind(statement: Statement, text: str) -> str:
    """Return the type of a query as sys_query_history calls it."""
    if isinstance(statement, Rows):
        word = text.lstrip("( \n\t").split(None, 1)[0].upper()
        return "SELECT" if word in ("SELECT", "WITH") else word
    if isinstance(statement, Load):
        return statement.what
    if isinstance(statement, CreateTable) and statement.query is not None:
        return "CTAS"
    if isinstance(statement, (Transaction, SetValue, Show, Explain)):
        return "UTILITY"
    return "UTILITY" if isinstance(statement, Upkeep) else "DDL"


class _Counter:
    """The batches of a result, counted as they are read."""

    def __init__(self, batches: Iterator[list[tuple[Any, ...]]]) -> None:
        self._batches = batches
        self.count = 0

    def __iter__(self) -> Iterator[list[tuple[Any, ...]]]:
        for batch in self._batches:
            self.count += len(batch)
            yield batch


class _Names:
    """The relations that one statement's queries name."""

    def __init__(self, session: Session, depth: int, used: "set[int] | None") -> None:
        self._session = session
        self._depth = depth
        self._used = used
        self.facts = session.facts

    def find(self, parts: tuple[str, ...], node: Node) -> Query | None:
        """Return a table or view as a query, None if there is none."""
        del node
        return self._session.relation(parts, self._depth, self._used)
