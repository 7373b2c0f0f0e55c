"""A real daemon as a process of its own, the way an operator runs it, and the ways to talk to it from a test.

Each has a folder (configuration, Unix socket, state, log) and ports of its own, and short limits. Whatever is started
here ends here by its pid, also when the test fails.
"""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from protocol.client_blocking import BlockingClient
from protocol.framing import Encoding

PATIENCE_SECONDS = 20.0  # what takes milliseconds, on a machine that is busy otherwise
ANSWER_SECONDS = 10.0
IDENTD = Path(sys.executable).with_name("identd")

Value = TypeVar("Value")
Keys = dict[str, Any]


def eventually(look: Callable[[], Value], what: str, seconds: float = PATIENCE_SECONDS) -> Value:
    """The first true value that `look` gives; fails with `what` where there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := look()):
        assert time.monotonic() < deadline, f"not in {seconds:.0f} s: {what}"
        time.sleep(0.01)
    return value


def free_port() -> int:
    """A TCP port of loopback that nobody uses, outside of those that the kernel gives to clients."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


class Wire:
    """One raw connection: what is sent is what the test says, in either encoding or neither."""

    def __init__(self, address: str | tuple[str, int], encoding: Encoding = "json", source: str = "") -> None:
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(ANSWER_SECONDS)
            self.sock.connect(address)
        else:
            self.sock = socket.create_connection(
                address, timeout=ANSWER_SECONDS, source_address=(source, 0) if source else None
            )
        self.encoding = encoding
        self._held = b""
        self._id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def frame(self, keys: Mapping[str, Any]) -> bytes:
        """The request as it travels."""
        if self.encoding == "json":
            return json.dumps(keys).encode() + b"\n"
        body = msgspec.msgpack.encode(keys)
        return len(body).to_bytes(4, "big") + body

    def ask(self, op: str, **keys: Any) -> Keys:
        """One request, with an id of its own unless the test gives one, and its answer."""
        self._id += 1
        request = {"op": op, "id": self._id, **keys}
        self.send(self.frame(request))
        answer = self.answer()
        assert answer["id"] == request["id"], (request, answer)
        return answer

    def answer(self) -> Keys:
        """The next answer. Raises EOFError where the daemon has closed instead."""
        while True:
            if self.encoding == "json":
                line, newline, rest = self._held.partition(b"\n")
                if newline:
                    self._held = rest
                    decoded: Keys = json.loads(line)
                    return decoded
            elif len(self._held) >= 4:
                end = 4 + int.from_bytes(self._held[:4], "big")
                if len(self._held) >= end:
                    decoded = msgspec.msgpack.decode(self._held[4:end])
                    self._held = self._held[end:]
                    return decoded
            data = self.sock.recv(1 << 16)
            if not data:
                raise EOFError(self._held)
            self._held += data

    def is_closed(self, seconds: float = ANSWER_SECONDS) -> bool:
        """Whether the daemon closes within so long, whatever it still says before."""
        deadline = time.monotonic() + seconds
        with contextlib.suppress(ConnectionResetError):
            while (left := deadline - time.monotonic()) > 0:
                self.sock.settimeout(left)
                try:
                    if not self.sock.recv(1 << 16):
                        return True
                except TimeoutError:
                    return False
            return False
        return True


