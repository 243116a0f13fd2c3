"""`hive` and `hive-script`: scripts and queries, and a simple prompt."""

import re
import time
import uuid
from dataclasses import dataclass, field

from labrunner.localcloud.hadoop.applications import Application
from labrunner.localcloud.hadoop.calls import Call
from labrunner.localcloud.hadoop.cluster import MEMORY_MIB, Cluster
from labrunner.localcloud.hadoop.errors import CancelledError, HadoopError, UsageError, not_here
from labrunner.localcloud.hadoop.nodes import Node
from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.sql.hive.script import Variables
from labrunner.localcloud.sql.hive.session import HiveSession, Result

UNREADABLE = 3
PARSE = 64  # as a program's status shows Hive's number 40000
EXECUTION = 2
NUMBER = re.compile(r"\[Error (\d+)\]")
LINES_AT_ONCE = 500
# What hive-site says of where things are; the local cluster has its own places.
PLACES = re.compile(r"javax\.jdo\.|hive\.metastore\.uris|hive\.server2\.|hive\.execution\.engine")
GLUE = "AWSGlueDataCatalogHiveClientFactory"


@dataclass
class Options:
    """What the command line says."""

    script: str = ""
    query: str | None = None
    init: list[str] = field(default_factory=list)
    database: str = ""
    silent: bool = False
    verbose: bool = False
    variables: Variables = field(default_factory=Variables)


def read_options(arguments: list[str]) -> Options:
    """Read the arguments of `hive`; raises UsageError."""
    found, left = Options(), list(arguments)
    while left:
        word, *left = left
        if word in ("-S", "--silent"):
            found.silent = True
            continue
        if word in ("-v", "--verbose"):
            found.verbose = True
            continue
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if name not in OPTIONS:
            raise UsageError(f"Unrecognized option: {word}")
        if not equals or name in PAIRS:
            if not left:
                raise UsageError(f"Missing argument for option: {word.lstrip('-')}")
            value, *left = left
        OPTIONS[name](found, value)
    if found.script and found.query is not None:
        raise UsageError("The '-e' and '-f' options cannot be specified simultaneously")
    return found


def _set_script(options: Options, value: str) -> None:
    options.script = value


def _set_query(options: Options, value: str) -> None:
    options.query = f"{options.query}\n{value}" if options.query else value


def _set_database(options: Options, value: str) -> None:
    options.database = value


def _add_init(options: Options, value: str) -> None:
    options.init.append(value)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"{text!r} is not name=value")
    return name, value


def _add_variable(options: Options, value: str) -> None:
    name, found = _pair(value)
    options.variables.hivevar[name] = found


def _add_setting(options: Options, value: str) -> None:
    name, found = _pair(value)
    options.variables.hiveconf[name] = found


PAIRS = frozenset({"--hivevar", "--define", "--hiveconf"})
OPTIONS = {
    "-f": _set_script,
    "-e": _set_query,
    "-i": _add_init,
    "-d": _add_variable,
    "--define": _add_variable,
    "--hivevar": _add_variable,
    "--hiveconf": _add_setting,
    "-hiveconf": _add_setting,
    "--database": _set_database,
}


def run(cluster: Cluster, node: Node, call: Call) -> int:
    """`hive`."""
    return _run(cluster, node, call, read_options(list(call.argv[1:])))


def run_script(cluster: Cluster, node: Node, call: Call) -> int:
    """`hive-script --run-hive-script --args -f SCRIPT ...`, as steps of EMR say it."""
    arguments = list(call.argv[1:])
    if "--args" not in arguments:
        raise UsageError("Usage: hive-script --run-hive-script --args -f SCRIPT [-d NAME=VALUE]")
    place = arguments.index("--args")
    unknown = set(arguments[:place]) - {"--run-hive-script", "--hive-versions", "latest"}
    if unknown:
        raise not_here(f"hive-script {min(unknown)}")
    return _run(cluster, node, call, read_options(arguments[place + 1 :]))


