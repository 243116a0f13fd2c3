"""Undo a run: from its journal alone, in reverse, until everything is really gone."""

from labrunner.teardown.perform import perform, remove_unanswered
from labrunner.teardown.plan import Removal, plan_teardown

__all__ = ["Removal", "perform", "plan_teardown", "remove_unanswered"]
