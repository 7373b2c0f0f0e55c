"""Kamailio with a copy of one of our configurations, changed where an operator would change it."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from lab.doors import Door, Edits
from lab.places import HOST, Places
from lab.processes import LabFailedError, failure, running
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


@contextlib.contextmanager
def running_switch(door: Door, configuration: Path, places: Places, folder: Path) -> Iterator[None]:
    """Kamailio over this configuration, listening. Raises LabFailedError with its last words."""
    folder.mkdir()
    copy = copied(configuration, folder / "etc", door.edits(places, folder / "etc"))
    run = folder / "run"
    run.mkdir()
    log = folder / "kamailio.log"
    command: list[str | Path] = [KAMAILIO, "-f", copy / "kamailio.cfg", "-DD", "-E", "-w", copy, "-Y", run, *MEMORY]
    for name, value in door.defines(places, copy).items():
        command += ["-A", f"{name}={value}"]
    with running(command, log, folder) as process:
        until(lambda: process.poll() is not None or bound(HOST, places.switch), START_SECONDS_MAX)
        if process.poll() is not None or not bound(HOST, places.switch):
            raise failure("Kamailio", process, log)
        yield
