"""What Spark fails with before it is started."""


class SparkUnavailableError(Exception):
    """This host cannot run Spark: why, and what to do."""

    def __init__(self, why: str, step: str) -> None:
        super().__init__(f"{why} {step}")
        self.why = why
        self.next = step


class SparkUsageError(Exception):
    """Arguments that Spark does not take, or that mean nothing here."""
