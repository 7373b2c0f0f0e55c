"""Starting and ending the console, and the one-time link with which the first person gets in."""

import contextlib
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from pathlib import Path

from demo.daemon import DaemonFailedError, configuration_of
from demo.process import IDENTD, last_words, running
from identd.settings import load_settings

READY_SECONDS_MAX = 30.0
LINK_SECONDS_MAX = 30.0
PERSON = "demo"


@contextlib.contextmanager
def running_console(folder: Path, dsn: str) -> Iterator[str]:
    """The console over the configuration in `folder`, answering; its URL. Raises `DaemonFailedError`."""
    log = folder / "console.log"
    environ = _environ(dsn)
    url = load_settings(configuration_of(folder), {**os.environ, **environ}).console.origin
    with running(("console", "--config", configuration_of(folder)), environ, log) as console:
        _await_answer(url, console, log)
        yield url


def one_time_link(folder: Path, dsn: str) -> str:
    """A link at which a first person, an admin, chooses a password."""
    done = subprocess.run(  # noqa: S603
        [IDENTD, "console-user", "add", PERSON, "--role", "admin", "--config", configuration_of(folder)],
        env={**os.environ, **_environ(dsn)},
        capture_output=True,
        text=True,
        timeout=LINK_SECONDS_MAX,
        check=False,
    )
    for word in done.stdout.split():
        if "/welcome/" in word:
            return word
    raise DaemonFailedError(f"identd console-user gave no link: {done.stdout}{done.stderr}")


def _environ(dsn: str) -> Mapping[str, str]:
    return {"IDENTD_CONSOLE_DSN": dsn}


def _await_answer(url: str, console: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline and console.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/login", timeout=2.0) as answer:  # noqa: S310 - http on loopback
                if answer.status == 200:
                    return
        except (OSError, HTTPException):
            time.sleep(0.05)
    how = "did not answer" if console.poll() is None else f"ended with status {console.returncode}"
    raise DaemonFailedError(f"the console {how}; the end of {log}:\n{last_words(log)}")
