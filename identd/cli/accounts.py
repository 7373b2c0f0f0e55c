"""`identd accounts …`: accounts from the command line, through the code of the console; no console needs to run.

Exit codes: 0 done, 1 it cannot be done (each field's error is told), 2 usage or configuration, 3 no database.
Passwords are asked for or read from a pipe (`password=-`), never taken from the command line, which `ps` shows.
"""

import argparse
import getpass
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import msgspec

from identd.cli.acting import acting_user
from identd.cli.answers import NO_DAEMON, OK, USAGE
from identd.cli.requests import UsageError
from identd.cli.show import Paint, printable, table, wants_colour

if TYPE_CHECKING:
    from console.objects.account import Account
    from console.objects.listing import AccountFilter
    from console.transfer.command import Desk, Done
    from console.transfer.imports import ImportLine

FAILED = 1
NO_DATABASE = NO_DAEMON
CONNECT_SECONDS = 0.5
LISTED = 1000
LISTED_MAX = 1_000_000
STDIO = "-"
COLUMNS = ("id", "client", "name", "ident_by", "ident", "tech_prefix", "orig", "term", "status")

NOT_IN_FORCE = "saved; the daemon has not taken it over yet"
IN_FORCE = "calls are judged by it from now on"


class _Task(NamedTuple):
    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    execute: "Callable[[Desk, argparse.Namespace], Awaitable[int]]"


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
    """Do the task; the exit code."""
    import trio  # noqa: PLC0415 - as in offline.py: not before it is needed

    from identd.credentials import CredentialsError  # noqa: PLC0415
    from identd.sealing import load_keys  # noqa: PLC0415
    from identd.settings import SettingsError, load_settings  # noqa: PLC0415

    try:
        settings = load_settings(arguments.config, os.environ)
        keys = load_keys(settings.credentials)
    except SettingsError as error:
        for problem in error.problems:
            print(printable(f"{error.path}: {problem}"), file=sys.stderr)
        return USAGE
    except CredentialsError as error:
        raise UsageError(f"{arguments.config}: {error}") from error
    if "values" in arguments:
        arguments.values = _values(arguments.values)
    if "filters" in arguments:
        arguments.wanted = _wanted(arguments.filters)

    async def run() -> int | Exception:
        import trio_asyncio  # noqa: PLC0415

        from console.daemon import Daemon  # noqa: PLC0415
        from console.database import open_database  # noqa: PLC0415
        from console.transfer.command import Desk  # noqa: PLC0415
        from protocol.client_trio import Client  # noqa: PLC0415

        async with (
            trio_asyncio.open_loop(),
            open_database(arguments.dsn or settings.console.dsn, 2) as database,
            Client(settings.socket.unix, connect_seconds=CONNECT_SECONDS) as client,
        ):
            desk = Desk(database, Daemon(client), keys, acting_user())
            try:
                return await TASKS[arguments.task].execute(desk, arguments)
            except (UsageError, OSError) as error:  # out of the nurseries around us, which would make groups of them
                return error
            except Exception as error:
                code = _explained(error)
                return error if code is None else code

    outcome = trio.run(run)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _explained(error: Exception) -> int | None:
    """Say what went wrong, if it is something to be expected; the exit code."""
    import asyncpg  # noqa: PLC0415

    from console.errors import (  # noqa: PLC0415
        BusyError,
        ChangedError,
        DatabaseAwayError,
        FieldErrors,
        NotFoundError,
    )
    from console.transfer.writing import ConflictError  # noqa: PLC0415

    match error:
        case FieldErrors():
            for field, sentence in error.errors.items():
                _complain(f"{field}: {sentence}" if field else sentence)
            return FAILED
        case ConflictError():
            _complain(f"nothing was written: {error}")
            return FAILED
        case NotFoundError() | ChangedError() | BusyError():
            _complain(str(error))
            return FAILED
        case DatabaseAwayError():
            _complain(str(error))
            return NO_DATABASE
        case asyncpg.PostgresError():  # no such table, no such privilege: its text may quote what it likes
            _complain(f"the database refuses: {type(error).__name__}; has init-db been run?")
            return NO_DATABASE
    return None


# --- arguments


