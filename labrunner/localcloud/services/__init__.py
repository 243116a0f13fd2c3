"""The services that the local cloud has. A new engine adds its line to MODULES, and no other."""

import functools
import importlib

from labrunner.localcloud.service import Service

# The service's name as boto3 spells it → the module whose SERVICE defines it.
MODULES = {
    "ec2": "labrunner.localcloud.services.ec2",
    "emr": "labrunner.localcloud.services.emr",
    "iam": "labrunner.localcloud.services.iam",
    "s3": "labrunner.localcloud.s3.service",
    "s3control": "labrunner.localcloud.services.s3control",
    "ssm": "labrunner.localcloud.services.ssm",
    "sts": "labrunner.localcloud.services.sts",
}


@functools.cache
def find(name: str) -> Service | None:
    """Return a service, imported at first use; None if the local cloud does not have it."""
    module = MODULES.get(name)
    if module is None:
        return None
    service: Service = importlib.import_module(module).SERVICE
    return service
