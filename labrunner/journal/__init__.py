"""The journal: every event of every run, in one SQLite file; labrunner's only memory."""

from labrunner.journal.log import Journal

__all__ = ["Journal"]
