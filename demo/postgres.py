"""A PostgreSQL to work with: the server named by IDENTD_DATABASE_DSN, or one of our own that lives as long as we do.

Our own listens on a private Unix socket only, in a folder that nobody else can enter, and does not wait for the disk.
On a server that somebody else runs we create databases of our own names and drop them; no other is ever touched.
Its life hangs on a pipe that we hold: however we end, even by SIGKILL, the server shuts down.
"""

import contextlib
import itertools
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from demo import sql
from demo.binaries import (
    VERSION_MIN,
    PostgresMissingError,
    Runner,
    find_binaries,
    find_runner,
    may_enter,
    reachable_binaries,
)

DSN_VARIABLE = "IDENTD_DATABASE_DSN"
START_SECONDS_MAX = 60.0  # a loaded machine recovers a killed cluster in seconds; a minute is a fault
STOP_SECONDS_MAX = 60.0
POLL_SECONDS = 0.02
SOCKET_PATH_BYTES_MAX = 107  # sizeof(sun_path) - 1 (unix(7))

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # the data ends with the process: a crash of the machine may take it
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

# Runs the server in the background and waits for the end of its standard input, which only we can bring about. Then
# it says stop until it is heard: a program that the shell starts in the background ignores SIGINT until it has set up
# its own handlers.
GUARDIAN = """
"$@" </dev/null & server=$!
read -r _
while kill -INT "$server" 2>/dev/null; do sleep 0.1; done
wait "$server"
"""


