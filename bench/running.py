"""What a measurement over the socket needs running: a PostgreSQL with the population, the daemon on a core of its
own, and the C programs, compiled where nobody keeps them.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import asyncpg

from bench.population import Population
from demo.postgres import running_postgres
from loader.migrate import init_db
from matcher.account import Account
from matcher.address import network_text
from protocol.client_blocking import BlockingClient
from protocol.errors import IdentdUnavailable
from protocol.messages import Status, StatusAnswer

READY_SECONDS_MAX = 120.0
STOP_SECONDS_MAX = 30.0
LOAD_SECONDS_MAX = 600.0  # a run is seconds; a load that is at it for minutes measures a fault
HERE = Path(__file__).parent

CONFIGURATION = """
[state]
directory = "{folder}/state"
[socket]
unix = "{folder}/identd.sock"
tcp = "127.0.0.1:{port}"
[metrics]
listen = ""
[limits]
calls_max = 2000000
released_memory_max = 1000000
connections_per_address_max = 1024
[log]
level = "warning"
"""


def compiled(name: str, folder: Path) -> Path:
    """bench/NAME.c as a program."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("a C compiler is needed: apt-get install gcc libc6-dev")
    program = folder / name
    subprocess.run([compiler, "-O2", "-o", program, HERE / f"{name}.c"], check=True)
    return program


@contextlib.contextmanager
def database_with(people: Population) -> Iterator[str]:
    """A fresh database that holds the population; its DSN."""
    with running_postgres(os.environ) as postgres:
        name = postgres.create_database("bench")
        try:
            dsn = postgres.dsn(name)
            init_db(dsn)
            asyncio.run(_fill(dsn, people))
            yield dsn
        finally:
            postgres.drop_database(name)


