"""Real Spark, in local mode, on the files of the local cloud: `spark-sql` and `spark-submit`.

Spark is that of the package pyspark, of the extra `labrunner[spark]`, and needs Java 17::

    installation = detect(os.environ)                     # raises SparkUnavailableError
    host = ThisHost(work / "spark", installation)         # or InMachine(...)
    spark = Spark(work / "spark-files", {"hdfs": hdfs, "s3": s3}, host)
    code = spark.sql(["-f", "s3://bucket/script.q", "-d", "INPUT=s3://bucket/in"]).run(out, err)
    code = spark.submit(["s3://bucket/app.py", "s3://bucket/in"]).run(out, err)

How it is built:

- `installation` finds Spark and Java. `arguments` reads what belongs to a cluster out of the
  arguments; the rest is Spark's own to read. `launch` makes the command and its settings: loopback
  only, no web interface, memory and cores limited.
- Spark reads and writes `hdfs:`, `s3:`, `s3a:` and `s3n:` addresses while it runs, whether they
  stand in the arguments or are made by a program. `endpoint` serves them to Hadoop's own client of
  WebHDFS, `webhdfs` has the operations, `files` makes a file system of flat storages. So each
  access is decided by the storage, nothing is copied before, and what a committer has not committed
  is in no storage.
- `host` runs it as a child of the cloud, `inside` in a machine of the cloud. `spark` has one
  application run at a time: its metastore (Derby) can be open only once.

The settings differ from Spark 4's own in two, to be those of Spark 3.5, which EMR 7 has: no ANSI
mode, and CREATE TABLE makes tables of Hive. What cannot be done:

- filling a table of text, CSV or SequenceFile whose location is an `hdfs:` address (Hive insists on
  one class of Hadoop there); the warehouse is a `webhdfs:` address for this reason,
- `master("yarn")` in a program's own code, packages from the network, appending to files,
- names that Java takes for no host: buckets whose name has `_` or ends in `.` and digits,
- the time when a file was changed, which a storage does not tell: it is always 1970.
"""

from labrunner.localcloud.spark.errors import SparkUnavailableError, SparkUsageError
from labrunner.localcloud.spark.host import Host, ThisHost
from labrunner.localcloud.spark.installation import Installation, detect
from labrunner.localcloud.spark.launch import Limits
from labrunner.localcloud.spark.spark import Application, Spark

__all__ = [
    "Application",
    "Host",
    "Installation",
    "Limits",
    "Spark",
    "SparkUnavailableError",
    "SparkUsageError",
    "ThisHost",
    "detect",
]
