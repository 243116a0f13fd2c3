"""botocore's service models, read offline: what operations take and give, and their waiters."""

from labrunner.awsmodel.models import Models, Operation, UnknownName
from labrunner.awsmodel.waiters import Verdict, Waiter

__all__ = ["Models", "Operation", "UnknownName", "Verdict", "Waiter"]
