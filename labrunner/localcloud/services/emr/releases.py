"""EMR's releases and what each ships; of these, the local cloud runs what LOCAL names."""

import re
from dataclasses import dataclass

# Spark's version is what tells minor releases apart.
SPARK = {
    "emr-7.9.0": "3.5.5",
    "emr-7.8.0": "3.5.4",
    "emr-7.7.0": "3.5.3",
    "emr-7.6.0": "3.5.3",
    "emr-7.5.0": "3.5.2",
    "emr-7.4.0": "3.5.2",
    "emr-7.3.0": "3.5.1",
    "emr-7.2.0": "3.5.1",
    "emr-7.1.0": "3.5.0",
    "emr-7.0.0": "3.5.0",
    "emr-6.15.0": "3.4.1",
    "emr-6.14.0": "3.4.1",
    "emr-6.13.0": "3.4.1",
    "emr-6.12.0": "3.4.0",
    "emr-6.11.0": "3.3.2",
    "emr-6.10.0": "3.3.1",
    "emr-6.9.0": "3.3.0",
    "emr-5.36.2": "2.4.8",
    "emr-5.36.1": "2.4.8",
    "emr-5.36.0": "2.4.8",
}
LABELS = tuple(SPARK)
# By the first number of the label.
HADOOP = {5: "2.10.1", 6: "3.3.3", 7: "3.3.6"}
HADOOP_SINCE = {"emr-6.15.0": "3.3.6", **dict.fromkeys(LABELS[:6], "3.4.0")}
HIVE = {5: "2.3.9", 6: "3.1.3", 7: "3.1.3"}
TEZ = {5: "0.9.2", 6: "0.10.2", 7: "0.10.2"}
OTHERS = {
    5: {"Ganglia": "3.7.2", "Hue": "4.10.0", "Oozie": "5.2.1", "Pig": "0.17.0", "Sqoop": "1.4.7"},
    6: {"Ganglia": "3.7.2", "Hue": "4.10.0", "Oozie": "5.2.1", "Pig": "0.17.0", "Sqoop": "1.4.7"},
    7: {"Hue": "4.11.0", "Oozie": "5.2.1", "Pig": "0.17.0"},
}
FURTHER = ("Flink", "HBase", "JupyterHub", "Livy", "Phoenix", "Presto", "Zeppelin", "ZooKeeper")
LOCAL = ("Hadoop", "HCatalog", "Hive", "Spark", "Tez")
LABEL = re.compile(r"emr-(\d+)\.\d+\.\d+")
# The releases from which on a cluster may have an AutoTerminationPolicy, and a step be cancelled
# while it runs, are older than all of these.
AMAZON_LINUX = {5: "amzn2-ami-hvm-2.0.", 6: "amzn2-ami-hvm-2.0.", 7: "al2023-ami-2023."}


@dataclass(frozen=True)
class Release:
    """A release: its label, and the versions of its applications, by name."""

    label: str
    applications: dict[str, str]

    @property
    def major(self) -> int:
        """The first number of its label."""
        return _major(self.label)


def _major(label: str) -> int:
    found = LABEL.fullmatch(label)
    return int(found[1]) if found else 0


def find(label: str) -> Release | None:
    """Return a release by its label."""
    if label not in SPARK:
        return None
    major = _major(label)
    found = {
        "Hadoop": HADOOP_SINCE.get(label, HADOOP[major]),
        "HCatalog": HIVE[major],
        "Hive": HIVE[major],
        "Spark": SPARK[label],
        "Tez": TEZ[major],
        **OTHERS[major],
    }
    return Release(label, dict(sorted(found.items(), key=lambda one: one[0].lower())))


def application(release: Release, name: str) -> str | None:
    """Return the name of an application as EMR writes it, in whatever case it was given."""
    known = (*release.applications, *FURTHER)
    return next((one for one in known if one.lower() == name.lower()), None)
