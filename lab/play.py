"""What `bin/lab` runs: PostgreSQL, and for each door identd, Kamailio and SIPp, then every step of `steps.py`.

Exit status: 0 if everything came out as expected, 1 if not, 2 if something that it needs is not there.
"""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from demo.binaries import PostgresMissingError
from demo.postgres import OwnServer, PostgresServer, running_postgres
from demo.process import last_words
from demo.sample import Phone, database_with
from demo.telling import coloured, in_words, line
from demo.tour import INTERRUPTED, Interruption, differences, state_folder
from lab.daemon import running_daemon
from lab.doors import DOORS, Door
from lab.load import Load, load_step
from lab.places import FIRST_PORT, REALM, Places
from lab.processes import LabFailedError
from lab.sipp import far_side
from lab.stage import Stage
from lab.steps import FIR, FIR_NAME, FIR_PASSWORD, OWN_STEPS, STEPS, Step
from lab.switch import running_switch
from protocol.errors import IdentdUnavailable

ACCOUNTS = Path(__file__).with_name("accounts.sql")
SWITCHES = Path(__file__).resolve().parents[1] / "config" / "switches"
LOGS = ("switch/kamailio.log", "identd/identd.log", "far_side/errors", "call*/errors")


class Telling:
    """Takes steps and tells each; `wrong` counts those that came out otherwise."""

    def __init__(self, interruption: Interruption) -> None:
        self._interruption = interruption
        self._colour = coloured(sys.stdout)
        self.right = 0
        self.wrong = 0

    def take(self, steps: Sequence[Step], stage: Stage) -> None:
        for step in steps:
            self._interruption.check()
            seen = step.plays(stage)
            right = not differences(step.expected, seen)
            self.right += right
            self.wrong += not right
            print(line(step.title, in_words(step.expected), in_words(seen), right, self._colour), flush=True)
            if step.all_else_needs_it and not right:
                break


def _play(door: Door, postgres: PostgresServer, folder: Path, chosen: argparse.Namespace, telling: Telling) -> None:
    """One door, from an empty database to the last step."""
    began = time.monotonic()
    wrong_before = telling.wrong
    places = Places(chosen.ports)
    with _database(postgres) as dsn, contextlib.ExitStack() as stack:
        daemon = stack.enter_context(running_daemon(folder / "identd", dsn, places, door.configuration(places)))
        far = stack.enter_context(far_side(places, folder / "far_side"))
        switch = stack.enter_context(running_switch(door, _configuration(door, chosen), places, folder / "switch"))
        print(f"\n{door.switch}", flush=True)
        load = [load_step(Load(chosen.calls, chosen.rate))] if chosen.calls else []
        telling.take([*STEPS, *OWN_STEPS.get(door.name, ()), *load], Stage(places, folder, daemon, switch, far))
    print(f"  {time.monotonic() - began:.0f} s", flush=True)
    if telling.wrong > wrong_before:
        print(_what_was_said(folder), flush=True)


def _configuration(door: Door, chosen: argparse.Namespace) -> Path:
    """The folder of the switch's configuration. Raises LabFailedError where there is none."""
    folder: Path = chosen.configuration or SWITCHES / door.switch
    if not (folder / "kamailio.cfg").exists():
        raise LabFailedError(f"there is no kamailio.cfg in {folder}")
    return folder


def _new_folder(path: Path) -> Path:
    try:
        path.mkdir()
    except FileExistsError as error:
        raise LabFailedError(f"{path} is there already: what is in it would be mixed with this run's") from error
    return path


@contextlib.contextmanager
def _database(postgres: PostgresServer) -> Iterator[str]:
    """The DSN by which the daemon reads a database of our own with the lab's accounts; dropped afterwards."""
    with database_with(postgres, "lab", ACCOUNTS, Phone(FIR, FIR_NAME, FIR_PASSWORD, REALM)) as name:
        # on a server of somebody else's the daemon's role has no password yet
        yield postgres.dsn(name, user="identd_reader") if isinstance(postgres, OwnServer) else postgres.dsn(name)


def _what_was_said(folder: Path) -> str:
    """The end of every log that may tell why a step came out otherwise: the folder may be gone in a moment."""
    told = [
        f"  {file.relative_to(folder)}:\n{last_words(file)}" for name in LOGS for file in sorted(folder.glob(name))
    ]
    return "\n".join(told)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bin/lab", description="A real Kamailio asks identd; SIPp calls.")
    names = [door.name for door in DOORS]
    parser.add_argument("doors", nargs="*", metavar="door", help=f"{' or '.join(names)}; by default all")
    parser.add_argument("--calls", type=int, default=Load().calls, help="of the load; 0 leaves it out")
    parser.add_argument("--rate", type=int, default=Load().rate, help="calls a second of the load")
    parser.add_argument("--state", type=Path, metavar="DIR", help="where logs are (default: a temporary folder)")
    parser.add_argument("--ports", type=int, default=FIRST_PORT, metavar="FIRST", help="the first of 200 ports")
    parser.add_argument("--configuration", type=Path, metavar="DIR", help="instead of config/switches/kamailio-DOOR")
    return parser


def run(arguments: Sequence[str]) -> int:
    """The whole lab; returns the exit status."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    doors = [door for door in DOORS if door.name in (chosen.doors or [door.name])]
    if unknown := set(chosen.doors) - {door.name for door in DOORS}:
        parser.error(f"there is no door {', '.join(sorted(unknown))}")
    interruption = Interruption()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interruption)
    try:
        with contextlib.ExitStack() as stack:
            for door in doors:
                _configuration(door, chosen)
            folder = stack.enter_context(state_folder(chosen.state))
            postgres = stack.enter_context(running_postgres(os.environ, folder / "pg"))
            print(
                f"PostgreSQL: {postgres.folder if isinstance(postgres, OwnServer) else 'the one named'}", flush=True
            )
            telling = Telling(interruption)
            for door in doors:
                _play(door, postgres, _new_folder(folder / door.name), chosen, telling)
            interruption.check()
            print(f"\n{telling.right} as expected, {telling.wrong} not", flush=True)
            return 1 if telling.wrong else 0
    except (PostgresMissingError, LabFailedError, IdentdUnavailable) as error:
        print(f"bin/lab: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped", flush=True)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
