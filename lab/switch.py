"""Kamailio with a copy of one of our configurations, changed where an operator would change it."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from lab.doors import Door, Edits
from lab.places import HOST, Places
from lab.processes import LabFailedError, ended, failure, started
from lab.sipp import bound
from lab.waiting import until

KAMAILIO = "/usr/sbin/kamailio"  # Debian's; not on everybody's PATH
START_SECONDS_MAX = 15.0
MEMORY = ("-m", "256", "-M", "8")
"""Megabytes shared and per process: at 300 calls a second tm alone holds more than Kamailio's 64."""


def copied(configuration: Path, folder: Path, edits: Edits) -> Path:
    """A copy of a configuration with the edits made. Raises LabFailedError where one finds nothing to change."""
    shutil.copytree(configuration, folder)
    for name, old, new in edits:
        file = folder / name
        text = file.read_text(encoding="utf-8")
        if old not in text:
            raise LabFailedError(f"{configuration / name} has no longer the line that the lab changes: {old}")
        file.write_text(text.replace(old, new), encoding="utf-8")
    return folder


class Switch:
    """Kamailio over one configuration; killed and started again at will."""

    def __init__(self, door: Door, configuration: Path, places: Places, folder: Path) -> None:
        """Copies the configuration into `folder`. Raises LabFailedError."""
        folder.mkdir()
        (folder / "run").mkdir()
        copy = copied(configuration, folder / "etc", door.edits(places, folder / "etc"))
        self._command: list[str | Path] = [KAMAILIO, "-f", copy / "kamailio.cfg", "-w", copy, "-Y", folder / "run"]
        self._command += ["-DD", "-E", *MEMORY]  # in the foreground, its log on standard error
        for name, value in door.defines(places, copy).items():
            self._command += ["-A", f"{name}={value}"]
        self._folder = folder
        self._port = places.switch
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it listens. Raises LabFailedError with its last words."""
        log = self._folder / "kamailio.log"
        process = self._process = started(self._command, log, self._folder)
        until(lambda: process.poll() is not None or bound(HOST, self._port), START_SECONDS_MAX)
        if process.poll() is not None or not bound(HOST, self._port):
            raise failure("Kamailio", process, log)

    def kill(self) -> None:
        """As a crash would: all its processes at once, which are a group."""
        assert self._process is not None, "only what was started is killed"
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        until(lambda: not bound(HOST, self._port), START_SECONDS_MAX)

    def stop(self) -> None:
        if self._process is not None:
            ended(self._process)


@contextlib.contextmanager
def running_switch(door: Door, configuration: Path, places: Places, folder: Path) -> Iterator[Switch]:
    """Kamailio, listening. Must be entered on a thread that outlives it. Raises LabFailedError."""
    switch = Switch(door, configuration, places, folder)
    try:
        switch.start()
        yield switch
    finally:
        switch.stop()
