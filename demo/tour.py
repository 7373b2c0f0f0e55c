"""What `bin/demo` runs: PostgreSQL, the schema, the sample, the daemon, then every step of `steps.py`.

Exit status: 0 if every answer was the expected one, 1 if not, 2 if something that it needs is not there.
"""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from demo import sql
from demo.binaries import PostgresMissingError
from demo.console import one_time_link, running_console
from demo.daemon import DaemonFailedError, running_daemon
from demo.postgres import OwnServer, running_postgres
from demo.sample import Phone, database_with
from demo.steps import ANY, CHAPTERS, LONDON, PASSWORD, PHONE, PHONE_ID, REALM, Ask, Change, Look, Step
from demo.switch import ADDRESS, keep_calling
from demo.telling import coloured, in_words, line
from protocol.client_blocking import BlockingClient
from protocol.messages import AnyRequest, Status, StatusAnswer

CHANGE_SECONDS_MAX = 10.0  # a change is in force in milliseconds; the rest is for a machine that is busy otherwise
INTERRUPTED = 130  # as a shell says it: the tour was not finished
SAMPLE = Path(__file__).with_name("accounts.sql")


def differences(expected: Mapping[str, Any], answer: Mapping[str, Any]) -> list[str]:
    """The keys in which an answer is not the expected one."""
    return [
        key
        for key, value in expected.items()
        if (answer.get(key) is None if value is ANY else answer.get(key) != value)
    ]


class Interruption:
    """What a signal that asks us to end leaves behind, beside the `KeyboardInterrupt` that it raises.

    Python drops an exception that comes while it runs a callback of its own (after a fork, in a finalizer), so that
    a signal is now and then heard only by whoever `check`s.
    """

    __slots__ = ("asked",)

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, _number: int, _frame: object) -> None:
        self.asked = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raises KeyboardInterrupt where one was dropped."""
        if self.asked:
            raise KeyboardInterrupt


class Tour:
    """Takes the steps one after another and tells each; `wrong` counts those that came out otherwise."""

    __slots__ = ("_client", "_colour", "_dsn", "_interruption", "right", "wrong")

    def __init__(self, client: BlockingClient, dsn: str, interruption: Interruption) -> None:
        self._client = client
        self._dsn = dsn
        self._interruption = interruption
        self._colour = coloured(sys.stdout)
        self.right = 0
        self.wrong = 0

    def take(self) -> None:
        for chapter in CHAPTERS:
            print(f"\n{chapter.title}")
            for step in chapter.steps:
                self._interruption.check()
                self._tell(step, *self._taken(step))

    def _taken(self, step: Step) -> tuple[str, str, bool]:
        """What was expected, what came, both in words, and whether they agree."""
        match step:
            case Ask():
                answer = self.ask(step)
                told = {key: answer.get(key) for key in step.expected}
                told |= {key: answer[key] for key in ("reason", "account", "code") if key in answer}
                return in_words(step.expected), in_words(told), not differences(step.expected, answer)
            case Change():
                seconds = self._change(step.sql)
                if seconds is None:
                    return "another answer", f"nothing within {CHANGE_SECONDS_MAX:.0f} s", False
                return (
                    "",
                    f"{step.sql if len(step.sql) < 80 else 'committed'} → in force after {seconds * 1000:.0f} ms",
                    True,
                )
            case Look():
                ((value,),) = sql.query(self._dsn, step.sql)
                return step.expected, str(value), str(value) == step.expected

    def ask(self, step: Ask) -> dict[str, Any]:
        """One request by its keys; the answer by its keys."""
        request = msgspec.convert({"op": step.op, "id": self._client.next_id(), **step.keys}, AnyRequest)
        (answer,) = self._client.call_many([request])
        told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(answer))  # lists, as on the wire
        return told

    def _change(self, text: str) -> float | None:
        """Commits it and waits until it is in force; the seconds between, None if it never was."""
        before = self._generation()
        sql.execute(self._dsn, text)
        committed = time.monotonic()
        while (waited := time.monotonic() - committed) < CHANGE_SECONDS_MAX:
            if self._generation() > before:
                return waited
            time.sleep(0.001)
        return None

    def _generation(self) -> int:
        answer = self._client.call(Status(id=self._client.next_id()))
        assert isinstance(answer, StatusAnswer), "the client matches answers to requests"
        return answer.generation

    def _tell(self, step: Step, expected: str, answered: str, right: bool) -> None:
        if right:
            self.right += 1
        else:
            self.wrong += 1
        print(line(step.title, expected, answered, right, self._colour), flush=True)


@contextlib.contextmanager
def state_folder(chosen: Path | None) -> Iterator[Path]:
    """Where the demo's files are: `chosen`, which stays, or a folder of ours, which goes again."""
    if chosen is not None:
        chosen.mkdir(parents=True, exist_ok=True)
        yield chosen.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="identd-demo-") as name:
        Path(name).chmod(0o711)  # the database's user must pass through; it lists nothing
        yield Path(name)


