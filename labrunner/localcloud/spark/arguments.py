"""The arguments of spark-submit and spark-sql, without what says where to run."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from labrunner.localcloud.names import names
from labrunner.localcloud.spark.errors import SparkUsageError

# Options of spark-submit that have a value, from its own help.
VALUED = names(
    """
    --archives --class --conf -c --driver-class-path --driver-java-options --driver-library-path
    --exclude-packages --files --jars --keytab --name --packages --principal --properties-file
    --proxy-user --py-files --remote --repositories
    """
)
# Here Spark always runs in one process of a given size.
PLACES = names(
    """
    --deploy-mode --driver-cores --driver-memory --executor-cores --executor-memory --master
    --num-executors --queue --total-executor-cores
    """
)
PLACE_SETTINGS = names(
    """
    spark.driver.bindAddress spark.driver.cores spark.driver.defaultJavaOptions spark.driver.host
    spark.driver.memory spark.local.dir spark.local.ip spark.master spark.submit.deployMode
    spark.ui.enabled
    """
)
REFUSED = {
    "--exclude-packages": "packages come from the network, which the local cloud has not",
    "--keytab": "there is no Kerberos in the local cloud",
    "--kill": "there is no cluster manager in the local cloud",
    "--packages": "packages come from the network, which the local cloud has not; give --jars",
    "--principal": "there is no Kerberos in the local cloud",
    "--proxy-user": "there are no other users of Spark in the local cloud",
    "--remote": "there is no Spark Connect in the local cloud",
    "--repositories": "packages come from the network, which the local cloud has not",
    "--status": "there is no cluster manager in the local cloud",
}


@dataclass
class Arguments:
    """What is passed on, and which options were left out."""

    options: list[str] = field(default_factory=list)
    application: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def read_submit(arguments: Sequence[str]) -> Arguments:
    """Read spark-submit's arguments up to the application; raises SparkUsageError."""
    found = _read(arguments, until_application=True)
    if not found.application and not {"--version", "--help", "-h"} & set(found.options):
        raise SparkUsageError("Missing application resource.")
    return found


def read_sql(arguments: Sequence[str]) -> Arguments:
    """Read spark-sql's arguments; raises SparkUsageError."""
    return _read(arguments, until_application=False)


def _read(arguments: Sequence[str], *, until_application: bool) -> Arguments:
    found, left = Arguments(), list(arguments)
    while left:
        word, *left = left
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if name in REFUSED:
            raise SparkUsageError(f"{name}: {REFUSED[name]}.")
        if name not in VALUED and name not in PLACES:
            if until_application and not word.startswith("-"):
                found.application = [word, *left]
                break
            found.options.append(word)
            continue
        if not equals:
            if not left:
                raise SparkUsageError(f"{name} needs a value.")
            value, *left = left
        _keep(found, name, value)
    return found


def _keep(found: Arguments, name: str, value: str) -> None:
    if name in PLACES:
        found.left_out.append(f"{name} {value}")
    elif name in ("--conf", "-c") and value.partition("=")[0].strip() in PLACE_SETTINGS:
        found.left_out.append(f"--conf {value}")
    elif name in ("--conf", "-c") and value.partition("=")[0].strip() == "spark.jars.packages":
        raise SparkUsageError(f"{value}: {REFUSED['--packages']}.")
    else:
        found.options += [name, value]
