"""What a run will do: the calls in order, what will exist, what it costs, what it may do.

`make` is pure: `labrunner plan` prints what it returns, and the engine performs it.
"""

from labrunner.plan.make import Plan, PlannedStep, inside, make
from labrunner.plan.policy import policy

__all__ = ["Plan", "PlannedStep", "inside", "make", "policy"]
