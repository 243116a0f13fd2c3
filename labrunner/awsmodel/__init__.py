"""botocore's service models, read offline: what operations take and give, and their waiters."""

from labrunner.awsmodel.models import METADATA, Models, Operation, UnknownName
from labrunner.awsmodel.waiters import Verdict, Waiter

__all__ = ["METADATA", "Models", "Operation", "UnknownName", "Verdict", "Waiter"]
