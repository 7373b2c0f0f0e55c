"""Databases with a few accounts, and daemons as processes on them; all end with the test or the run.

`daemon` is one process for all tests that only talk to it, with short limits; around every such test a bystander
keeps a connection and asks the same thing before and after. `start_daemon` starts one for a test of its own.
"""

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.postgres import NamedServer, OwnServer
from identd.sealing import hash_secret
from tests.end_to_end.daemon import DaemonProcess
from tests.loader.conftest import Session

SECRET = "correct horse battery staple"
GRANTED = {"ip": "192.0.2.10", "dnis": "1234#4420712345"}
"""Rose's call: account 176, at every gateway."""

SAMPLE = f"""
INSERT INTO identd.gateways (id, name, secret_hash, reserve_seconds, active_seconds) VALUES
    (1, 'gw1', '{hash_secret(SECRET, bytes(16))}', 120, 14400), (2, 'gw2', NULL, 120, 14400),
    (3, 'hasty', NULL, 2, 3);
INSERT INTO identd.gateways (id, name, addresses) VALUES (4, 'elsewhere', '{{198.51.100.7}}');
INSERT INTO identd.clients (id, name) VALUES (12, 'Rose'), (13, 'Iris');
INSERT INTO identd.accounts (id, client_id, name, ident_by, ip, tech_prefix, orig_enabled, orig_capacity) VALUES
    (176, 12, 'rose_orig', 'ip', '{{192.0.2.10}}', '1234#', true, 5),
    (178, 13, 'iris_orig', 'ip', '{{10.1.0.0/16}}', NULL, true, NULL);
INSERT INTO identd.accounts (id, client_id, name, ident_by, ident_name, term_enabled) VALUES
    (177, 12, 'rose_term', 'name', 'rose', true);
"""

LIMITS = {
    "hello_seconds_max": 1.0,
    "partial_frame_seconds_max": 1.0,
    "write_seconds_max": 1.0,
    "idle_seconds_max": 3.0,
    "connections_max": 40,
    "connections_per_address_max": 8,
    "output_bytes_max": 65_536,
    "drain_seconds_max": 3.0,
}


class Database:
    """A database with the sample; `sql` writes it as billing would, the daemon reads it as `dsn` says."""

    def __init__(self, server: NamedServer | OwnServer, name: str) -> None:
        self.server = server
        self.name = name
        self.owner_dsn = server.dsn(name)
        self.dsn = server.dsn(name, user="identd_reader") if isinstance(server, OwnServer) else self.owner_dsn
        self._session: Session | None = None

    def session(self) -> Session:
        """Another connection, for a transaction of its own."""
        return Session(self.owner_dsn)

    def sql(self, text: str, *args: object) -> None:
        """One transaction."""
        if self._session is None or self._session.connection.is_closed():
            self._session = self.session()
        self._session(text, *args)

    def close(self) -> None:
        if self._session is not None:
            self._session.close()


@pytest.fixture(scope="session")
def sample_template(postgres: NamedServer | OwnServer, database_template: str) -> Iterator[str]:
    """The name of a database with the sample in it, to be copied."""
    name = postgres.create_database("sample", template=database_template)
    session = Session(postgres.dsn(name))
    session(SAMPLE)
    session.close()
    yield name
    postgres.drop_database(name)


@pytest.fixture
def accounts(postgres: NamedServer | OwnServer, sample_template: str) -> Iterator[Database]:
    """A database of the test's own."""
    database = Database(postgres, postgres.create_database("e2e", template=sample_template))
    yield database
    database.close()
    if isinstance(postgres, OwnServer):
        postgres.start()  # whatever the test has done to it
    postgres.drop_database(database.name)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: that of a Unix socket may have 107 bytes, and pytest's own are long."""
    with tempfile.TemporaryDirectory(prefix="identd-e2e-") as name:
        yield Path(name)


@pytest.fixture
def start_daemon(folder: Path) -> Iterator[Callable[..., DaemonProcess]]:
    """`start_daemon(dsn, wait_for="ready", limits={…})`; all are gone after the test."""
    started: list[DaemonProcess] = []

    def start(dsn: str, wait_for: str = "ready", environment: dict[str, str] | None = None, **sections: Any) -> Any:
        sections["limits"] = LIMITS | sections.get("limits", {})
        daemon = DaemonProcess(folder / f"d{len(started)}", dsn, **sections)
        daemon.environment.update(environment or {})
        started.append(daemon)
        return daemon.start(wait_for) if wait_for else daemon

    yield start
    for daemon in started:
        daemon.end()
    for daemon in started:
        log = daemon.log()
        assert not re.search("connection_broke|Traceback", log), log


@pytest.fixture(scope="session")
def shared(postgres: NamedServer | OwnServer, sample_template: str) -> Iterator[DaemonProcess]:
    """One daemon for all tests that only talk to it."""
    database = Database(postgres, postgres.create_database("shared", template=sample_template))
    with tempfile.TemporaryDirectory(prefix="identd-e2e-") as name:
        daemon = DaemonProcess(Path(name), database.dsn, limits=LIMITS)
        try:
            yield daemon.start()
        finally:
            daemon.end()
            postgres.drop_database(database.name)
    assert "Traceback" not in daemon.log()


@pytest.fixture
def daemon(shared: DaemonProcess) -> Iterator[DaemonProcess]:
    """The shared one, with a bystander: what the test does must cost nobody else a connection or an answer."""
    with shared.wire() as bystander:
        before = bystander.ask("identify", **GRANTED)
        assert before["account_id"] == 176
        yield shared
        after = bystander.ask("identify", **GRANTED)
        assert {**after, "id": before["id"]} == before
        assert bystander.ask("status")["calls"] == 0, "the test left calls up"
