"""The subcommands that ask a running daemon one thing: their arguments, and the request these make.

One table: the name of a subcommand, which groups of arguments it takes, and how the request is built from them.
"""

import argparse
import getpass
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from protocol.client_settings import TIMEOUT_SECONDS, Address
from protocol.messages import LISTED_CALLS_MAX, AnyRequest, Authorize, Calls, Identify, Release, Start, Status

DEFAULT_SOCKET = "run/identd.sock"
SECRET_VARIABLE = "IDENTD_GATEWAY_SECRET"  # noqa: S105 - the name of a variable, not a secret

Arguments = argparse.Namespace


class UsageError(Exception):
    """The command line cannot be followed; the message says why."""


# --- groups of arguments


def _to_the_daemon(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--socket", metavar="PATH", default=DEFAULT_SOCKET, help="the daemon's Unix socket (%(default)s)"
    )
    where.add_argument("--tcp", metavar="HOST:PORT", type=host_and_port, help="ask over TCP instead")
    parser.add_argument("--gateway", metavar="NAME", help="the gateway that asks; needed over TCP")
    parser.add_argument(
        "--secret-file", metavar="FILE", type=Path, help=f"holds the gateway's secret; else ${SECRET_VARIABLE}"
    )
    parser.add_argument("--json", action="store_true", help="print the wire object and nothing else")
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=_seconds, default=TIMEOUT_SECONDS, help="wait so long (%(default)s)"
    )


def _call_keys(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dnis", required=True, metavar="NUMBER", help="the called number, tech prefix and all")
    parser.add_argument("--ip", metavar="ADDRESS", help="the far end's address")
    parser.add_argument("--port", type=int, default=0, metavar="PORT", help="the far end's port (0: unknown)")
    parser.add_argument("--protocol", metavar="NAME", help="the far end's protocol: sip, h323, …")
    parser.add_argument("--ani", metavar="NUMBER", help="the calling number")
    parser.add_argument("--name", metavar="NAME", help="the name the call came with")
    parser.add_argument("--name-verified", action="store_true", help="the switch vouches for the name")
    password = parser.add_mutually_exclusive_group()
    password.add_argument(
        "--password-file", metavar="FILE", type=Path, help="holds the password that proves the name"
    )
    password.add_argument("--ask-password", action="store_true", help="ask for it on the terminal")
    parser.add_argument("--direction", choices=("orig", "term"), default="orig", help="(%(default)s)")


def _explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--explain", action="store_true", help="say of every account looked at why it won or not")


def _call_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--call-id", required=True, metavar="ID", help="the call, as the switch names it")
    parser.add_argument("--leg", default="", help="the leg of the call, if it has several")


def _cause(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cause", help="why it ended, for the log")


def _which_calls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--account-id", type=int, metavar="ID", help="only this account's")
    parser.add_argument("--client-id", type=int, metavar="ID", help="only this client's")
    parser.add_argument(
        "--limit", type=int, default=LISTED_CALLS_MAX, metavar="N", help="at most so many (%(default)s)"
    )


# --- from arguments to requests


def _call_values(arguments: Arguments) -> dict[str, Any]:
    return {
        "id": 1,
        "dnis": arguments.dnis,
        "direction": arguments.direction,
        "ip": arguments.ip,
        "port": arguments.port,
        "protocol": arguments.protocol,
        "name": arguments.name,
        "name_verified": arguments.name_verified,
        "password": _password(arguments),
        "ani": arguments.ani,
        "explain": arguments.explain,
    }


def _password(arguments: Arguments) -> str | None:
    if arguments.ask_password:
        return getpass.getpass("password: ")
    return first_line(arguments.password_file) if arguments.password_file else None


def _explained(arguments: Arguments) -> Identify:
    arguments.explain = True
    return Identify(**_call_values(arguments))


def _authorize(arguments: Arguments) -> Authorize:
    return Authorize(**_call_values(arguments), call_id=arguments.call_id, leg=arguments.leg)


def _calls(arguments: Arguments) -> Calls:
    return Calls(
        id=1,
        account_id=arguments.account_id,
        client_id=arguments.client_id,
        gateway=arguments.gateway,
        limit=arguments.limit,
    )


class Question(NamedTuple):
    """One subcommand: what it is for, the arguments it takes, the request they make."""

    help: str
    arguments: tuple[Callable[[argparse.ArgumentParser], None], ...]
    request: Callable[[Arguments], AnyRequest]


QUESTIONS: dict[str, Question] = {
    "identify": Question(
        "whose call is it? changes nothing",
        (_call_keys, _explain),
        lambda arguments: Identify(**_call_values(arguments)),
    ),
    "explain": Question("whose call is it, and why not another's?", (_call_keys,), _explained),
    "authorize": Question("may this call go on? takes a slot", (_call_keys, _explain, _call_name), _authorize),
    "start": Question(
        "the call was answered",
        (_call_name,),
        lambda arguments: Start(id=1, call_id=arguments.call_id, leg=arguments.leg),
    ),
    "release": Question(
        "the call ended: gives the slot back",
        (_call_name, _cause),
        lambda arguments: Release(id=1, call_id=arguments.call_id, leg=arguments.leg, cause=arguments.cause),
    ),
    "calls": Question("live calls, oldest first", (_which_calls,), _calls),
    "status": Question("is the daemon ready, how old is its data", (), lambda _: Status(id=1)),
}


def add_questions(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Every subcommand of the table."""
    for name, question in QUESTIONS.items():
        parser = subcommands.add_parser(name, help=question.help, description=question.help)
        for group in question.arguments:
            group(parser)
        _to_the_daemon(parser)


# --- who asks, and whom


def address_of(arguments: Arguments) -> Address:
    """Where the daemon listens."""
    if arguments.tcp is not None:
        host_port: tuple[str, int] = arguments.tcp
        return host_port
    path: str = arguments.socket
    return path


def gateway_of(arguments: Arguments) -> str | None:
    """The gateway to say hello as. A list of calls asked for locally is narrowed to it and needs no hello."""
    gateway: str | None = arguments.gateway
    return None if arguments.command == "calls" and arguments.tcp is None else gateway


def secret_of(arguments: Arguments, environ: Mapping[str, str] = os.environ) -> str | None:
    """The gateway's secret: from a file or the environment, never from the command line, which `ps` shows."""
    return first_line(arguments.secret_file) if arguments.secret_file else environ.get(SECRET_VARIABLE) or None


def first_line(path: Path) -> str:
    """The first line of a file, without its end. Raises `UsageError` if there is none to read."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or 'is not UTF-8 text'}") from error


_HOST_PORT = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:]+)):(?P<port>\d{1,5})")


def host_and_port(text: str) -> tuple[str, int]:
    """`127.0.0.1:7878`, `switch.example:7878` or `[::1]:7878`."""
    matched = _HOST_PORT.fullmatch(text)
    if matched is None or not 0 < int(matched["port"]) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    host = matched["v6"] or matched["host"]
    try:
        host.encode("idna")  # as the resolver will
    except UnicodeError:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT: the host is no name") from None
    return host, int(matched["port"])


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0 and up to 3600")
    return seconds
