"""The command line against a running daemon, as an operator uses it there; lint and a reload beside it."""

import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from identd.cli.main import main
from loader.lint import lint
from tests.end_to_end.conftest import GRANTED, Database
from tests.end_to_end.daemon import DaemonProcess, eventually


@pytest.mark.parametrize(
    "gateway", ["gw1", "gw2"]
)  # with a secret, which the Unix socket does not ask for, and without
def test_call_of_a_gateway_is_started_and_released_by_hand_with_its_name(
    daemon: DaemonProcess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], gateway: str
) -> None:
    monkeypatch.delenv("IDENTD_GATEWAY_SECRET", raising=False)
    assert daemon.ask("authorize", **GRANTED, gateway=gateway, call_id="by hand")["decision"] == "grant"
    words = ["--call-id", "by hand", "--socket", daemon.unix]
    for op in ("start", "release"):
        assert main([op, *words]) == 2
        error = capsys.readouterr().err
        assert error.startswith("error not_owner")
        assert "--gateway" in error
    assert main(["calls", "--socket", daemon.unix]) == 0
    assert gateway in capsys.readouterr().out
    assert main(["start", *words, "--gateway", gateway]) == 0
    assert main(["release", *words, "--gateway", gateway]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "started"


@pytest.mark.rule("M3.9")
def test_lint_names_the_pairs_that_a_running_daemon_counts(
    accounts: Database, start_daemon: Callable[..., DaemonProcess]
) -> None:
    daemon = start_daemon(accounts.dsn)
    accounts.sql(
        "INSERT INTO identd.accounts (client_id, name, ident_by, ip, orig_enabled, term_enabled)"
        " SELECT 12 + n % 2, 'twin' || n, 'ip', '{203.0.113.0/28,203.0.113.77}', true, n > 2"
        " FROM generate_series(1, 6) n"
    )
    eventually(lambda: daemon.status()["accounts"] == 9, "the new accounts")
    pairs = lint(accounts.dsn)[1].by_kind["ambiguous"]
    assert pairs == 2 * 9 + 2 * 4, "two places: nine pairs of six for orig, four of four for term"
    assert daemon.metric("identd_ambiguous_pairs") == pairs


def test_service_manager_hears_when_a_reload_began_and_that_it_ended(
    accounts: Database, start_daemon: Callable[..., DaemonProcess], folder: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        manager.settimeout(10)
        daemon = start_daemon(accounts.dsn, environment={"NOTIFY_SOCKET": str(folder / "notify")})
        assert manager.recv(100) == b"READY=1"
        daemon.signal(signal.SIGHUP)
        assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=[0-9]+", manager.recv(100))
        assert manager.recv(100) == b"READY=1"
