"""What Hadoop's programs fail with."""


class HadoopError(Exception):
    """A failure, as the Java exception that Hadoop would throw: its class and its message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}" if kind else message)
        self.kind = kind
        self.message = message


class UsageError(Exception):
    """The arguments of a program are wrong; the text is what the program prints."""


class CancelledError(Exception):
    """Whoever asked for the work is gone, or cancelled it."""


IO = "java.io.IOException"
ILLEGAL = "java.lang.IllegalArgumentException"
NOT_FOUND = "java.io.FileNotFoundException"
PATH_EXISTS = "org.apache.hadoop.fs.FileAlreadyExistsException"
OUTPUT_EXISTS = "org.apache.hadoop.mapred.FileAlreadyExistsException"
INVALID_INPUT = "org.apache.hadoop.mapred.InvalidInputException"


def not_here(what: str) -> UsageError:
    """Return the refusal of what the real program has and this one does not."""
    return UsageError(f"{what} is not supported by the local cloud")
