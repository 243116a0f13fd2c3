"""What is started for an application of Spark: a command, its environment, its settings."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape

from labrunner.localcloud.spark.arguments import Arguments
from labrunner.localcloud.spark.endpoint import HDFS_PORT, TOKEN_PATH, Endpoint

FILE_SYSTEM = "org.apache.hadoop.hdfs.web.WebHdfsFileSystem"
TOKENS = "org.apache.hadoop.hdfs.web.oauth2.ConfCredentialBasedAccessTokenProvider"
CHECKPOINTS = "org.apache.spark.sql.execution.streaming.FileSystemBasedCheckpointFileManager"
DEFAULT_FS = f"hdfs://cluster:{HDFS_PORT}"
SCHEMES = ("hdfs", "s3", "s3a", "s3n")
# Where EMR's spark-defaults have it. Not as `hdfs:`, where Hive wants one class of Hadoop's to fill
# a table of text.
WAREHOUSE = f"webhdfs://cluster:{HDFS_PORT}/user/spark/warehouse"
LOG_BYTES = 16 << 20
# Java takes memory beside its heap: classes, compiled code, threads, buffers.
BESIDE_HEAP_MIB = 512
LOG = "driver.log"
# Of the place's directory: what is written anew for each application, and goes with it.
SETTINGS, SCRATCH = "conf", "scratch"
# Where spark-sql would otherwise turn all logs down to warnings.
SQL_DRIVER = "org.apache.spark.sql.hive.thriftserver.SparkSQLCLIDriver"
# What warns of nothing that could be done about it.
CHATTY = (
    "org.apache.hadoop.hive",
    "org.apache.hadoop.util.NativeCodeLoader",
    "org.apache.spark.SparkConf",
    "org.apache.spark.sql.catalyst.analysis.ResolveSessionCatalog",
    "org.apache.spark.sql.hive.client",
)


@dataclass(frozen=True)
class Place:
    """Where an application runs, as its own processes see it.

    `spark` and `java` are the directories of the two, `python` runs PySpark's programs, and
    `directory` is a private one that can be written to.
    """

    spark: str
    java: str
    python: str
    python_path: tuple[str, ...]
    directory: str
    hostname: str


@dataclass(frozen=True)
class Limits:
    """What an application may use: cores, and memory of its Java process in MiB."""

    cores: int = 2
    memory_mib: int = 1536

    @property
    def heap_mib(self) -> int:
        """The memory of Java's own objects."""
        return max(512, self.memory_mib - BESIDE_HEAP_MIB)


@dataclass(frozen=True)
class Launch:
    """A command to run; `files` are to be written before, for its user's eyes only."""

    argv: list[str]
    env: dict[str, str]
    files: Mapping[str, bytes]
    cwd: str

    def with_files(self, files: Mapping[str, bytes]) -> "Launch":
        """Return the same with more files."""
        return replace(self, files={**self.files, **files})


