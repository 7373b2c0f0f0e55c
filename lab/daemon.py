"""identd as the lab needs it: with the door that the switch speaks, and killed and started again at will."""

import contextlib
import signal
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from demo.daemon import SOCKET_PATH_BYTES_MAX
from demo.postgres import DSN_VARIABLE
from demo.process import running
from lab.places import HOST, Places
from lab.processes import LabFailedError, failure
from lab.waiting import until
from protocol.client_blocking import BlockingClient
from protocol.errors import IdentdUnavailable
from protocol.messages import Calls, CallsAnswer, LiveCall, Status, StatusAnswer

READY_SECONDS_MAX = 30.0

CONFIGURATION = """\
# Written by bin/lab. The DSN comes from the environment (IDENTD_DATABASE_DSN).
[state]
directory = "state"

[socket]
unix = "identd.sock"
tcp = ""

[metrics]
listen = "{host}:{metrics}"

{door}"""


class Daemon:
    """The daemon with its files in one folder, and a client on its Unix socket."""

    def __init__(self, folder: Path, environ: Mapping[str, str], places: Places, door: str) -> None:
        """`door`: the tables of the configuration that open the switch's way in. Raises LabFailedError."""
        folder.mkdir()
        (folder / "state").mkdir()
        self._socket = folder / "identd.sock"
        if len(bytes(self._socket)) > SOCKET_PATH_BYTES_MAX:
            raise LabFailedError(f"the path {self._socket} is too long for a Unix socket: choose a shorter --state")
        self._configuration = folder / "identd.toml"
        text = CONFIGURATION.format(host=HOST, metrics=places.metrics, door=door)
        for name in ('"state"', '"identd.sock"'):
            text = text.replace(name, f'"{folder}/{name[1:]}')
        self._configuration.write_text(text)
        self._environ = environ
        self._places = places
        self._log = folder / "identd.log"
        self._stack = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._client = BlockingClient(str(self._socket), timeout=5.0)

    def start(self) -> None:
        """Starts it and waits until it has data. Raises LabFailedError."""
        process = self._stack.enter_context(
            running(("serve", "--config", self._configuration), self._environ, self._log)
        )
        self._process = process
        until(lambda: process.poll() is not None or self._ready(), READY_SECONDS_MAX)
        if process.poll() is not None or not self._ready():
            raise failure("the daemon", process, self._log)

    def kill(self) -> None:
        """SIGKILL: no goodbye to anybody."""
        assert self._process is not None, "only what was started is killed"
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """SIGSTOP: its sockets are open and nobody answers."""
        assert self._process is not None, "only what was started is paused"
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT: it answers whatever has come in the meantime."""
        assert self._process is not None, "only what was started is resumed"
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self._client.close()
        self._stack.close()

    def _ready(self) -> bool:
        with contextlib.suppress(IdentdUnavailable):
            return self.status().ready
        return False

    def status(self) -> StatusAnswer:
        answer = self._client.call(Status(id=self._client.next_id()))
        assert isinstance(answer, StatusAnswer), "the client matches answers to requests"
        return answer

    def calls(self, account_id: int) -> tuple[LiveCall, ...]:
        """The live calls of an account."""
        answer = self._client.call(Calls(id=self._client.next_id(), account_id=account_id))
        assert isinstance(answer, CallsAnswer), "the client matches answers to requests"
        return answer.calls

    def metrics(self) -> str:
        """The text of /metrics. Raises LabFailedError."""
        url = f"http://{HOST}:{self._places.metrics}/metrics"
        try:
            with urllib.request.urlopen(url, timeout=5.0) as answer:
                text: str = answer.read().decode()
        except OSError as error:
            raise LabFailedError(f"the daemon's {url} does not answer: {error}") from error
        return text


@contextlib.contextmanager
def running_daemon(folder: Path, dsn: str, places: Places, door: str) -> Iterator[Daemon]:
    """The daemon, ready. Must be entered on a thread that outlives it. Raises LabFailedError."""
    daemon = Daemon(folder, {DSN_VARIABLE: dsn}, places, door)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.stop()