async def _fill(dsn: str, people: Population) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            # what is measured is the daemon, not the triggers: nobody follows this database yet
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.copy_records_to_table(
                "clients",
                schema_name="identd",
                columns=("id", "name", "balance"),
                records=[(client.id, client.name, client.balance_micros // 1_000_000) for client in people.clients],
            )
            await connection.copy_records_to_table(
                "gateways",
                schema_name="identd",
                columns=("id", "name"),
                records=[(gateway.id, gateway.name) for gateway in people.gateways],
            )
            await connection.copy_records_to_table(
                "accounts", schema_name="identd", columns=_COLUMNS, records=map(_row, people.accounts)
            )
            for table in ("clients", "gateways", "accounts"):  # who adds to it gets ids that are free
                await connection.execute(
                    f"SELECT setval(pg_get_serial_sequence('identd.{table}', 'id'), max(id)) FROM identd.{table}"  # noqa: S608 - the names above
                )
        await connection.execute("ANALYZE identd.accounts")
    finally:
        await connection.close()


_COLUMNS = (
    "id",
    "client_id",
    "name",
    "ident_by",
    "ip",
    "ident_name",
    "ani",
    "tech_prefix",
    "orig_enabled",
    "orig_capacity",
    "term_enabled",
)


def _row(account: Account) -> tuple[Any, ...]:
    return (
        account.id,
        account.client_id,
        account.name,
        account.ident_by,
        [network_text(network) for network in account.networks] or None,
        account.ident_name,
        account.ani,
        account.tech_prefix or None,
        account.orig is not None,
        account.orig.capacity if account.orig is not None else None,
        account.term is not None,
    )


class RunningDaemon:
    """A daemon of its own process on `core`, ready to be asked."""

    def __init__(self, folder: Path, dsn: str, core: int, port: int, sections: str = "") -> None:
        """`sections`: more of the configuration file, for doors that are closed otherwise."""
        self.address = f"127.0.0.1:{port}"
        self.unix = folder / "identd.sock"
        configuration = folder / "identd.toml"
        configuration.write_text(CONFIGURATION.format(folder=folder, port=port) + sections)
        began = time.monotonic()
        self._process = subprocess.Popen(
            [Path(sys.executable).with_name("identd"), "serve", "--config", configuration],
            env={**os.environ, "IDENTD_DATABASE_DSN": dsn},
        )
        self._client = BlockingClient(str(self.unix))
        try:
            while not self.status().ready:
                if self._process.poll() is not None:
                    raise SystemExit(f"the daemon ended with {self._process.returncode} before it was ready")
                if time.monotonic() - began > READY_SECONDS_MAX:
                    raise SystemExit(f"the daemon was not ready within {READY_SECONDS_MAX:.0f} s")
                time.sleep(0.02)
            self.ready_seconds = time.monotonic() - began
            self.ready_mb = self.resident_mb
            os.sched_setaffinity(self._process.pid, {core})
        except BaseException:
            self._client.close()
            self._process.kill()
            self._process.wait()
            raise

    @property
    def pid(self) -> int:
        """Its process; the loader is a child of that."""
        return self._process.pid

    def status(self) -> StatusAnswer:
        """How the daemon says it is; not ready while it does not answer."""
        try:
            answer = self._client.call(Status(id=1))
        except IdentdUnavailable:
            return StatusAnswer(
                id=1,
                op="status",
                ready=False,
                generation=0,
                accounts=0,
                calls=0,
                database="away",
                quarantined=0,
                draining=False,
                server="",
            )
        assert isinstance(answer, StatusAnswer), answer
        return answer

    @property
    def resident_mb(self) -> float:
        """Resident memory of the daemon, without its loader."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise AssertionError("no VmRSS")

    @property
    def cpu_seconds(self) -> float:
        """What it has used of its core; tells what a request costs even where others take the core away."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End it; a daemon that has died before, or does not end well, ends the bench with what it did."""
        self._client.close()
        died = self._process.poll()
        if died is not None:
            raise SystemExit(f"the daemon died in the middle of the bench (exit {died}): its log is above")
        self._process.send_signal(signal.SIGTERM)
        try:
            ended = self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise SystemExit(f"the daemon did not end within {STOP_SECONDS_MAX:.0f} s and was killed") from None
        if ended:
            raise SystemExit(f"the daemon ended with {ended}")


class Load:
    """load.c at work on `core`; leave the context and it is gone, whatever happened."""

    def __init__(self, program: Path, core: int, *arguments: object) -> None:
        self._process = subprocess.Popen(
            ["taskset", "-c", str(core), program, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def go_first(self) -> bool:
        """Have it run before whatever else wants its core, where we may (root); for a load that sleeps (`-s`)."""
        try:
            os.sched_setscheduler(self._process.pid, os.SCHED_FIFO, os.sched_param(1))
        except PermissionError:
            return False
        return True

    def stop(self) -> dict[str, Any]:
        """Ask no more; the figures of what was asked."""
        self._process.terminate()
        return self.figures()

    def figures(self) -> dict[str, Any]:
        """Wait until all is answered. Raises `SystemExit` with the words of a load that failed."""
        try:
            told, complained = self._process.communicate(timeout=LOAD_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            raise SystemExit(f"the load did not end within {LOAD_SECONDS_MAX:.0f} s") from None
        if self._process.returncode:
            raise SystemExit(f"the load failed ({self._process.returncode}): {complained.strip()}")
        figures: dict[str, Any] = json.loads(told)
        return figures


def run_load(program: Path, core: int, *arguments: object) -> dict[str, Any]:
    """One run of load.c on `core`; its figures."""
    with Load(program, core, *arguments) as load:
        return load.figures()


def end_well_on_sigterm() -> None:
    """SIGTERM ends the bench as Ctrl-C does: through every `finally`, so that nothing it started outlives it."""

    def leave(_number: int, _frame: object) -> None:
        raise SystemExit("ended by SIGTERM")

    signal.signal(signal.SIGTERM, leave)