def launch(
    program: str, arguments: Arguments, place: Place, endpoint: Endpoint, limits: Limits
) -> Launch:
    """Return how to run `spark-submit` or `spark-sql` at a place."""
    settings = f"{place.directory}/{SETTINGS}"
    files = {
        "core-site.xml": _xml(_core_site(place, endpoint)),
        "spark-defaults.conf": _properties(_defaults(place, endpoint, limits)),
        "log4j2.properties": _log4j(place),
        "hosts": f"127.0.0.1 localhost {place.hostname}\n",
    }
    env = {
        "JAVA_HOME": place.java,
        "SPARK_HOME": place.spark,
        "SPARK_CONF_DIR": settings,
        "HADOOP_CONF_DIR": settings,
        "HADOOP_USER_NAME": "hadoop",
        "SPARK_USER": "hadoop",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": f"{place.directory}/{SCRATCH}",
        "SPARK_LAUNCHER_OPTS": "-XX:+UseSerialGC",
        "PYSPARK_PYTHON": place.python,
        "PYTHONPATH": ":".join(f"{place.spark}/{one}" for one in place.python_path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }
    program = f"{place.spark}/bin/{program}"
    return Launch(
        ["bash", program, *arguments.options, *arguments.application],
        env,
        {f"{settings}/{name}": text.encode() for name, text in files.items()},
        place.directory,
    )


def _core_site(place: Place, endpoint: Endpoint) -> dict[str, str]:
    return {
        "fs.defaultFS": DEFAULT_FS,
        **{f"fs.{scheme}.impl": FILE_SYSTEM for scheme in SCHEMES},
        # Otherwise a bucket would have to be a host with an address.
        "hadoop.security.token.service.use_ip": "false",
        "hadoop.tmp.dir": f"{place.directory}/{SCRATCH}",
        "dfs.http.client.retry.policy.enabled": "false",
        "dfs.webhdfs.oauth2.enabled": "true",
        "dfs.webhdfs.oauth2.access.token.provider": TOKENS,
        "dfs.webhdfs.oauth2.client.id": "spark",
        "dfs.webhdfs.oauth2.credential": endpoint.secret,
        "dfs.webhdfs.oauth2.refresh.url": f"http://127.0.0.1:{endpoint.port}{TOKEN_PATH}",
    }


def _defaults(place: Place, endpoint: Endpoint, limits: Limits) -> dict[str, str]:
    java = [
        f"-Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort={endpoint.port} -Dhttp.nonProxyHosts=",
        f'-Djdk.net.hosts.file="{place.directory}/{SETTINGS}/hosts"',
        f'-Djava.io.tmpdir="{place.directory}/{SCRATCH}"',
        f'-Dderby.system.home="{place.directory}"',
        # Without waiting for the disk; only a crash of the whole host can harm the metastore.
        "-Dderby.system.durability=test",
        f'-Dderby.stream.error.file="{place.directory}/derby.log"',
        "-Duser.timezone=UTC -Dfile.encoding=UTF-8 -XX:+UseSerialGC",
        "-XX:MaxMetaspaceSize=320m -XX:ReservedCodeCacheSize=96m",
    ]
    metastore = f"jdbc:derby:;databaseName={place.directory}/metastore_db;create=true"
    return {
        "spark.master": f"local[{limits.cores}]",
        "spark.submit.deployMode": "client",
        "spark.driver.memory": f"{limits.heap_mib}m",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.defaultJavaOptions": " ".join(java),
        "spark.local.dir": f"{place.directory}/{SCRATCH}",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.catalogImplementation": "hive",
        "spark.sql.warehouse.dir": WAREHOUSE,
        "spark.hadoop.javax.jdo.option.ConnectionURL": metastore,
        "spark.hadoop.hive.exec.scratchdir": f"file:{place.directory}/{SCRATCH}/hive",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.streaming.checkpointFileManagerClass": CHECKPOINTS,
        "spark.sql.shuffle.partitions": str(2 * limits.cores),
        # As in Spark 3.5, which is the one of EMR 7, and as in Hive.
        "spark.sql.ansi.enabled": "false",
        "spark.sql.legacy.createHiveTableByDefault": "true",
    }


def _log4j(place: Place) -> str:
    """Warnings go to standard error, the rest to a file that stays small."""
    log = f"{place.directory}/{LOG}"
    layout = "%d{yy/MM/dd HH:mm:ss} %p %c{1}: %m%n%ex"
    return _properties(
        {
            "rootLogger.level": "info",
            "rootLogger.appenderRef.console.ref": "console",
            "rootLogger.appenderRef.file.ref": "file",
            "logger.sql.name": SQL_DRIVER,
            "logger.sql.level": "info",
            **{f"logger.quiet{i}.name": name for i, name in enumerate(CHATTY)},
            **{f"logger.quiet{i}.level": "error" for i in range(len(CHATTY))},
            "appender.console.type": "Console",
            "appender.console.name": "console",
            "appender.console.target": "SYSTEM_ERR",
            "appender.console.layout.type": "PatternLayout",
            "appender.console.layout.pattern": layout,
            "appender.console.filter.level.type": "ThresholdFilter",
            "appender.console.filter.level.level": "warn",
            "appender.file.type": "RollingFile",
            "appender.file.name": "file",
            "appender.file.fileName": log,
            "appender.file.filePattern": f"{log}.%i",
            "appender.file.layout.type": "PatternLayout",
            "appender.file.layout.pattern": layout,
            "appender.file.policies.type": "Policies",
            "appender.file.policies.size.type": "SizeBasedTriggeringPolicy",
            "appender.file.policies.size.size": str(LOG_BYTES),
            "appender.file.strategy.type": "DefaultRolloverStrategy",
            "appender.file.strategy.max": "1",
        },
        "=",
    )


def _properties(settings: Mapping[str, str], between: str = " ") -> str:
    return "".join(f"{name}{between}{value}\n" for name, value in settings.items())


def _xml(settings: Mapping[str, str]) -> str:
    found = "".join(
        f"<property><name>{escape(name)}</name><value>{escape(value)}</value></property>\n"
        for name, value in settings.items()
    )
    return f"<configuration>\n{found}</configuration>\n"
