"""A program of ours as its own process, as a service manager would run it: its log in a file, a good end."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

STOP_SECONDS_MAX = 20.0  # the drain of config/identd.toml and a margin
PR_SET_PDEATHSIG = 1  # prctl(2)
LAST_LINES = 20

IDENTD = Path(sys.executable).with_name("identd")


def end_with_parent(number: int = signal.SIGTERM) -> None:
    """In the child: this signal when the thread that started us ends, so that a killed demo leaves nothing behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)


@contextlib.contextmanager
def running(
    arguments: Sequence[str | Path], environ: Mapping[str, str], log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """`identd ARGUMENTS`, ended afterwards. Must be entered on a thread that outlives it."""
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603
            [IDENTD, *arguments],
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for the demo; it then stops everything in good order
            preexec_fn=end_with_parent,  # noqa: PLW1509 - this process has no other thread
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def last_words(log: Path) -> str:
    """The end of its log, for whoever has to find out why it ended."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
