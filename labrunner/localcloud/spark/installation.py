"""Which Spark and which Java this host has."""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from labrunner.localcloud.spark.errors import SparkUnavailableError

LEAST_JAVA = 17
VERSION_SECONDS = 30.0
VERSION = re.compile(r'version "(?:1\.)?(\d+)')
JAVA_STEP = (
    "Install Java 17 or later (`apt-get install openjdk-17-jre-headless`, `dnf install "
    "java-17-openjdk-headless`, `brew install openjdk@17`), or set JAVA_HOME, and start the local "
    "cloud anew."
)
SPARK_STEP = "pip install 'labrunner[spark]'"

# Return the directory of a package, and what `java -version` says; None where there is none.
FindPackage = Callable[[str], Path | None]
AskVersion = Callable[[str], str | None]
Which = Callable[[str], str | None]


@dataclass(frozen=True)
class Installation:
    """Spark's directory and Java's, on this host."""

    home: Path
    java_home: Path
    python: str

    @property
    def python_path(self) -> tuple[str, ...]:
        """What a Python without the package needs to import it, below Spark's directory."""
        library = self.home / "python" / "lib"
        return tuple(f"python/lib/{one.name}" for one in sorted(library.glob("*.zip")))


def find_package(name: str) -> Path | None:
    """Return where a package is, without importing it."""
    found = importlib.util.find_spec(name)
    return Path(found.origin).parent if found is not None and found.origin else None


def ask_version(java: str) -> str | None:
    """Return what `java -version` says, None where it does not run."""
    try:
        done = subprocess.run(  # noqa: S603 - the words above
            [java, "-version"], capture_output=True, timeout=VERSION_SECONDS, check=False, env={}
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = (done.stderr + done.stdout).decode("utf-8", "replace")
    return said if done.returncode == 0 else None


def detect(
    environ: Mapping[str, str],
    *,
    package: FindPackage = find_package,
    which: Which = shutil.which,
    version: AskVersion = ask_version,
) -> Installation:
    """Return the Spark of this host; raises SparkUnavailableError, which says what to install."""
    home = package("pyspark")
    if home is None or not (home / "jars").is_dir():
        why = "Spark comes with the Python package pyspark, which is not installed."
        raise SparkUnavailableError(why, SPARK_STEP)
    own = environ.get("JAVA_HOME")
    java = str(Path(own) / "bin" / "java") if own else which("java")
    if java is None:
        raise SparkUnavailableError("Spark runs on Java, and there is no `java` here.", JAVA_STEP)
    said = version(java)
    found = VERSION.search(said or "")
    if found is None:
        why = f"Spark runs on Java, and `{java} -version` does not work."
        raise SparkUnavailableError(why, JAVA_STEP)
    if int(found[1]) < LEAST_JAVA:
        why = f"Spark runs on Java {LEAST_JAVA} and later, and `{java}` is Java {found[1]}."
        raise SparkUnavailableError(why, JAVA_STEP)
    return Installation(home.resolve(), Path(java).resolve().parent.parent, sys.executable)
