"""What `bin/lab` runs: PostgreSQL, and for each door identd, Kamailio and SIPp, then every step of `steps.py`.

Exit status: 0 if everything came out as expected, 1 if not, 2 if something that it needs is not there.
"""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from demo import sql
from demo.binaries import PostgresMissingError
from demo.postgres import OwnServer, PostgresServer, running_postgres
from demo.telling import coloured, in_words, line
from demo.tour import INTERRUPTED, Interruption, differences, state_folder
from identd.sealing import sealed_column
from lab.daemon import running_daemon
from lab.doors import DOORS, Door
from lab.places import FIRST_PORT, REALM, Places
from lab.processes import LabFailedError
from lab.sipp import far_side
from lab.stage import Stage
from lab.steps import FIR, FIR_NAME, FIR_PASSWORD, STEPS, Load, Step, load_step
from lab.switch import running_switch
from loader.migrate import init_db

ACCOUNTS = Path(__file__).with_name("accounts.sql")
SWITCHES = Path(__file__).resolve().parents[1] / "config" / "switches"


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
    places = Places(chosen.ports)
    configuration = chosen.configuration or SWITCHES / door.switch
    if not (configuration / "kamailio.cfg").exists():
        raise LabFailedError(f"there is no {configuration}/kamailio.cfg")
    folder.mkdir()
    database = postgres.create_database("lab")
    try:
        dsn = postgres.dsn(database)
        init_db(dsn)
        column = sealed_column(FIR, FIR_NAME, FIR_PASSWORD, [REALM])
        password = f"UPDATE identd.accounts SET password = '{column}' WHERE id = {FIR}"  # noqa: S608 - ours
        sql.execute(dsn, ACCOUNTS.read_text(encoding="utf-8") + password)
        with contextlib.ExitStack() as stack:
            daemon = stack.enter_context(running_daemon(folder / "identd", dsn, places, door.configuration(places)))
            far = stack.enter_context(far_side(places, folder / "far_side"))
            stack.enter_context(running_switch(door, configuration, places, folder / "switch"))
            print(f"\n{door.switch}", flush=True)
            stage = Stage(places, folder, daemon, far)
            telling.take(STEPS, stage)
            if chosen.calls:
                telling.take([load_step(Load(chosen.calls, chosen.rate))], stage)
        print(f"  {time.monotonic() - began:.0f} s", flush=True)
    finally:
        postgres.drop_database(database)


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
            folder = stack.enter_context(state_folder(chosen.state))
            postgres = stack.enter_context(running_postgres(os.environ, folder / "pg"))
            print(
                f"PostgreSQL: {postgres.folder if isinstance(postgres, OwnServer) else 'the one named'}", flush=True
            )
            telling = Telling(interruption)
            for door in doors:
                _play(door, postgres, folder / door.name, chosen, telling)
            interruption.check()
            print(f"\n{telling.right} as expected, {telling.wrong} not", flush=True)
            return 1 if telling.wrong else 0
    except (PostgresMissingError, LabFailedError) as error:
        print(f"bin/lab: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped", flush=True)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
