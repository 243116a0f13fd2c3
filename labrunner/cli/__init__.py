"""The command line."""

import gc
import os
import sys

from labrunner.errors import Exit, Failure, InvalidLab


def main() -> None:
    """Run labrunner; every error that a user can meet is told in words, with its exit code."""
    # botocore's models are a great many objects that live until the end: to look through them
    # again and again for garbage, and once more at the end, took a third of a short run's time.
    gc.set_threshold(200_000, 50, 100)
    try:
        _main()
    finally:
        gc.freeze()


def _main() -> None:
    from labrunner.cli.app import app

    try:
        app(prog_name="labrunner")
    except InvalidLab as failure:
        for diagnostic in failure.diagnostics:
            sys.stderr.write(f"{diagnostic}\n")
        _tell(failure)
    except Failure as failure:
        _tell(failure)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(Exit.OK)
    except OSError as error:
        _tell(Failure(error.strerror or str(error), where=str(error.filename or "")))
    except Exception as error:  # noqa: BLE001 - no user reads a traceback
        _tell(_defect(error))


def _defect(error: Exception) -> Failure:
    if os.environ.get("LABRUNNER_DEBUG"):
        raise error
    traceback = error.__traceback__
    while traceback and traceback.tb_next:
        traceback = traceback.tb_next
    code = traceback.tb_frame.f_code if traceback else None
    return Failure(
        "a defect of labrunner",
        where=f"{code.co_filename}:{traceback.tb_lineno}" if code and traceback else "",
        why=f"{type(error).__name__}: {error}",
        next_command="LABRUNNER_DEBUG=1 labrunner … shows all; what was made: labrunner teardown",
        exit_code=Exit.DEFECT,
    )


def _tell(failure: Failure) -> None:
    say(failure)
    sys.exit(failure.exit_code)


def say(failure: Failure) -> None:
    """Write a failure to standard error: what, where, why, and what to type next."""
    lines = [f"labrunner: {failure.what}"]
    lines += [f"  where: {failure.where}"] if failure.where else []
    code = f"{failure.code}: " if failure.code else ""
    request = f" (request {failure.request_id})" if failure.request_id else ""
    lines += [f"  why: {code}{failure.why}{request}"] if failure.why or code else []
    lines += [f"  next: {failure.next_command}"] if failure.next_command else []
    sys.stderr.write("\n".join(lines) + "\n")