def _hint(socket: Path) -> str:
    request = f'{{"op":"identify","id":1,"ip":"192.0.2.10","dnis":"1234#{LONDON}","explain":true}}'
    program = Path(sys.executable).with_name("identd")
    return (
        f"\nThe daemon listens on {socket}. In another terminal:\n"
        f"  printf '{request}\\n' | nc -U {socket}\n"
        f"  {program} explain --socket {socket} --ip 192.0.2.10 --dnis '1234#{LONDON}'\n"
    )


def _invitation(url: str, link: str) -> str:
    return (
        f"\nThe console is at {url}. Choose a password at this link (it works once, for a day):\n  {link}\n"
        f"There, make a New Account identified by IP {ADDRESS} with Originator Settings checked, and press OK: the\n"
        "switch of this demo keeps calling from that address, and says below when it gets another answer.\n"
        "Ctrl-C ends it all.\n"
    )


def run(arguments: Sequence[str]) -> int:
    """The whole demo; returns the exit status."""
    parser = argparse.ArgumentParser(prog="bin/demo", description="PostgreSQL, sample accounts, the daemon, calls.")
    parser.add_argument("--once", action="store_true", help="end after the tour")
    parser.add_argument("--state", type=Path, metavar="DIR", help="where its files are (default: a temporary folder)")
    chosen = parser.parse_args(arguments)
    # all end it in the same orderly way; a shell that starts it in the background has Ctrl-C ignored, which we undo
    interruption = Interruption()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interruption)
    try:
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(state_folder(chosen.state))
            postgres = stack.enter_context(running_postgres(os.environ, folder / "pg"))
            database = stack.enter_context(
                database_with(postgres, "demo", SAMPLE, Phone(PHONE_ID, PHONE, PASSWORD, REALM))
            )
            daemon_dsn = console_dsn = postgres.dsn(database)
            if isinstance(postgres, OwnServer):  # on a server of somebody else's these roles have no password yet
                daemon_dsn = postgres.dsn(database, user="identd_reader")
                console_dsn = postgres.dsn(database, user="identd_console")
            print(
                f"PostgreSQL: {postgres.folder if isinstance(postgres, OwnServer) else 'the one named'}", flush=True
            )
            client = stack.enter_context(running_daemon(folder, daemon_dsn))
            url = stack.enter_context(running_console(folder, console_dsn))
            link = one_time_link(folder, console_dsn)
            tour = Tour(client, postgres.dsn(database), interruption)
            tour.take()
            interruption.check()
            print(f"\n{tour.right} as expected, {tour.wrong} not", flush=True)
            if not chosen.once:
                print(_hint(folder / "run" / "identd.sock") + _invitation(url, link), flush=True)
                keep_calling(client)
            return 1 if tour.wrong else 0
    except (PostgresMissingError, DaemonFailedError) as error:
        print(f"bin/demo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped", flush=True)
        return INTERRUPTED if chosen.once else 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
