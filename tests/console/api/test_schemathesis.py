"""What the OpenAPI document promises, against the console and the daemon as processes: schemathesis, every operation.

An operator's key and an admin's. Everything that schemathesis knows to check is on, but for what is excluded below
with its reason; the seed is fixed.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import trio
import trio_asyncio

from console.database import open_database
from console.people.keys import make_key
from console.roles import Role
from demo import sql
from demo.console import running_console
from demo.daemon import running_daemon
from demo.postgres import NamedServer, OwnServer
from tests.console.api.conftest import STOCK

SEED = 20260131
SECONDS_MAX = 540
"""Of one run, on a machine that does other things. Both together are a minute of processor time: most of it is some
3,500 requests, one after the other, so that they are the same each time."""
RUNS: dict[Role, tuple[str, int]] = {
    "operator": ("examples,coverage,fuzzing,stateful", 4),
    "admin": ("fuzzing", 2),
}
"""Role -> phases, and random requests an operation. `coverage` tries each bound of each field and takes most of the
time: once is enough. The other key is there for what only the role decides, so each operation is asked and no more.
"""

EXCLUDED = ("positive_data_acceptance",)
"""A reference that is not there, a name that is taken and an account without the value of its ident type are refused;
no schema can say so."""


class Site(NamedTuple):
    """Where the console is, and the database as its owner."""

    url: str
    dsn: str


@pytest.fixture(scope="module")
def site(
    postgres: NamedServer | OwnServer, database_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """PostgreSQL, daemon and console."""
    name = postgres.create_database("api", template=database_template)
    dsn = postgres.dsn(name)
    sql.execute(dsn, "SET search_path = identd; " + STOCK)
    console_dsn = postgres.dsn(name, user="identd_console") if isinstance(postgres, OwnServer) else dsn
    folder = tmp_path_factory.mktemp("a")
    try:
        with running_daemon(folder, dsn), running_console(folder, console_dsn) as url:
            yield Site(url, dsn)
    finally:
        postgres.drop_database(name)


def key_for(site: Site, role: Role) -> str:
    async def make() -> str:
        async with trio_asyncio.open_loop(), open_database(site.dsn, 1) as database:
            return await make_key(database, f"schemathesis-{role}", role, actor="test", now=1.8e9)

    return trio.run(make)


CONFIGURATION = """
[checks.missing_required_header]
expected-statuses = [400, 401, 428]

[phases.coverage]
unexpected-methods = ["PUT", "TRACE"]

[phases.stateful]
max-steps = 6
"""


@pytest.mark.slow
@pytest.mark.parametrize("role", RUNS)
def test_every_operation_keeps_what_the_document_promises(site: Site, tmp_path: Path, role: Role):
    phases, examples = RUNS[role]
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    done = subprocess.run(
        [
            Path(sys.executable).with_name("st"), "--config-file", tmp_path / "schemathesis.toml",
            "run", f"{site.url}/api/v1/openapi.json",
            "--header", f"Authorization: Bearer {key_for(site, role)}",
            "--checks", "all", "--exclude-checks", ",".join(EXCLUDED),
            "--phases", phases, "--max-examples", str(examples), "--seed", str(SEED), "--generation-deterministic",
            "--continue-on-failure", "--suppress-health-check", "all", "--no-shrink", "--no-color",
            "--warnings", "off",
        ],
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "118"},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