class _Databases:
    """What both kinds of server do alike: databases by SQL, under names that no other run uses.

    Not by the process alone: in a container it often has the same number as in the last, and a killed run leaves its
    databases on a server that somebody else runs.
    """

    __slots__ = ("_copying", "_numbers", "_run")

    def __init__(self) -> None:
        self._copying = ""
        self._numbers = itertools.count(1)
        self._run = f"{os.getpid()}_{secrets.token_hex(3)}"

    def dsn(self, database: str = "postgres") -> str:
        raise NotImplementedError

    def create_database(self, purpose: str, template: str | None = None) -> str:
        """A fresh database with a name of its own, which is returned; a copy of `template` if one is named."""
        name = f"identd_{purpose}_{self._run}_{next(self._numbers)}"
        copied = f' TEMPLATE "{template}"{self._copying}' if template else ""
        sql.execute(self.dsn(), f'CREATE DATABASE "{name}"{copied}')
        return name

    def drop_database(self, database: str) -> None:
        """Ends its sessions and drops it; one that is not there is no error."""
        sql.execute(self.dsn(), f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def terminate_backends(self, database: str) -> int:
        """Ends every other session in it, as an administrator would; returns how many."""
        ended = sql.query(
            self.dsn(),
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = $1 AND pid <> pg_backend_pid()",
            database,
        )
        return int(ended[0][0])


class NamedServer(_Databases):
    """A server that somebody else runs, by the DSN of one of its databases."""

    __slots__ = ("_dsn",)
    ours = False

    def __init__(self, dsn: str) -> None:
        """Raises `PostgresMissingError` if it is older than 13 or its user may not create databases and roles."""
        super().__init__()
        self._dsn = dsn
        ((version, allowed),) = sql.query(
            dsn,
            "SELECT current_setting('server_version_num')::int, rolsuper OR (rolcreatedb AND rolcreaterole) "
            "FROM pg_roles WHERE rolname = current_user",
        )
        if version < VERSION_MIN * 10_000:
            raise PostgresMissingError(f"the server named by {DSN_VARIABLE} is older than PostgreSQL {VERSION_MIN}")
        if not allowed:
            raise PostgresMissingError(f"the user named by {DSN_VARIABLE} may not create databases and roles")

    def dsn(self, database: str = "") -> str:
        if not database:
            return self._dsn
        return urlunsplit(urlsplit(self._dsn)._replace(path=f"/{quote(database)}"))


class OwnServer(_Databases):
    """A cluster in `folder` (created, 0700, the database user's), not running until `start`."""

    __slots__ = ("_binaries", "_guardian", "_runner", "folder")
    ours = True

    def __init__(self, folder: Path, binaries: Path, runner: Runner) -> None:
        super().__init__()
        self.folder = folder
        self._runner = runner
        self._guardian: subprocess.Popen[bytes] | None = None
        if _socket_too_long(folder):
            raise PostgresMissingError(f"the path {folder} is too long for a Unix socket: choose a shorter one")
        folder.mkdir(mode=0o700)
        if runner.uid is not None and runner.gid is not None:
            os.chown(folder, runner.uid, runner.gid)
        self._binaries = reachable_binaries(binaries, runner, folder)
        self._initialise()
        if int((self.data / "PG_VERSION").read_text()) >= 15:  # before, there was no other way to copy
            self._copying = " STRATEGY file_copy"  # quicker than through the log; its checkpoints disturb nobody here

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    def _initialise(self) -> None:
        command: list[str | Path] = [
            self._binaries / "initdb",
            "--pgdata",
            self.data,
            "--username",
            "postgres",
            "--auth",
            "trust",
        ]
        command += ["--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"]
        done = subprocess.run(  # noqa: S603
            command, cwd=self.folder, capture_output=True, text=True, check=False, **self._runner.as_user()
        )
        if done.returncode != 0:
            raise PostgresMissingError(f"initdb failed in {self.folder}: {done.stderr.strip()}")

    def dsn(self, database: str = "postgres", user: str = "postgres") -> str:
        """How to reach a database on it: as the superuser, or as any role that there is."""
        return f"postgresql://{quote(user)}@/{quote(database)}?" + urlencode({"host": str(self.folder)})

    def start(self) -> None:
        """Starts it and waits until it answers. Starting twice is no error."""
        if self._guardian is None:
            told_before = self.log.stat().st_size if self.log.exists() else 0
            self._launch()
            self._await_ready(told_before)

    def _launch(self) -> None:
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # of a killed server: it still says ready
        command: list[str | Path] = [self._binaries / "postgres", "-D", self.data, "-k", self.folder]
        for key, value in SETTINGS.items():
            command += ["-c", f"{key}={value}"]
        with self.log.open("ab") as log:
            self._guardian = subprocess.Popen(  # noqa: S603
                ["/bin/sh", "-c", GUARDIAN, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,  # Ctrl-C is for us; we then stop the server in good order
                **self._runner.as_user(),
            )

    def _await_ready(self, told_before: int) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if self._status() == "ready":
                return
            time.sleep(POLL_SECONDS)
            if self._server_pid() is None and b"FATAL" in self.log.read_bytes()[told_before:]:
                break
        self.kill()
        raise PostgresMissingError(f"PostgreSQL did not start; the end of its log:\n{self._log_tail()}")

    def _status(self) -> str:
        """The last line of postmaster.pid, which the server keeps up to date (`ready`, `starting`, `stopping`)."""
        with contextlib.suppress(OSError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            if len(lines) >= 8:
                return lines[7].strip()
        return ""

    def _log_tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])

    def _server_pid(self) -> int | None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        return None

    def stop(self) -> None:
        """Fast shutdown: sessions are ended, what they had open is rolled back. Stopping twice is no error."""
        self._end(None)

    def kill(self) -> None:
        """Ends it as a crash would, sessions and all; the next start recovers."""
        self._end(signal.SIGQUIT)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _end(self, number: signal.Signals | None) -> None:
        guardian, self._guardian = self._guardian, None
        if guardian is None:
            return
        pid = self._server_pid()
        if number is not None and pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        assert guardian.stdin is not None, "the guardian is started with a pipe"
        guardian.stdin.close()
        try:
            guardian.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(guardian.pid, signal.SIGKILL)  # guardian and server are the group; sessions end with the server
            guardian.wait()

    def remove(self) -> None:
        """Stops it and deletes its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


PostgresServer = NamedServer | OwnServer


def _socket_too_long(folder: Path) -> bool:
    return len(os.fsencode(folder / ".s.PGSQL.5432")) > SOCKET_PATH_BYTES_MAX


@contextlib.contextmanager
def own_server(folder: Path | None = None) -> Iterator[OwnServer]:
    """A started server of our own in `folder`, or in a private one, which must not be there yet; gone afterwards.

    A folder that the database user cannot reach, or with a path too long for a socket, is not used: a clone under
    /root is closed to everybody else. Raises `PostgresMissingError`.
    """
    binaries, runner = find_binaries(), find_runner()
    with contextlib.ExitStack() as stack:
        if folder is None or _socket_too_long(folder) or not may_enter(folder.parent, runner):
            parent = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="identd-pg-")))
            parent.chmod(0o711)  # the database user must pass through it to its own folder, which is closed
            folder = parent / "pg"
        server = OwnServer(folder, binaries, runner)
        stack.callback(server.remove)
        server.start()
        yield server


@contextlib.contextmanager
def running_postgres(environ: Mapping[str, str], folder: Path | None = None) -> Iterator[PostgresServer]:
    """The server named by IDENTD_DATABASE_DSN, else one of our own for as long as the context lasts.

    Raises `PostgresMissingError`; what a named server answers comes as asyncpg's own exceptions.
    """
    dsn = environ.get(DSN_VARIABLE)
    if dsn:
        yield NamedServer(dsn)
        return
    with own_server(folder) as server:
        yield server