def _listing(parser: argparse.ArgumentParser) -> None:
    _filtering(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object an account, all of them")
    parser.add_argument(
        "--limit", metavar="N", type=_count, default=LISTED, help="show at most so many (%(default)s)"
    )


def _exporting(parser: argparse.ArgumentParser) -> None:
    _filtering(parser)
    parser.add_argument("file", metavar="FILE", nargs="?", default=STDIO, help="where to; else standard output")
    parser.add_argument("--spreadsheet", action="store_true", help="guard cells that a spreadsheet would change")


def _filtering(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--filter", metavar="NAME=VALUE", action="append", default=[], dest="filters",
        help="as in the table's URL: q, ident, tech_prefix, client, orig, term, state, …; may repeat",
    )  # fmt: skip


def _importing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="CSV in UTF-8; - is standard input")
    parser.add_argument("--commit", action="store_true", help="write it, if no line has an error; else a dry run")
    parser.add_argument(
        "--update", action="store_true", help="lines without an id may change the account of their client and name"
    )


def _adding(parser: argparse.ArgumentParser) -> None:
    _giving(parser)


def _changing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", type=_id)
    _giving(parser)


def _giving(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "values", metavar="FIELD=VALUE", nargs="+", help="a column of the CSV; an empty value clears; password=- asks"
    )