def _run(cluster: Cluster, node: Node, call: Call, options: Options) -> int:
    site = dict(cluster.settings.get("hive-site", {}))
    if GLUE in site.get("hive.metastore.client.factory.class", ""):
        raise not_here("hive-site: the Glue Data Catalog as Hive's metastore")
    kept = {name: value for name, value in site.items() if not PLACES.match(name)}
    options.variables.hiveconf = {**kept, **options.variables.hiveconf}
    try:
        scripts = [read_script(cluster, node, call, one) for one in options.init]
        if options.script:
            scripts.append(read_script(cluster, node, call, options.script))
    except HadoopError as error:
        call.err(f"Could not open input file for reading. ({error.message})\n")
        return UNREADABLE
    if options.query is not None:
        scripts.append(options.query)
    with Application(cluster, "HIVE") as running:
        session = HiveSession(
            cluster.metastore,
            cluster.storages(),
            cluster.directory,
            options.variables,
            memory_mib=MEMORY_MIB,
        )
        call.on_cancel(session.cancel)
        with session:
            printer = Printer(call, cluster, session, options)
            if not options.silent:
                call.err(f"Hive Session ID = {uuid.uuid4()}\n")
            if options.database:
                scripts.insert(0, f"USE {options.database}")
            for script in scripts:
                code = printer.run(script)
                if code:
                    running.failed = True
                    return code
            if not options.script and options.query is None:
                return printer.prompt()
            return 0


def read_script(cluster: Cluster, node: Node, call: Call, text: str) -> str:
    """Return a script of the machine, HDFS or S3; raises HadoopError."""
    files = cluster.file_systems(node)
    address = files.address(text, "file", call.cwd)
    if files.of(address).status(address) is None:
        where = f"file:/{address.path}" if address.scheme == "file" else text
        raise HadoopError("java.io.FileNotFoundException", f"File {where} does not exist")
    with files.of(address).open(address) as stream:
        return stream.read().decode("utf-8", "replace")


@dataclass
class Printer:
    """Runs scripts in a session and prints what they give, as the hive command does."""

    call: Call
    cluster: Cluster
    session: HiveSession
    options: Options
    _began: float = 0.0

    def run(self, script: str) -> int:
        """Run a script to its end, or to its first failure; return Hive's exit status."""
        self._began = time.monotonic()
        try:
            self.session.run_script(script, self._show)
        except SqlError as error:
            if error.kind == "cancelled":
                raise CancelledError from None
            self.say(f"{failure(error)}\n")
            return status_of(error)
        return 0

    def say(self, text: str) -> None:
        """Write what is no result."""
        self.call.err(text)

    def tell(self, text: str) -> None:
        """Write what `-S` silences."""
        if not self.options.silent:
            self.call.err(text)

    def _show(self, result: Result) -> None:
        if self.options.verbose:
            self.call.out(f"{result.statement}\n")
        count, batch = 0, []
        for line in result.lines:
            count += 1
            batch.append(line)
            if len(batch) == LINES_AT_ONCE:
                self.call.out("\n".join(batch) + "\n")
                batch.clear()
        if batch:
            self.call.out("\n".join(batch) + "\n")
        if result.rows_read or result.rows_written:
            stamp = f"{self.cluster.now():%Y%m%d%H%M%S}"
            self.tell(f"Query ID = hadoop_{stamp}_{uuid.uuid4()}\n")
        for table, read in result.rows_read.items():
            self.tell(f"Table {table}: rows read={read}\n")
        if result.rows_read:
            self.tell(f"Map input records={sum(result.rows_read.values())}\n")
        if result.rows_written:
            self.tell(f"Rows written={result.rows_written}\n")
        now = time.monotonic()
        fetched = f", Fetched: {count} row(s)" if count else ""
        self.tell(f"OK\nTime taken: {now - self._began:.3f} seconds{fetched}\n")
        self._began = now

    def prompt(self) -> int:
        """Read statements from the input and run each, until it ends or says `quit;`."""
        code, text, rest = 0, "", ""
        while True:
            self.call.out("    > " if text.strip() else "hive> ")
            while "\n" not in rest:
                data = self.call.read()
                if not data:
                    self.call.out("\n" if self.call.has_terminal else "")
                    return self.run(text) if text.strip() else code
                rest += data.decode("utf-8", "replace")
            line, _, rest = rest.partition("\n")
            text += f"{line}\n"
            if not line.rstrip().endswith(";"):
                continue
            if text.strip().rstrip(";").strip().lower() in ("quit", "exit"):
                return 0
            code, text = self.run(text), ""


def failure(error: SqlError) -> str:
    """Return what Hive says of a failed statement."""
    if error.message.startswith("FAILED"):
        return error.message
    where = f" (line {error.place.line})" if error.place else ""
    if error.kind == "execution":
        return f"FAILED: Execution Error, return code {EXECUTION}. {error.message}{where}"
    return f"FAILED: {error.message}{where}"


def status_of(error: SqlError) -> int:
    """Return the exit status: the low byte of Hive's number."""
    if error.kind == "execution":
        return EXECUTION
    if error.kind == "parse":
        return PARSE
    found = NUMBER.search(error.message)
    return int(found[1]) % 256 or 1 if found else 1
