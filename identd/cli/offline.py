"""The subcommands that need no running daemon: the daemon itself, its schema, its configuration, its secrets.

Each imports what it needs when it is called, so that `identd identify` does not load a database driver first.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from identd.cli.answers import OK, USAGE
from identd.cli.requests import UsageError
from identd.cli.show import printable

FAILED = 1
"""Exit code where the command line was right and the thing could not be done."""

DEFAULT_CONFIG = Path("config/identd.toml")
DSN_VARIABLE = "IDENTD_DATABASE_DSN"


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


def _check_config(arguments: argparse.Namespace) -> int:
    from identd.settings import SettingsError, load_settings  # noqa: PLC0415

    try:
        load_settings(arguments.config, os.environ)
    except SettingsError as error:
        for problem in error.problems:
            print(printable(f"{error.path}: {problem}"), file=sys.stderr)
        return USAGE
    print(f"{printable(str(arguments.config))}: good")
    return OK


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


OFFLINE: dict[str, Command] = {
    "serve": Command("the daemon, in the foreground; SIGTERM drains", _config, _serve),
    "check-config": Command("read the configuration and say what is wrong", _config, _check_config),
    "init-db": Command("create or upgrade the schema", _dsn, _init_db),
}


def add_offline(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Every subcommand of the table."""
    for name, command in OFFLINE.items():
        command.arguments(subcommands.add_parser(name, help=command.help, description=command.help))
