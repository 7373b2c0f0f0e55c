"""What a measurement of the console needs running: the console as its own process, and an operator with a browser.

The operator is logged in as the console itself logs people in, and keeps one connection open, as browsers do. No
answer is taken for good that the operator would not have: another status than the expected one ends the bench.
"""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlencode, urlsplit, urlunsplit

import trio
import trio_asyncio

from bench.changes import Database as OwnersDatabase
from bench.population import Population
from bench.running import STOP_SECONDS_MAX, RunningDaemon
from console.database import open_database
from console.people.keys import make_key
from console.people.sessions import COOKIE, open_session
from console.people.store import add_person
from demo.postgres import DSN_VARIABLE

READY_SECONDS_MAX = 60.0
ANSWER_SECONDS_MAX = 120.0  # far above what is measured; longer is a fault and not a figure
PERSON = "bench"
BOUNDARY = "a-line-that-no-file-of-ours-has"

CONFIGURATION = """
[state]
directory = "{folder}/state"
[socket]
unix = "{folder}/identd.sock"
tcp = ""
[metrics]
listen = ""
[console]
listen = "127.0.0.1:{port}"
[log]
level = "warning"
"""


class Stage(NamedTuple):
    """All that a part of the measurement works on; `database` is a connection as its owner."""

    people: Population
    daemon: RunningDaemon
    console: "RunningConsole"
    granted: "Pass"
    database: OwnersDatabase
    folder: Path


class Pass(NamedTuple):
    """What lets in: a person's session (`cookie`, and `csrf` for their forms) and a key of the API."""

    origin: str
    cookie: str
    csrf: str
    key: str


class Answer(NamedTuple):
    """What came back, headers in small letters; milliseconds from the first byte sent to the last received."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    milliseconds: float

    @property
    def location(self) -> str:
        """Where it sends the browser on to; "" for nowhere."""
        return self.headers.get("location", "")


def console_dsn(dsn: str, environ: Mapping[str, str] = os.environ) -> str:
    """As the console's own role on a server of ours; on a named one as whoever the DSN names."""
    if environ.get(DSN_VARIABLE):
        return dsn
    parts = urlsplit(dsn)
    return urlunsplit(parts._replace(netloc=f"identd_console@{parts.netloc.rpartition('@')[2]}"))


