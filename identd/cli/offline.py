"""The subcommands that need no running daemon: the daemon itself, its schema and rows, its configuration, secrets.

Each imports what it needs when it is called, so that `identd identify` does not load a database driver first.
"""

import argparse
import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from identd.cli.answers import NO_DAEMON, OK, USAGE
from identd.cli.requests import UsageError, first_line
from identd.cli.show import printable

if TYPE_CHECKING:
    from identd.settings import SettingsError

FAILED = 1
"""Exit code where the command line was right and the thing could not be done, or `lint` found something."""
NO_DATABASE = NO_DAEMON
"""Exit code of `lint` where there is no database to read, or it cannot be read."""
LISTED_FINDINGS = 1000
LISTED_FINDINGS_MAX = 1_000_000

DEFAULT_CONFIG = Path("config/identd.toml")
DSN_VARIABLE = "IDENTD_DATABASE_DSN"
KEY_VARIABLE = "IDENTD_CREDENTIALS_KEY"


class Command(NamedTuple):
    """One subcommand: what it is for, its arguments, what does it and gives the exit code."""

    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    execute: Callable[[argparse.Namespace], int]


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", type=Path, default=DEFAULT_CONFIG, help="(%(default)s)")


def _dsn(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dsn", help=f"the database, as a role that may create; else ${DSN_VARIABLE}")


def _serve(arguments: argparse.Namespace) -> int:
    from identd.main import serve  # noqa: PLC0415 - see the head of this file

    return serve(arguments.config)


def _console(arguments: argparse.Namespace) -> int:
    from console.main import serve  # noqa: PLC0415

    return serve(arguments.config)


def _console_users(parser: argparse.ArgumentParser) -> None:
    from identd.cli.console_user import add_arguments  # noqa: PLC0415

    add_arguments(parser, DEFAULT_CONFIG)


def _console_user(arguments: argparse.Namespace) -> int:
    from identd.cli.console_user import execute  # noqa: PLC0415

    return execute(arguments)


def _check_config(arguments: argparse.Namespace) -> int:
    from identd.credentials import CredentialsError  # noqa: PLC0415
    from identd.doors import radius_clients  # noqa: PLC0415
    from identd.radius.clients import RadiusClientsError  # noqa: PLC0415
    from identd.sealing import load_keys  # noqa: PLC0415
    from identd.settings import SettingsError, load_settings  # noqa: PLC0415

    try:
        settings = load_settings(arguments.config, os.environ)
        load_keys(settings.credentials)
        radius_clients(settings.radius)
    except SettingsError as error:
        return _wrong_settings(error)
    except (CredentialsError, RadiusClientsError) as error:  # `serve` would not start with it
        raise UsageError(f"{arguments.config}: {error}") from error
    print(f"{printable(str(arguments.config))}: good")
    return OK


def _wrong_settings(error: "SettingsError") -> int:
    for problem in error.problems:
        print(printable(f"{error.path}: {problem}"), file=sys.stderr)
    return USAGE


def _init_db(arguments: argparse.Namespace) -> int:
    from loader.migrate import MigrationError, init_db  # noqa: PLC0415

    dsn = arguments.dsn or os.environ.get(DSN_VARIABLE)
    if not dsn:
        raise UsageError(f"init-db needs --dsn or {DSN_VARIABLE}")
    try:
        applied = init_db(dsn)
    except MigrationError as error:
        print(f"identd: {printable(str(error))}", file=sys.stderr)
        return FAILED
    for name in applied:
        print(f"applied {name}")
    if not applied:
        print("the schema is up to date")
    return OK


def _linting(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--dsn", help=f"the database, as a role that may read; else ${DSN_VARIABLE}")
    where.add_argument("--config", metavar="FILE", type=Path, help="the daemon's: the database is the one it names")
    parser.add_argument("--json", action="store_true", help="one JSON object a finding, and one that counts them")
    parser.add_argument(
        "--limit", metavar="N", type=_findings, default=LISTED_FINDINGS, help="show at most so many (%(default)s)"
    )


def _findings(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > LISTED_FINDINGS_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to {LISTED_FINDINGS_MAX}")
    return int(text)


def _lint(arguments: argparse.Namespace) -> int:
    from identd.settings import SettingsError, load_settings  # noqa: PLC0415
    from loader.findings import sentence  # noqa: PLC0415
    from loader.lint import LintError, lint  # noqa: PLC0415

    try:
        configured = load_settings(arguments.config, os.environ).database.dsn if arguments.config else ""
    except SettingsError as error:
        return _wrong_settings(error)
    dsn = arguments.dsn or configured or os.environ.get(DSN_VARIABLE)
    if not dsn:
        raise UsageError(f"lint needs --dsn, --config or {DSN_VARIABLE}")
    try:
        findings, summary = lint(dsn, arguments.limit)
    except LintError as error:
        print(f"identd: {printable(str(error))}", file=sys.stderr)
        return NO_DATABASE
    if arguments.json:
        for line in (*findings, summary):
            print(msgspec.json.encode(line).decode())
    else:
        for finding in findings:
            print(printable(sentence(finding)))
        counted = ", ".join(f"{count} {kind}" for kind, count in summary.by_kind.items())
        if summary.total > summary.shown:
            print(f"and {summary.total - summary.shown} more; --limit shows them")
        print(f"{summary.total} found: {counted}" if summary.total else "nothing found")
    return FAILED if summary.total else OK


def _sealing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--account-id", required=True, type=int, metavar="ID", help="the row it is bound to")
    parser.add_argument("--name", required=True, help="the account's ident_name, which is the digest username")
    parser.add_argument(
        "--realm", action="append", default=[], dest="realms", help="store HA1 for digest in this realm; may repeat"
    )
    parser.add_argument(
        "--key-file", metavar="FILE", type=Path, help=f"seal the clear text with this key; else ${KEY_VARIABLE}"
    )
    parser.add_argument(
        "--password-file",
        metavar="FILE",
        type=Path,
        help="holds the password; else it is asked for, or read from a pipe",
    )


def _seal_password(arguments: argparse.Namespace) -> int:
    from identd.credentials import CredentialsError  # noqa: PLC0415
    from identd.sealing import parse_key, read_key, sealed_column  # noqa: PLC0415

    from_environment = os.environ.get(KEY_VARIABLE)
    try:
        key = None
        if arguments.key_file is not None:
            key = read_key(arguments.key_file)
        elif from_environment:
            key = parse_key(from_environment, KEY_VARIABLE)
        password = _secret_text(arguments.password_file, "password: ")
        column = sealed_column(arguments.account_id, arguments.name, password, arguments.realms, key)
    except CredentialsError as error:
        raise UsageError(str(error)) from error
    print(column)
    return OK


def _hashing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--secret-file", metavar="FILE", type=Path, help="hash this one instead of making a new one")


def _gateway_secret(arguments: argparse.Namespace) -> int:
    from identd.sealing import hash_secret, new_secret  # noqa: PLC0415

    if arguments.secret_file is not None:
        secret = first_line(arguments.secret_file)
        if not secret:
            raise UsageError(f"{arguments.secret_file}: the first line is empty")
    else:
        secret = new_secret()
        print(f"secret       {secret}")
    print(f"secret_hash  {hash_secret(secret)}")
    return OK


def _secret_text(path: Path | None, prompt: str) -> str:
    """From a file, a person or a pipe; never from the command line, which `ps` shows."""
    if path is not None:
        return first_line(path)
    return getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")


def _accounts_tasks(parser: argparse.ArgumentParser) -> None:
    from identd.cli.accounts import add_arguments  # noqa: PLC0415

    add_arguments(parser, DEFAULT_CONFIG)


def _accounts(arguments: argparse.Namespace) -> int:
    from identd.cli.accounts import execute  # noqa: PLC0415

    return execute(arguments)


OFFLINE: dict[str, Command] = {
    "serve": Command("the daemon, in the foreground; SIGTERM drains", _config, _serve),
    "console": Command("the web page and the REST API, in the foreground", _config, _console),
    "console-user": Command(
        "who may log in to the console: add, link, list, set, remove", _console_users, _console_user
    ),
    "accounts": Command("accounts: list, export, import, add, set, deactivate, delete", _accounts_tasks, _accounts),
    "check-config": Command(
        "read the configuration and its key files, and say what is wrong", _config, _check_config
    ),
    "init-db": Command("create or upgrade the schema", _dsn, _init_db),
    "lint": Command("what an operator should look at among the accounts", _linting, _lint),
    "seal-password": Command("make the value of accounts.password", _sealing, _seal_password),
    "gateway-secret": Command("make a gateway's secret and the value of its secret_hash", _hashing, _gateway_secret),
}


def add_offline(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Every subcommand of the table."""
    for name, command in OFFLINE.items():
        command.arguments(subcommands.add_parser(name, help=command.help, description=command.help))