class DaemonProcess:
    """`start`, talk, `stop`; may be started again on the same files, as after a crash."""

    def __init__(self, folder: Path, dsn: str, **sections: Mapping[str, Any]) -> None:
        self.folder = folder
        self.dsn = dsn
        self.unix = str(folder / "run" / "identd.sock")
        self.port = free_port()
        self.metrics_port = free_port()
        self.environment: dict[str, str] = {}
        self.sections: dict[str, dict[str, Any]] = {
            "database": {"poll_seconds": 0.3, "heartbeat_seconds": 2.0},
            "state": {"directory": str(folder / "state")},
            "socket": {"unix": self.unix, "tcp": f"127.0.0.1:{self.port}"},
            "metrics": {"listen": f"127.0.0.1:{self.metrics_port}"},
            "limits": {},
            "log": {},
        }
        for name, keys in sections.items():
            self.sections.setdefault(name, {}).update(keys)
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.write_configuration()

    @property
    def config(self) -> Path:
        return self.folder / "identd.toml"

    @property
    def log_path(self) -> Path:
        return self.folder / "identd.log"

    @property
    def tcp(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    @property
    def pid(self) -> int:
        assert self.process is not None, "it was started"
        return self.process.pid

    def write_configuration(self, text: str | None = None) -> None:
        """The configuration as it stands in `sections`, or this text."""
        if text is None:
            lines = []
            for name, keys in self.sections.items():
                lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
            text = "\n".join(lines) + "\n"
        self.config.write_text(text)

    def start(self, wait_for: str = "ready", pass_fds: Sequence[int] = ()) -> Self:
        """Start it and wait until its log has this event."""
        said = self.log().count(f" {wait_for} ")
        command = [str(IDENTD), "serve", "--config", str(self.config)]
        environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                env={**environment, "IDENTD_DATABASE_DSN": self.dsn, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=pass_fds,
                cwd=self.folder,
            )
        process = self.process
        eventually(
            lambda: process.poll() is not None or self.log().count(f" {wait_for} ") > said,
            f"{wait_for!r} in the log:\n{self.log()}",
        )
        assert process.poll() is None, f"it ended with {process.returncode}:\n{self.log()}"
        return self

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Its exit code."""
        assert self.process is not None, "it was started"
        return self.process.wait(seconds)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """SIGKILL, as the kernel short of memory would."""
        self.signal(signal.SIGKILL)
        self.wait()

    def end(self) -> None:
        """Gone, whatever state it is in."""
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                self.wait(5.0)
            except subprocess.TimeoutExpired:
                self.kill()

    def log(self) -> str:
        """Everything that it has written."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def awaits_log(self, text: str) -> None:
        eventually(lambda: text in self.log(), f"{text!r} in the log:\n{self.log()}")

    def wire(self, transport: str = "unix", encoding: Encoding = "json", source: str = "") -> Wire:
        return Wire(self.unix if transport == "unix" else self.tcp, encoding, source)

    def client(self, transport: str = "unix", **options: Any) -> BlockingClient:
        return BlockingClient(self.unix if transport == "unix" else self.tcp, **options)

    def ask(self, op: str, **keys: Any) -> Keys:
        """One question on a connection of its own on the Unix socket."""
        with self.wire() as wire:
            return wire.ask(op, **keys)

    def status(self) -> Keys:
        return self.ask("status")

    def page(self, path: str) -> tuple[int, str]:
        """Status and body of a page of the metrics listener."""
        with socket.create_connection(("127.0.0.1", self.metrics_port), timeout=ANSWER_SECONDS) as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            answer = b""
            while data := sock.recv(1 << 16):
                answer += data
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body.decode()

    def metric(self, series: str) -> float:
        """The value of one series, named as on the page."""
        _, page = self.page("/metrics")
        for line in page.splitlines():
            name, _, value = line.rpartition(" ")
            if name == series:
                return float(value)
        raise AssertionError(f"{series} is not on the page")

    def loader_pid(self) -> int:
        """The one child that the daemon has once it runs; the kernel lists it under the thread that started it."""

        def running() -> int:
            for children in Path(f"/proc/{self.pid}/task").glob("*/children"):
                for pid in children.read_text().split():
                    if b"loader.main" in _command_line(int(pid)):
                        return int(pid)
            return 0

        return eventually(running, "the loader runs")


def _command_line(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@contextlib.contextmanager
def running(daemon: DaemonProcess, wait_for: str = "ready") -> Iterator[DaemonProcess]:
    """Started, and gone afterwards whatever happens."""
    try:
        yield daemon.start(wait_for)
    finally:
        daemon.end()