class RunningConsole:
    """`identd console` over the daemon and the database in `folder`, answering. A context manager."""

    def __init__(self, folder: Path, dsn: str, port: int) -> None:
        self.origin = f"http://127.0.0.1:{port}"
        self.dsn = console_dsn(dsn)
        self.configuration = folder / "console.toml"
        self.configuration.write_text(CONFIGURATION.format(folder=folder, port=port))
        self._process = subprocess.Popen(
            [Path(sys.executable).with_name("identd"), "console", "--config", self.configuration],
            env={**os.environ, "IDENTD_CONSOLE_DSN": self.dsn},
            stdin=subprocess.DEVNULL,
        )
        try:
            self._await_answer(port)
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    def _await_answer(self, port: int) -> None:
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise SystemExit(f"the console ended with {self._process.returncode} before it answered")
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_SECONDS_MAX)
            try:
                connection.request("GET", "/login")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.05)
            finally:
                connection.close()
        raise SystemExit(f"the console did not answer within {READY_SECONDS_MAX:.0f} s")

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def move_to(self, core: int) -> None:
        """On this core from now on, with what threads it has."""
        for thread in Path(f"/proc/{self.pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        died = self._process.poll()
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if error is not None:
            return
        if died is not None:
            raise SystemExit(f"the console died in the middle of the bench (exit {died}): its log is above")
        if self._process.returncode:
            raise SystemExit(f"the console ended with {self._process.returncode}")

    def admit(self, name: str = PERSON) -> Pass:
        """Somebody who may do everything, logged in, and a key that may too."""
        return trio.run(self._admit, name)

    async def _admit(self, name: str) -> Pass:
        async with trio_asyncio.open_loop(), open_database(self.dsn, 1) as database:
            now = time.time()
            person_id = await add_person(database, name, "admin", actor="bench")
            session = await open_session(database, person_id, now, address="127.0.0.1", agent="bench")
            key = await make_key(database, name, "admin", actor="bench", now=now)
            return Pass(self.origin, f"{COOKIE}={session.token}", session.csrf, key)


class Browser:
    """One connection that is kept open; one thread at a time. A context manager."""

    def __init__(self, granted: Pass) -> None:
        self._granted = granted
        address = urlsplit(granted.origin)
        assert address.hostname is not None, "an origin has a host"
        self._connection = http.client.HTTPConnection(address.hostname, address.port, timeout=ANSWER_SECONDS_MAX)
        self._began = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def get(self, path: str, *statuses: int) -> Answer:
        """A page, or through `/api/` what a program reads."""
        self._send("GET", path, None, {})
        return self.answer(path, *(statuses or (200,)))

    def post(self, path: str, fields: Sequence[tuple[str, str]], *statuses: int) -> Answer:
        """A form; 303 unless other statuses are expected."""
        self.send(path, fields)
        return self.answer(path, *(statuses or (303,)))

    def send(self, path: str, fields: Sequence[tuple[str, str]]) -> None:
        """A form, without waiting; `answer` is what came of it."""
        body = urlencode([("csrf", self._granted.csrf), *fields]).encode()
        self._send("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})

    def upload(self, path: str, field: str, file_name: str, data: bytes) -> Answer:
        """A form with a file in it."""
        head = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{self._granted.csrf}\r\n'
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="{file_name}"\r\n'
            "Content-Type: text/csv\r\n\r\n"
        )
        body = head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()
        self._send("POST", path, body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
        return self.answer(path, 303)

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> None:
        who = (
            {"Authorization": f"Bearer {self._granted.key}"}
            if path.startswith("/api/")
            else {"Cookie": self._granted.cookie, "Origin": self._granted.origin}
        )
        self._began = time.perf_counter()
        self._connection.request(method, path, body, {**who, **headers})

    def answer(self, path: str, *statuses: int) -> Answer:
        """To what was sent last. Raises `SystemExit` where it has none of these statuses."""
        response = self._connection.getresponse()
        body = response.read()
        milliseconds = (time.perf_counter() - self._began) * 1000
        if response.status not in statuses:
            raise SystemExit(
                f"{path}: the console answered {response.status}: {body[:2000].decode(errors='replace')}"
            )
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, body, milliseconds)

    def stream(self, path: str) -> http.client.HTTPResponse:
        """An answer that does not end, to be read line by line; nothing else goes over this connection any more."""
        self._send("GET", path, None, {})
        return self._connection.getresponse()


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []
        self._is_inside = False
        self._text = self._select = ""
        self._options: list[tuple[bool, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_inside = given.get("class") == "account"
        if not self._is_inside:
            return
        name = given.get("name", "")
        if tag == "input" and "disabled" not in given:
            if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                self.fields.append((name, given.get("value", "")))
        elif tag == "select":
            self._select, self._options = name, []
        elif tag == "option" and self._select:
            self._options.append(("selected" in given, given.get("value", "")))
        elif tag == "textarea":
            self._text = name
            self.fields.append((name, ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "select" and self._select:
            chosen = [value for is_chosen, value in self._options if is_chosen]
            self.fields.append((self._select, (chosen or [value for _, value in self._options[:1]] or [""])[0]))
            self._select = ""
        elif tag == "textarea":
            self._text = ""
        elif tag == "form":
            self._is_inside = False

    def handle_data(self, data: str) -> None:
        if self._text:
            name, text = self.fields[-1]
            self.fields[-1] = (name, text + data)


def account_form(page: bytes) -> dict[str, list[str]]:
    """What a browser would send back of the account form on this page, by field, without the token."""
    form = _Form()
    form.feed(page.decode())
    values: dict[str, list[str]] = {}
    for name, text in form.fields:
        if name not in ("", "csrf"):
            values.setdefault(name, []).append(text)
    return values


def pairs_of(values: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """The form as `Browser.post` takes it."""
    return [(name, text) for name, texts in values.items() for text in texts]
