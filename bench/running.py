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
from typing import Any

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

    def __init__(self, folder: Path, dsn: str, core: int, port: int) -> None:
        self.address = f"127.0.0.1:{port}"
        self.unix = folder / "identd.sock"
        configuration = folder / "identd.toml"
        configuration.write_text(CONFIGURATION.format(folder=folder, port=port))
        began = time.monotonic()
        self._process = subprocess.Popen(
            [Path(sys.executable).with_name("identd"), "serve", "--config", configuration],
            env={**os.environ, "IDENTD_DATABASE_DSN": dsn},
        )
        self._client = BlockingClient(str(self.unix))
        while not self.status().ready:
            if time.monotonic() - began > READY_SECONDS_MAX or self._process.poll() is not None:
                raise SystemExit("the daemon did not get ready")
            time.sleep(0.02)
        self.ready_seconds = time.monotonic() - began
        self.ready_mb = self.resident_mb
        os.sched_setaffinity(self._process.pid, {core})

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
        """End it, and say so if it does not end well."""
        self._client.close()
        self._process.send_signal(signal.SIGTERM)
        if self._process.wait(30):
            raise SystemExit(f"the daemon ended with {self._process.returncode}")


def run_load(program: Path, core: int, *arguments: object) -> dict[str, Any]:
    """One run of load.c on `core`; its figures."""
    done = subprocess.run(
        ["taskset", "-c", str(core), program, *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
    )
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures
