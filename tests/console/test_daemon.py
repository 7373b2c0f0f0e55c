"""Asking a real daemon: what it knows, whether a change is in force, and what is said when it is away."""

from pathlib import Path

import pytest
import trio

from console.daemon import Daemon
from console.database import Database
from console.errors import DaemonAwayError, FieldErrors
from demo import sql
from protocol import messages as m
from protocol.client_trio import Client
from tests.end_to_end.daemon import DaemonProcess


@pytest.fixture
def process(database: str, tmp_path_factory: pytest.TempPathFactory):
    """A daemon with one client."""
    sql.execute(database, "INSERT INTO identd.clients (id, name) VALUES (12, 'Rose')")
    started = DaemonProcess(tmp_path_factory.mktemp("d"), database)
    yield started.start()
    started.end()


async def test_a_daemon_says_how_it_is_and_what_is_up(process: DaemonProcess) -> None:
    async with Client(process.unix) as client:
        daemon = Daemon(client)
        assert (await daemon.status()).ready
        usage = await daemon.usage([999], [12])
        assert usage.calls == 0
        assert usage.accounts == ()
        assert [(one.client_id, one.orig, one.term) for one in usage.clients] == [(12, 0, 0)]


async def test_a_key_of_ours_that_the_daemon_refuses_is_an_error_at_its_field(process: DaemonProcess) -> None:
    async with Client(process.unix) as client:
        with pytest.raises(FieldErrors) as wrong:
            await Daemon(client).ask(m.Identify(id=1, dnis="1", ip="10.0.0.300"))
        assert list(wrong.value.errors) == ["ip"]


async def test_a_transaction_that_is_not_over_is_not_in_force_and_the_wait_has_an_end(process: DaemonProcess) -> None:
    async with Client(process.unix) as client:
        daemon = Daemon(client)
        assert await daemon.in_force(None)
        began = trio.current_time()
        assert not await daemon.in_force(2**62, seconds=0.3)
        assert 0.25 < trio.current_time() - began < 2.0


async def test_without_a_daemon_asking_is_an_error_and_waiting_is_not(tmp_path: Path) -> None:
    async with Client(str(tmp_path / "none.sock"), connect_seconds=0.05) as client:
        daemon = Daemon(client)
        with pytest.raises(DaemonAwayError):
            await daemon.status()
        with pytest.raises(DaemonAwayError):
            await daemon.usage([1])
        assert not await daemon.in_force(5)


async def test_what_changes_nothing_for_calls_is_in_force_before_the_next_poll(
    database: str, tmp_path: Path, store: Database
) -> None:
    process = DaemonProcess(tmp_path, database, database={"poll_seconds": 30.0, "heartbeat_seconds": 30.0})
    try:
        async with Client(process.start().unix) as client:
            daemon = Daemon(client)
            for statement in (
                "INSERT INTO rate_tables (name) VALUES ('Gold')",
                "SELECT FROM rate_tables FOR UPDATE",  # a form that was saved as it was
            ):
                async with store.transaction("anna") as tx:
                    await tx.execute(statement)
                began = trio.current_time()
                assert tx.xid is not None
                assert await daemon.in_force(tx.xid)
                assert trio.current_time() - began < 0.5
    finally:
        process.end()
