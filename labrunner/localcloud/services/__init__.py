"""The services that the local cloud has. A new engine adds its line to MODULES, and no other."""

import importlib
import threading

from labrunner.localcloud.service import Service

# The service's name as boto3 spells it → the module whose SERVICE defines it.
MODULES = {
    "ec2": "labrunner.localcloud.services.ec2",
    "emr": "labrunner.localcloud.services.emr",
    "iam": "labrunner.localcloud.services.iam",
    "redshift": "labrunner.localcloud.services.redshift.provisioned",
    "redshift-data": "labrunner.localcloud.services.redshift.data",
    "redshift-serverless": "labrunner.localcloud.services.redshift.serverless",
    "s3": "labrunner.localcloud.s3.service",
    "s3control": "labrunner.localcloud.services.s3control",
    "ssm": "labrunner.localcloud.services.ssm",
    "sts": "labrunner.localcloud.services.sts",
}


# moto's packages import each other in circles, which two threads must not enter at once.
_IMPORTING = threading.RLock()
_FOUND: dict[str, Service] = {}


def find(name: str) -> Service | None:
    """Return a service, imported at first use; None if the local cloud does not have it."""
    if name in _FOUND or name not in MODULES:
        return _FOUND.get(name)
    from labrunner.localcloud.moto_bridge import prepare

    with _IMPORTING:
        if name not in _FOUND:
            prepare(name)
            _FOUND[name] = importlib.import_module(MODULES[name]).SERVICE
    return _FOUND[name]
