"""The program behind `hadoop`, `hdfs`, `hive` and the others on a cluster's machine.

It passes its name, arguments and directory to the cloud through a socket, prints what comes back,
and ends with the status that the cloud says. Its input is read only when the cloud asks for it.
"""

import contextlib
import json
import os
import signal
import socket
import struct
import sys

FRAME = struct.Struct("!cI")
CHUNK = 65536
# Settings of the shell that the cloud's programs take notice of.
PASSED = ("EMR_STEP_ID", "HADOOP_USER_NAME")
UNREACHABLE = 255
INTERRUPTED = 130
LOG = "HADOOP_LOG_FILE"  # a step's own; on a terminal, logs are for the reader


def main() -> None:
    """Run; the arguments are the socket's path, the name of the program, and its own."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    path, *argv = sys.argv[1:]
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(path)
            hello = {
                "argv": argv,
                "cwd": _directory(),
                "env": {name: os.environ[name] for name in PASSED if name in os.environ},
                "terminal": os.isatty(0) and os.isatty(1),
            }
            sock.sendall(json.dumps(hello).encode() + b"\n")
            code = _converse(sock)
        except OSError as error:
            sys.stderr.write(f"{argv[0]}: the cluster does not answer: {error}\n")
            code = UNREACHABLE
        except KeyboardInterrupt:
            code = INTERRUPTED
    sys.exit(code)


def _directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - starts faster without pathlib
    except OSError:
        return "/"


def _converse(sock: socket.socket) -> int:
    stream = sock.makefile("rb")
    files = {b"o": 1, b"e": 2, b"l": 2}
    if LOG in os.environ:
        with contextlib.suppress(OSError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            files[b"l"] = os.open(os.environ[LOG], flags, 0o644)
    while True:
        head = stream.read(FRAME.size)
        if len(head) < FRAME.size:
            raise ConnectionError("the connection was lost")
        kind, length = FRAME.unpack(head)
        data = stream.read(length)
        if kind == b"x":
            return int(data)
        if kind == b"i":
            found = os.read(0, CHUNK)
            sock.sendall(FRAME.pack(b"i", len(found)) + found)
        else:
            _write(files[kind], data)


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


if __name__ == "__main__":
    main()
