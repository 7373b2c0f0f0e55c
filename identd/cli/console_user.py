"""`identd console-user …`: who may log in to the console, from the command line; how the first admin gets in.

It writes the database as the console would, through the console's own code, and needs no console that runs.
"""

import argparse
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from identd.cli.acting import acting_user
from identd.cli.answers import NO_DAEMON, OK, USAGE
from identd.cli.show import printable

if TYPE_CHECKING:
    from console.database import Database

FAILED = 1
NO_DATABASE = NO_DAEMON
ROLES = ("viewer", "operator", "admin", "auditor")
STATUSES = ("active", "blocked")


class _Task(NamedTuple):
    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    execute: "Callable[[Database, str, argparse.Namespace], Awaitable[None]]"


def add_arguments(parser: argparse.ArgumentParser, config: Path) -> None:
    """The tasks, each with what it needs. `config`: the configuration where none is named."""
    tasks = parser.add_subparsers(dest="task", metavar="TASK", required=True)
    for name, task in TASKS.items():
        of_task = tasks.add_parser(name, help=task.help, description=task.help)
        task.arguments(of_task)
        of_task.add_argument("--config", metavar="FILE", type=Path, default=config, help="(%(default)s)")
        of_task.add_argument(
            "--dsn", help="the database; else console.dsn of the configuration, or IDENTD_CONSOLE_DSN"
        )


def execute(arguments: argparse.Namespace) -> int:
    """Do the task; the exit code: 0 done, 1 it cannot be done, 2 a wrong configuration, 3 no database."""
    import asyncpg  # noqa: PLC0415 - as in offline.py: not before it is needed
    import trio  # noqa: PLC0415
    import trio_asyncio  # noqa: PLC0415

    from console.database import open_database  # noqa: PLC0415
    from console.errors import BusyError, DatabaseAwayError, FieldErrors, NotFoundError  # noqa: PLC0415
    from identd.settings import SettingsError, load_settings  # noqa: PLC0415

    try:
        section = load_settings(arguments.config, os.environ).console
    except SettingsError as error:
        for problem in error.problems:
            print(printable(f"{error.path}: {problem}"), file=sys.stderr)
        return USAGE

    async def run() -> int:
        async with trio_asyncio.open_loop(), open_database(arguments.dsn or section.dsn, 1) as database:
            try:
                await TASKS[arguments.task].execute(database, section.origin, arguments)
            except FieldErrors as wrong:
                return _complain(" ".join(wrong.errors.values()), FAILED)
            except (NotFoundError, BusyError) as error:
                return _complain(str(error), FAILED)
            except DatabaseAwayError as error:
                return _complain(str(error), NO_DATABASE)
            except (
                asyncpg.PostgresError
            ) as error:  # no such table, no such privilege: its text may quote what it likes
                return _complain(f"the database refuses: {type(error).__name__}; has init-db been run?", NO_DATABASE)
        return OK

    return trio.run(run)


async def _add(database: "Database", origin: str, arguments: argparse.Namespace) -> None:
    from console.people.store import insert_link, insert_person  # noqa: PLC0415

    async with database.transaction(acting_user()) as transaction:
        person_id = await insert_person(transaction, arguments.name, arguments.role)
        token = await insert_link(transaction, person_id, time.time())
    _print_link(origin, arguments.name, token)


async def _link(database: "Database", origin: str, arguments: argparse.Namespace) -> None:
    from console.errors import FieldErrors  # noqa: PLC0415
    from console.people.store import make_link, person_named  # noqa: PLC0415

    whose = await person_named(database, arguments.name)
    if whose.status != "active":
        raise FieldErrors({"name": f"{whose.name} is blocked: first console-user set {whose.name} --status active."})
    token = await make_link(database, whose.id, actor=acting_user(), now=time.time())
    _print_link(origin, whose.name, token)


async def _list(database: "Database", _origin: str, _arguments: argparse.Namespace) -> None:
    from console.people.store import people  # noqa: PLC0415

    for person in await people(database):
        notes = (
            ("" if person.has_password else "no password yet"),
            ("second factor" if person.has_totp else ""),
            ("link is out" if person.has_link else ""),
        )
        print(f"{person.name:<24} {person.role:<9} {person.status:<8} {', '.join(filter(None, notes))}".rstrip())


async def _set(database: "Database", _origin: str, arguments: argparse.Namespace) -> None:
    from console.errors import FieldErrors  # noqa: PLC0415
    from console.people.store import change_person, person_named  # noqa: PLC0415

    if arguments.role is None and arguments.status is None:
        raise FieldErrors({"": "Say what to set: --role, --status or both."})
    whose = await person_named(database, arguments.name)
    await change_person(database, whose.id, actor=acting_user(), role=arguments.role, status=arguments.status)
    print(f"{whose.name}: {arguments.role or whose.role}, {arguments.status or whose.status}; every session is ended")


async def _remove(database: "Database", _origin: str, arguments: argparse.Namespace) -> None:
    from console.people.store import person_named, remove_person  # noqa: PLC0415

    whose = await person_named(database, arguments.name)
    await remove_person(database, whose.id, actor=acting_user())
    print(f"{whose.name} is removed")


def _print_link(origin: str, name: str, token: str) -> None:
    print(f"{name} chooses a password at this link; it is good once, and for 24 hours:")
    print(f"{origin}/welcome/{token}")


def _complain(message: str, code: int) -> int:
    print(f"identd: {printable(message)}", file=sys.stderr)
    return code


def _nothing(_parser: argparse.ArgumentParser) -> None:
    pass


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")


def _name_and_role(parser: argparse.ArgumentParser) -> None:
    _name(parser)
    parser.add_argument("--role", required=True, choices=ROLES)


def _name_and_changes(parser: argparse.ArgumentParser) -> None:
    _name(parser)
    parser.add_argument("--role", choices=ROLES)
    parser.add_argument("--status", choices=STATUSES)


TASKS: dict[str, _Task] = {
    "add": _Task("somebody new; prints a one-time link", _name_and_role, _add),
    "link": _Task("another one-time link: a forgotten password, a lost second factor", _name, _link),
    "list": _Task("who there is", _nothing, _list),
    "set": _Task("another role or status; ends every session of theirs", _name_and_changes, _set),
    "remove": _Task("gone; the audit log keeps the name", _name, _remove),
}
