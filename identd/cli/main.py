"""`identd …`: one program for the daemon, its database and one question at a time to a running daemon.

Exit codes: 0 grant or ok, 1 refused, 2 usage or an error answer, 3 no daemon, 4 unavailable (`answers.py`).
"""

import argparse
import io
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import msgspec

from identd.cli.answers import NO_DAEMON, OK, USAGE, exit_code, shown
from identd.cli.offline import OFFLINE, add_offline
from identd.cli.requests import QUESTIONS, UsageError, add_questions, address_of, gateway_of, secret_of
from identd.cli.show import Paint, printable, wants_colour
from protocol.client_blocking import BlockingClient
from protocol.errors import IdentdUnavailable, ProtocolViolation, RequestRefused
from protocol.messages import AnyAnswer, ErrorAnswer


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(prog="identd", description="real-time call authorization for telephone switches")
    subcommands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    add_offline(subcommands)
    add_questions(subcommands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; the exit code."""
    arguments = parser().parse_args(argv)
    try:
        _check_text(arguments)
        if arguments.command in OFFLINE:
            return OFFLINE[arguments.command].execute(arguments)
        return _ask(arguments)
    except UsageError as error:
        return _complain(str(error), USAGE)
    except (IdentdUnavailable, ProtocolViolation) as error:
        return _complain(str(error), NO_DAEMON)
    except BrokenPipeError:  # `identd calls | head`: whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        if arguments.command == "serve":  # the daemon's end: whoever mends it needs the whole traceback
            raise
        # Python's own exit code would be 1, which says that the call was refused
        return _complain(_fault(error), USAGE)


def _check_text(arguments: argparse.Namespace) -> None:
    """A path may be any bytes; everything else is UTF-8, which is all that the wire and the database carry."""
    for name, value in vars(arguments).items():
        for text in value if isinstance(value, list) else (value,):
            if isinstance(text, str) and name != "socket":
                try:
                    text.encode()
                except UnicodeEncodeError:
                    raise UsageError(f"{name}: is not UTF-8 text") from None


def _fault(error: Exception) -> str:
    """What to report. Without the exception's own words: they may quote a password or a DSN."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"a fault of ours, please report it: {type(error).__name__} at {Path(place.filename).name}:{place.lineno}"


def _ask(arguments: argparse.Namespace) -> int:
    request = QUESTIONS[arguments.command].request(arguments)
    answer: AnyAnswer
    with BlockingClient(
        address_of(arguments),
        gateway=gateway_of(arguments),
        secret=secret_of(arguments),
        timeout=arguments.timeout,
    ) as client:
        try:
            (answer,) = client.call_many((request,))
        except RequestRefused as refused:  # of the hello
            answer = ErrorAnswer(id=None, op="error", code=refused.code, field=refused.field, message=refused.message)
    if arguments.json:
        print(msgspec.json.encode(answer).decode())
    else:
        stream = sys.stderr if isinstance(answer, ErrorAnswer) else sys.stdout
        print(*shown(answer, Paint(wants_colour(stream, os.environ))), sep="\n", file=stream)
    sys.stdout.flush()
    return exit_code(answer)


def _complain(message: str, code: int) -> int:
    print(f"identd: {printable(message)}", file=sys.stderr)
    return code


def run() -> None:
    """The entry point of the `identd` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show a name is no reason not to answer
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())
