"""One streaming job, from its input to its output."""

import contextlib
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from labrunner.localcloud.hadoop.applications import Application
from labrunner.localcloud.hadoop.calls import Call
from labrunner.localcloud.hadoop.cluster import Cluster
from labrunner.localcloud.hadoop.errors import (
    OUTPUT_EXISTS,
    HadoopError,
)
from labrunner.localcloud.hadoop.filestatus import shown
from labrunner.localcloud.hadoop.nodes import Node, Process
from labrunner.localcloud.hadoop.streaming import aggregate, options, records, shuffle
from labrunner.localcloud.hadoop.streaming.counters import (
    FILES,
    FRAMEWORK,
    INPUT,
    JOB,
    OUTPUT,
    Counters,
)
from labrunner.localcloud.hadoop.streaming.process import Container, pipe
from labrunner.localcloud.hadoop.streaming.records import Record
from labrunner.localcloud.hadoop.streaming.schedule import Schedule, Work, locality
from labrunner.localcloud.hadoop.streaming.shipping import CACHE, Shipping
from labrunner.localcloud.hadoop.streaming.splits import Reader, Split, cut, find_files


class Job:
    """A job of one program call; `run` may be called once."""

    def __init__(self, cluster: Cluster, node: Node, call: Call, given: options.Options) -> None:
        self._cluster = cluster
        self._call = call
        self._options = given
        self._files = cluster.file_systems(node)
        name = given.settings.get(options.NAME, "streamjob.jar")
        self._running = Application(cluster, name)
        self.application = self._running.id
        self.id = self.application.replace("application", "job")
        self._counters = Counters()
        self._containers = 0
        self._done = [0, 0]
        self._lock = threading.Lock()
        self._processes: set[Process] = set()
        self._shipping = Shipping(cluster, self._files, given.files, call.cwd, self.application)
        self._work = Path()

    def log(self, text: str) -> None:
        """Write a line as log4j does."""
        now = self._cluster.now()
        self._call.log(f"{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03d} {text}\n")

    def run(self) -> bool:
        """Run to the end; false where it failed. Raises HadoopError before anything began."""
        output = self._files.address(self._options.output)
        if self._files.of(output).status(output) is not None:
            text = f"Output directory {shown(output)} already exists"
            raise HadoopError(OUTPUT_EXISTS, text)
        found = find_files(self._files, self._options.inputs)
        numbers = self._options.number(options.MAPS), self._options.number(options.MIN_SPLIT)
        splits = cut(self._files, found, *numbers)
        self._shipping.check()
        self.log(f"INFO mapred.FileInputFormat: Total input files to process : {len(found)}")
        self.log(f"INFO mapreduce.JobSubmitter: number of splits:{len(splits)}")
        self.log(f"INFO mapreduce.JobSubmitter: Submitting tokens for job: {self.id}")
        self.log(f"INFO impl.YarnClientImpl: Submitted application {self.application}")
        self.log(f"INFO mapreduce.Job: Running job: {self.id}")
        self.log("INFO mapreduce.Job:  map 0% reduce 0%")
        self._call.on_cancel(self._kill_all)
        with self._running, self._work_directory():
            return self._perform(splits)

    @contextlib.contextmanager
    def _work_directory(self) -> Iterator[None]:
        self._work = Path(tempfile.mkdtemp(prefix=f"{self.id}-", dir=self._cluster.directory))
        try:
            yield
        finally:
            self._kill_all()
            shutil.rmtree(self._work, ignore_errors=True)
            self._shipping.clean()

    def _perform(self, splits: list[Split]) -> bool:
        try:
            runs = self._map(splits)
            if self._options.reduces:
                self._reduce(runs, len(splits))
            output = self._files.address(self._options.output).child("_SUCCESS")
            with self._files.of(output).write(output):
                pass
        except HadoopError as error:
            self._running.failed = True
            self.log(f"INFO mapreduce.Job: Job {self.id} failed with state FAILED due to: {error}")
            self.log(f"INFO mapreduce.Job: {self._counters}")
            self.log("ERROR streaming.StreamJob: Job not successful!")
            self._call.err(f"{error}\n")
            return False
        self.log(f"INFO mapreduce.Job: Job {self.id} completed successfully")
        self.log(f"INFO mapreduce.Job: {self._counters}")
        self.log(f"INFO streaming.StreamJob: Output directory: {self._options.output}")
        return True

    # ---- maps

    def _map(self, splits: list[Split]) -> list[list[Path]]:
        """Run the mappers; return the sorted runs for each reducer."""
        runs: list[list[list[Path]]] = [[] for _ in splits]
        works = [Work(number, split.hosts) for number, split in enumerate(splits)]

        def attempt(work: Work, node: Node) -> bool:
            split = splits[work.number]
            where = locality(work, node)
            container = self._container("m", work, node, split)
            self._counters.add(JOB, "Launched map tasks")

            def perform() -> None:
                runs[work.number] = self._map_one(container, split, work)

            if not self._try(container, work, perform, options.MAP_TRIES, "map"):
                return False
            counter = "Data-local" if where == "data-local" else "Rack-local"
            self._counters.add(JOB, f"{counter} map tasks")
            self.log(
                f"INFO mapreduce.Job: {self._attempt('m', work)} : {split} ran on "
                f"{node.hostname} ({where})"
            )
            self._progress(0, len(splits), self._options.reduces)
            return True

        Schedule(self._cluster.workers(), works, self._call.cancelled).run(attempt)
        count = self._options.reduces
        return [[run for one in runs for run in one[number]] for number in range(count)]

    def _map_one(self, container: Container, split: Split, work: Work) -> list[list[Path]]:
        reader = Reader(self._files, split, container.node)
        separator = self._options.settings.get(options.SEPARATOR, "\t").encode()
        fields = self._options.number(options.KEY_FIELDS)

        def lines() -> Iterator[bytes]:
            count = 0
            for place, line in reader:
                self._call.check()
                count += 1
                yield line + b"\n" if self._options.mapper else b"%d\t%s\n" % (place, line)
            container.count(FRAMEWORK, "Map input records", count)
            container.count(INPUT, "Bytes Read", reader.bytes_read)
            system = "S3" if split.address.scheme.startswith("s3") else split.address.scheme.upper()
            container.count(FILES, f"{system}: Number of bytes read", reader.bytes_read)

        found = (
            records.parse(line.removesuffix(b"\n"), separator, fields)
            for line in self._through(container, self._options.mapper, lines())
        )
        if not self._options.reduces:
            return self._map_only(container, found, work)
        directory = self._work / f"{container.name}"
        combine = self._combiner(container)
        collector = shuffle.Collector(directory, self._options.reduces, combine)
        for record in found:
            collector.add(record)
        runs = collector.finish()
        container.count(FRAMEWORK, "Map output records", collector.count)
        container.count(FRAMEWORK, "Map output bytes", collector.bytes)
        container.count(FRAMEWORK, "Spilled Records", collector.spilled)
        return runs

    def _map_only(
        self, container: Container, found: Iterator[Record], work: Work
    ) -> list[list[Path]]:
        count = self._write_part(container, work.number, found)
        container.count(FRAMEWORK, "Map output records", count)
        return []

    def _combiner(self, container: Container) -> shuffle.Combine | None:
        if self._options.reducer == [options.AGGREGATE]:
            return lambda found: self._combined(
                container, found, lambda some: aggregate.reduce(some, is_last=False)
            )
        if not self._options.combiner:
            return None

        def program(found: Iterator[Record]) -> Iterator[Record]:
            for line in self._through(container, self._options.combiner, records.lines(found)):
                yield records.parse(line.removesuffix(b"\n"), b"\t", 1)

        return lambda found: self._combined(container, found, program)

    def _combined(
        self, container: Container, found: Iterator[Record], combine: shuffle.Combine
    ) -> Iterator[Record]:
        for record in combine(self._counted(container, "Combine input records", found)):
            container.count(FRAMEWORK, "Combine output records")
            yield record

    def _counted(
        self, container: Container, name: str, found: Iterator[Record]
    ) -> Iterator[Record]:
        for record in found:
            container.count(FRAMEWORK, name)
            yield record

    # ---- reduces

    def _reduce(self, runs: list[list[Path]], maps: int) -> None:
        works = [Work(number) for number in range(self._options.reduces)]

        def attempt(work: Work, node: Node) -> bool:
            container = self._container("r", work, node, None)
            self._counters.add(JOB, "Launched reduce tasks")

            def perform() -> None:
                self._reduce_one(container, work, runs[work.number], maps)

            if not self._try(container, work, perform, options.REDUCE_TRIES, "reduce"):
                return False
            self._progress(1, maps, self._options.reduces)
            return True

        Schedule(self._cluster.workers(), works, self._call.cancelled).run(attempt)

    def _reduce_one(self, container: Container, work: Work, runs: list[Path], maps: int) -> None:
        size = sum(run.stat().st_size for run in runs)
        container.count(FRAMEWORK, "Reduce shuffle bytes", size)
        container.count(FRAMEWORK, "Shuffled Maps ", maps)

        def sorted_records() -> Iterator[Record]:
            last: bytes | None = None
            for key, value in shuffle.merge(list(runs), self._work):
                self._call.check()
                container.count(FRAMEWORK, "Reduce input records")
                if key != last:
                    container.count(FRAMEWORK, "Reduce input groups")
                    last = key
                yield key, value

        found = sorted_records()
        if self._options.reducer == [options.AGGREGATE]:
            reduced = aggregate.reduce(found, is_last=True)
        else:
            lines = self._through(container, self._options.reducer, records.lines(found))
            reduced = (records.parse(line.removesuffix(b"\n"), b"\t", 1) for line in lines)
        count = self._write_part(container, work.number, reduced)
        container.count(FRAMEWORK, "Reduce output records", count)

    def _write_part(self, container: Container, number: int, found: Iterator[Record]) -> int:
        """Write a part of the output, which is there only when all of it is."""
        output = self._files.address(self._options.output).child(f"part-{number:05d}")
        first = next(found, None)
        if first is None and self._options.lazy:
            return 0
        count = size = 0
        with self._files.of(output).write(output, overwrite=True) as stream:
            while first is not None:
                size += _write_line(stream, first)
                count += 1
                first = next(found, None)
        container.count(OUTPUT, "Bytes Written", size)
        system = "S3" if output.scheme.startswith("s3") else output.scheme.upper()
        container.count(FILES, f"{system}: Number of bytes written", size)
        return count

    # ---- attempts

    def _attempt(self, kind: str, work: Work) -> str:
        return f"attempt_{self.id.removeprefix('job_')}_{kind}_{work.number:06d}_{work.tries}"

    def _container(self, kind: str, work: Work, node: Node, split: Split | None) -> Container:
        with self._lock:
            self._containers += 1
            number = self._containers + 1  # the first is the application master's
        name = f"container_{self.application.removeprefix('application_')}_01_{number:06d}"
        directory = node.place(f"{CACHE}/appcache/{self.application}/{name}")
        node.mkdirs(directory)
        for shown_name, path in self._shipping.ship(node).items():
            link = str(PurePosixPath(directory) / shown_name)
            node.wait(node.files.change("symlink", path, link))
        settings = {name.replace(".", "_"): v for name, v in self._options.settings.items()}
        base = node.machine.box.environment(node.machine.box.find_user("hadoop"))
        task = self._attempt(kind, work)
        environment = {
            **base,
            **{k: v for k, v in settings.items() if k.isascii() and k.isidentifier()},
            **self._options.environment,
            "mapreduce_job_id": self.id,
            "mapreduce_task_attempt_id": task,
            "mapreduce_task_id": task.replace("attempt_", "task_").rpartition("_")[0],
            "mapreduce_task_partition": str(work.number),
            "mapreduce_task_ismap": str(kind == "m").lower(),
            "mapred_task_id": task,
        }
        if split is not None:
            environment["mapreduce_map_input_file"] = shown(split.address)
            environment["map_input_file"] = shown(split.address)
            environment["mapreduce_map_input_start"] = str(split.offset)
            environment["mapreduce_map_input_length"] = str(split.length)

        def note(path: str) -> None:
            with self._cluster.lock:
                logs = self._cluster.container_logs
                if (self.application, node, path) not in logs:
                    logs.append((self.application, node, path))

        return Container(node, name, self.application, directory, environment, self._watch, note)

    def _try(
        self,
        container: Container,
        work: Work,
        perform: Callable[[], None],
        tries: str,
        what: str,
    ) -> bool:
        """Whether an attempt succeeded; raises HadoopError when it was the last one allowed."""
        try:
            perform()
        except (HadoopError, OSError) as error:
            self._call.check()
            if isinstance(error, OSError) and not container.node.is_up:
                error = OSError(f"the node {container.node.hostname} is down")
            task = self._attempt("m" if what == "map" else "r", work)
            self.log(f"INFO mapreduce.Job: Task Id : {task}, Status : FAILED")
            complaints = container.complaints.decode("utf-8", "replace")
            self._call.log(f"Error: {error}\n{complaints}".rstrip() + "\n")
            work.tries += 1
            self._counters.add(JOB, f"Failed {what} tasks")
            if work.tries >= max(self._options.number(tries), 1):
                name = task.replace("attempt_", "task_").rpartition("_")[0]
                ending = complaints.strip().splitlines()[-1:]
                why = f"{error}" + (f": {ending[0]}" if ending else "")
                self._call.err(complaints)
                raise HadoopError("", f"Task failed {name}. {why}") from None
            return False
        self._counters.add_all(container.counted)
        return True

    def _through(
        self, container: Container, command: list[str], feed: Iterator[bytes]
    ) -> Iterator[bytes]:
        """Yield what a program makes of lines; without one they stay as they are."""
        if not command:
            yield from feed
            return
        lenient = self._options.settings.get(options.LENIENT, "true").lower() == "false"
        yield from pipe(container, command, feed, lenient=lenient)

    def _progress(self, which: int, maps: int, reduces: int) -> None:
        with self._lock:
            self._done[which] += 1
            shares = [
                100 * n // all_ for n, all_ in zip(self._done, (maps, reduces or 1), strict=True)
            ]
        self.log(f"INFO mapreduce.Job:  map {shares[0]}% reduce {shares[1]}%")

    # ---- processes

    def _watch(self, process: Process) -> None:
        with self._lock:
            self._processes.add(process)
        if self._call.cancelled.is_set():
            process.kill()

    def _kill_all(self) -> None:
        with self._lock:
            processes = tuple(self._processes)
        for one in processes:
            with contextlib.suppress(Exception):  # it or its machine is gone
                one.kill()


def _write_line(stream: BinaryIO, record: Record) -> int:
    line = record[0] + b"\t" + record[1] + b"\n"
    stream.write(line)
    return len(line)
