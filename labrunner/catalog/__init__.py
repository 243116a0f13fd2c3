"""The catalog: for each resource type, how it is made, found, deleted and known to be gone.

One YAML file a service; a test checks every entry against botocore's models.
"""

from labrunner.catalog.load import Catalog, Change, load
from labrunner.catalog.types import Cost, Delete, Each, Find, ResourceType, Service

__all__ = ["Catalog", "Change", "Cost", "Delete", "Each", "Find", "ResourceType", "Service", "load"]