def _naming(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", type=_id)


def _deleting(parser: argparse.ArgumentParser) -> None:
    _naming(parser)
    parser.add_argument(
        "--yes-delete", metavar="NAME", required=True,
        help="the account's name, to be sure: its statistics go and what was charged is given back",
    )  # fmt: skip


def _id(text: str) -> int:
    from console.objects.row_id import read_id  # noqa: PLC0415

    if (row_id := read_id(text)) is None:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no id")
    return row_id


def _count(text: str) -> int:
    from console.objects.row_id import read_count  # noqa: PLC0415

    if (count := read_count(text, LISTED_MAX)) is None:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number from 0 to {LISTED_MAX}")
    return count


def _values(pairs: Sequence[str]) -> dict[str, str]:
    values = dict(_pair(text, "FIELD=VALUE") for text in pairs)
    if len(values) < len(pairs):
        raise UsageError("a field is given twice")
    if values.get("password"):
        if values["password"] != STDIO:
            raise UsageError("a password on the command line is seen by others: give password=- and it is asked for")
        is_asked = sys.stdin.isatty()
        values["password"] = getpass.getpass("password: ") if is_asked else sys.stdin.readline().rstrip("\r\n")
        if not values["password"]:
            raise UsageError("no password was given")
    return values


def _wanted(pairs: Sequence[str]) -> "AccountFilter":
    from console.errors import FieldErrors  # noqa: PLC0415
    from console.objects.listing_query import read_query  # noqa: PLC0415

    try:
        return read_query([_pair(text, "NAME=VALUE") for text in pairs], strict=True)[0]
    except FieldErrors as wrong:
        raise UsageError("; ".join(f"--filter {name}: {said}" for name, said in wrong.errors.items())) from wrong


def _pair(text: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"{text[:60]!r} is not {form}")
    return name, value


# --- tasks


async def _list(desk: "Desk", arguments: argparse.Namespace) -> int:
    from console.store.listing import export_pages  # noqa: PLC0415

    limit: int = arguments.limit
    rows: list[tuple[object, ...]] = []
    async with (
        desk.database.transaction(desk.actor, readonly=True) as tx,
        aclosing(export_pages(tx, arguments.wanted)) as pages,
    ):
        async for accounts in pages:
            if arguments.json:
                print(*(msgspec.json.encode(account).decode() for account in accounts), sep="\n")
                continue
            rows += map(_listed, accounts[: limit + 1 - len(rows)])
            if len(rows) > limit:  # that there are more is known, and no more is read
                break
    if not arguments.json:
        shown = rows[:limit]
        lines = table(COLUMNS, shown, Paint(wants_colour(sys.stdout, os.environ))) if rows else ["no accounts"]
        print(*lines, sep="\n")
        if len(rows) > limit:
            print("and more; --limit shows them")
    return OK


def _listed(account: "Account") -> tuple[object, ...]:
    """In the order of COLUMNS."""
    ident = "; ".join(account.ip) or account.ident_name or account.ani
    directions = ("on" if on else "off" for on in (account.orig_enabled, account.term_enabled))
    of = (account.client, account.name, account.ident_by, ident, account.tech_prefix)
    return (account.id, *of, *directions, account.status)


async def _export(desk: "Desk", arguments: argparse.Namespace) -> int:
    from console.transfer.exporting import export  # noqa: PLC0415

    with _opened(arguments.file) as file:
        async with (
            desk.database.transaction(desk.actor, isolation="repeatable_read", readonly=True) as tx,
            aclosing(export(tx, arguments.wanted, for_spreadsheets=arguments.spreadsheet)) as pieces,
        ):
            async for piece in pieces:
                file.write(piece)
    return OK


async def _import(desk: "Desk", arguments: argparse.Namespace) -> int:
    from console.transfer.command import import_file  # noqa: PLC0415

    data = _read(arguments.file)
    progress = Progress(sys.stderr.isatty())
    done = await import_file(
        desk,
        data,
        update_existing=arguments.update,
        is_to_be_written=arguments.commit,
        on_lines=_say_lines,
        on_progress=progress.show,
    )
    progress.clear()
    counts = done.counts
    print(
        f"{counts['creates']:,} to create, {counts['changes']:,} to change, {counts['same']:,} as they are, "
        f"{counts['error']:,} with errors"
    )
    if counts["error"]:
        print("nothing was written")
        return FAILED
    if not done.is_written:
        print("a dry run: nothing was written; --commit writes it")
        return OK
    print(f"written; {IN_FORCE if done.in_force else NOT_IN_FORCE}")
    return OK


def _opened(path: str) -> BinaryIO:
    try:
        return os.fdopen(os.dup(sys.stdout.fileno()), "wb") if path == STDIO else open(path, "wb")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _read(path: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if path == STDIO else Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _say_lines(lines: "Sequence[ImportLine]") -> None:
    for line in lines:
        whom = printable(line.account) + (f" ({line.account_id})" if line.account_id else "")
        if line.outcome == "error":
            said = "; ".join(f"{field}: {text}" if field else text for field, text in line.details)
        elif line.outcome == "changes":
            said = "; ".join(f"{field}: {was or '-'} → {becomes or '-'}" for field, was, becomes in line.details)
        else:
            said = "; ".join(f"{field}: {text}" for field, _, text in line.details)
        words = "as it is" if line.outcome == "same" else line.outcome
        text = f"line {line.line}: {words} {whom}".rstrip() + (f": {printable(said)}" if said else "")
        print(text, file=sys.stderr if line.outcome == "error" else sys.stdout)


async def _add(desk: "Desk", arguments: argparse.Namespace) -> int:
    from console.transfer.command import add  # noqa: PLC0415

    return _say("created", await add(desk, arguments.values))


async def _set(desk: "Desk", arguments: argparse.Namespace) -> int:
    from console.transfer.command import change  # noqa: PLC0415

    return _say("changed", await change(desk, arguments.id, arguments.values))


async def _deactivate(desk: "Desk", arguments: argparse.Namespace) -> int:
    from console.transfer.command import switch_off  # noqa: PLC0415

    return _say("deactivated", await switch_off(desk, arguments.id))


async def _delete(desk: "Desk", arguments: argparse.Namespace) -> int:
    from console.transfer.command import remove  # noqa: PLC0415

    done = await remove(desk, arguments.id, arguments.yes_delete)
    figures = done.figures
    if figures is not None and figures.days:
        print(
            f"statistics of {figures.days} days removed, {figures.calls} calls; {figures.amount} given back: the "
            f"balance of {printable(done.account.client)} is {figures.balance_after}"
        )
    return _say("deleted", done)


def _say(what: str, done: "Done") -> int:
    account = done.account
    print(f"{what} account {account.id}: {printable(f'{account.client} / {account.name}')}")
    print(IN_FORCE if done.in_force else NOT_IN_FORCE)
    return OK


def _complain(message: str) -> None:
    print(f"identd: {printable(message)}", file=sys.stderr)


class Progress:
    """How far it is, on standard error, where a person looks."""

    __slots__ = ("_is_shown",)

    def __init__(self, is_shown: bool) -> None:
        self._is_shown = is_shown

    def show(self, progress: float) -> None:
        """From 0 to 1."""
        if self._is_shown:
            print(f"\r{progress:4.0%}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leave no trace."""
        if self._is_shown:
            print("\r    \r", end="", file=sys.stderr, flush=True)


TASKS: Mapping[str, _Task] = {
    "list": _Task("show accounts", _listing, _list),
    "export": _Task("write accounts as CSV", _exporting, _export),
    "import": _Task("show what each line of a CSV file would do, and do it with --commit", _importing, _import),
    "add": _Task("create an account", _adding, _add),
    "set": _Task("change fields of an account", _changing, _set),
    "deactivate": _Task("switch an account off in both directions", _naming, _deactivate),
    "delete": _Task("delete an account; its charges go back to its client", _deleting, _delete),
}
