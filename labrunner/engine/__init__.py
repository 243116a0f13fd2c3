"""Perform a plan: control flow over injected effects; the only output is events."""

from labrunner.engine.run import perform

__all__ = ["perform"]
