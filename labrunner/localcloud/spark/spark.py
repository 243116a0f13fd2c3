"""Spark of one cluster, and its applications."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labrunner.localcloud.spark.arguments import Arguments, read_sql, read_submit
from labrunner.localcloud.spark.endpoint import Endpoint
from labrunner.localcloud.spark.files import Files
from labrunner.localcloud.spark.host import Host, Write
from labrunner.localcloud.spark.launch import SETTINGS, Limits, launch
from labrunner.localcloud.sql.storage import Storage

CANCELLED = 130
SQL = "spark-sql"
SUBMIT = "spark-submit"
SCRIPT = f"{SETTINGS}/script.q"


class Spark:
    """Makes applications, which run one after the other on a host.

    `storages` are what `hdfs:` and `s3:` addresses name, by these two schemes; every access is
    theirs to allow. `work_dir` keeps what is not committed, and the directories of HDFS.
    """

    def __init__(
        self,
        work_dir: Path,
        storages: Mapping[str, Storage],
        host: Host,
        limits: Limits = Limits(),  # noqa: B008 - it is frozen
    ) -> None:
        self.host = host
        self.limits = limits
        self.files = Files(storages, work_dir)
        self.turn = threading.Lock()

    def sql(self, arguments: Sequence[str]) -> "Application":
        """Return a run of `spark-sql` with its own arguments; raises SparkUsageError."""
        return Application(self, SQL, read_sql(arguments))

    def submit(self, arguments: Sequence[str]) -> "Application":
        """Return a run of `spark-submit` with its own arguments; raises SparkUsageError."""
        return Application(self, SUBMIT, read_submit(arguments))

    def script(self, text: str, variables: Mapping[str, str]) -> "Application":
        """Return a run of a script in Hive's language, with its variables."""
        defined = [word for pair in variables.items() for word in ("-d", "=".join(pair))]
        path = f"{self.host.place.directory}/{SCRIPT}"
        read = read_sql(["-f", path, *defined])
        return Application(self, SQL, read, {path: text.encode()})


@dataclass
class Application:
    """One run of a program of Spark; `cancel` may be called from any thread, at any time."""

    spark: Spark
    program: str
    arguments: Arguments
    files: Mapping[str, bytes] = field(default_factory=dict)
    _cancelled: threading.Event = field(default_factory=threading.Event)

    def run(self, out: Write, err: Write) -> int:
        """Run to the end and return the exit status; raises OSError if it cannot be started.

        `out` and `err` get what the program writes as it comes, from other threads.
        """
        for one in self.arguments.left_out:
            text = f"{self.program}: one local process runs all of it here; not used: {one}\n"
            err(text.encode())
        spark = self.spark
        with spark.turn, Endpoint(spark.files, spark.host.listen()) as endpoint:
            if self._cancelled.is_set():
                return CANCELLED
            found = launch(
                self.program, self.arguments, spark.host.place, endpoint, spark.limits
            ).with_files(self.files)
            try:
                code = spark.host.run(found, out, err, self._cancelled)
            finally:
                spark.files.forget_uncommitted()
        return CANCELLED if self._cancelled.is_set() else code

    def cancel(self) -> None:
        """End it, or keep it from beginning; its exit status is 130 then."""
        self._cancelled.set()
        self.spark.host.wake()
