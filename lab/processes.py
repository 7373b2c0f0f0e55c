"""Programs of others as processes of ours: a log, a good end, and no survivor however the lab ends."""

import contextlib
import signal
import subprocess
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from demo.process import end_with_parent, last_words

STOP_SECONDS_MAX = 5.0


class LabFailedError(Exception):
    """Something that the lab stands on did not start or ended; the text ends with its last words."""


def started(
    command: Sequence[str | Path], log: Path, folder: Path, ended_by: signal.Signals = signal.SIGTERM
) -> "subprocess.Popen[bytes]":
    """A program in `folder`, its output in `log`; the kernel sends it `ended_by` when the starting thread ends.

    Raises LabFailedError where there is no such program.
    """
    try:
        with log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the lab; it then stops everything in good order
                preexec_fn=partial(end_with_parent, ended_by),  # noqa: PLW1509 - this process has no other thread
            )
    except FileNotFoundError as error:
        raise LabFailedError(f"there is no program {command[0]}: run bin/lab, which says what to install") from error


def ended(process: "subprocess.Popen[bytes]", by: signal.Signals = signal.SIGTERM) -> int:
    """Its exit status; told to end where it still runs, and made to after five seconds."""
    if process.poll() is None:
        process.send_signal(by)
    try:
        return process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


@contextlib.contextmanager
def running(
    command: Sequence[str | Path], log: Path, folder: Path, ended_by: signal.Signals = signal.SIGTERM
) -> Iterator["subprocess.Popen[bytes]"]:
    """As `started`, ended afterwards. Must be entered on a thread that outlives it."""
    process = started(command, log, folder, ended_by)
    try:
        yield process
    finally:
        ended(process, ended_by)


def failure(what: str, process: "subprocess.Popen[bytes]", log: Path) -> LabFailedError:
    """The error that says how a program failed."""
    how = "did not get ready" if process.poll() is None else f"ended with status {process.returncode}"
    return LabFailedError(f"{what} {how}; the end of {log}:\n{last_words(log)}")
