"""The command line."""

import sys

from labrunner.errors import Exit, Failure, InvalidLab


def main() -> None:
    """Run labrunner; every error that a user can meet is told in words, with its exit code."""
    from labrunner.cli.app import app

    try:
        app(standalone_mode=True)
    except InvalidLab as failure:
        for diagnostic in failure.diagnostics:
            sys.stderr.write(f"{diagnostic}\n")
        _tell(failure)
    except Failure as failure:
        _tell(failure)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(Exit.OK)


def _tell(failure: Failure) -> None:
    lines = [f"labrunner: {failure.what}"]
    lines += [f"  where: {failure.where}"] if failure.where else []
    code = f"{failure.code}: " if failure.code else ""
    request = f" (request {failure.request_id})" if failure.request_id else ""
    lines += [f"  why: {code}{failure.why}{request}"] if failure.why or code else []
    lines += [f"  next: {failure.next_command}"] if failure.next_command else []
    sys.stderr.write("\n".join(lines) + "\n")
    sys.exit(failure.exit_code)
