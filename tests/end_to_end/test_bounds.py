"""Peers that are slow, silent, rude or too many: every bound on a connection, with real sockets and short limits."""

import select
import socket
import time
from collections.abc import Callable

import pytest

from tests.end_to_end.conftest import GRANTED, LIMITS, SECRET, Database
from tests.end_to_end.daemon import DaemonProcess, Wire, eventually

Start = Callable[..., DaemonProcess]
CLOSED = 'identd_connections_closed_total{{reason="{}"}}'


def _closed_after(daemon: DaemonProcess, peer: Wire, bound: str) -> float:
    """How long the daemon kept the connection; that it closed it is counted as this bound."""
    before = daemon.metric(CLOSED.format(bound))
    began = time.monotonic()
    assert peer.is_closed(6.0), bound
    assert daemon.metric(CLOSED.format(bound)) == before + 1
    return time.monotonic() - began


def test_a_peer_that_says_nothing_over_tcp_is_closed_after_hello_seconds_max(daemon: DaemonProcess) -> None:
    with daemon.wire("tcp") as peer:
        assert 0.8 < _closed_after(daemon, peer, "hello_seconds_max") < 2.5


def test_a_peer_that_never_says_hello_is_closed_however_much_it_says(daemon: DaemonProcess) -> None:
    with daemon.wire("tcp") as peer:

        def says_on() -> bool:
            try:
                return bool(peer.ask("ping")["code"] == "hello_required")
            except (EOFError, OSError):
                return False

        assert 0.8 < _seconds_while(says_on) < 2.5


def _seconds_while(goes_on: Callable[[], bool], seconds: float = 5.0) -> float:
    began = time.monotonic()
    while goes_on() and time.monotonic() - began < seconds:
        time.sleep(0.05)
    return time.monotonic() - began


def test_a_peer_on_the_unix_socket_that_falls_silent_is_closed_after_idle_seconds_max(shared: DaemonProcess) -> None:
    with shared.wire() as peer:
        assert peer.ask("ping")["op"] == "pong"
        assert 2.8 < _closed_after(shared, peer, "idle_seconds_max") < 5.0


@pytest.mark.parametrize("begun", [b"{", b"\x00", b"\x00\x00\x00\x10", b"\x00\x00\x10\x00\x81", b'{"op":"ping"'])
def test_a_frame_that_is_begun_and_not_ended_is_waited_for_so_long(daemon: DaemonProcess, begun: bytes) -> None:
    with daemon.wire() as peer:
        peer.send(begun)
        assert 0.8 < _closed_after(daemon, peer, "partial_frame_seconds_max") < 2.5


def test_a_frame_that_trickles_wins_no_time(daemon: DaemonProcess) -> None:
    with daemon.wire() as peer:
        peer.send(b'{"')

        def trickles() -> bool:
            try:
                peer.send(b"x")
            except (BrokenPipeError, ConnectionResetError):
                return False
            return True

        assert 0.8 < _seconds_while(trickles) < 2.5


@pytest.mark.rule("M6.33")
def test_a_peer_that_vanishes_in_a_frame_costs_nothing_and_its_calls_stay(daemon: DaemonProcess) -> None:
    with daemon.wire() as peer:
        peer.ask("hello", version=1, gateway="gw1")
        assert peer.ask("authorize", call_id="outlives", **GRANTED)["decision"] == "grant"
        peer.send(b'{"op":"rel')
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    (up,) = daemon.ask("calls")["calls"]
    assert up["call_id"] == "outlives"
    with daemon.wire() as peer:
        peer.ask("hello", version=1, gateway="gw1")
        assert peer.ask("release", call_id="outlives")["result"] == "released"


@pytest.mark.parametrize("transport", ["unix", "tcp"])
def test_a_peer_that_never_reads_is_read_no_further_and_then_closed(daemon: DaemonProcess, transport: str) -> None:
    before = daemon.metric(CLOSED.format("write_seconds_max"))
    with daemon.wire(transport) as peer, daemon.wire() as other:
        peer.ask("hello", version=1, gateway="gw2")
        request = peer.frame({"op": "identify", "id": 1, **GRANTED}) * 500
        peer.sock.setblocking(False)
        sent, began, slowest = 0, time.monotonic(), 0.0
        try:
            while time.monotonic() - began < 6.0:
                if select.select([], [peer.sock], [], 0.01)[1]:
                    sent += peer.sock.send(request)
                asked = time.monotonic()
                other.ask("ping")
                slowest = max(slowest, time.monotonic() - asked)
        except OSError:
            pass
        assert 0.8 < time.monotonic() - began < 5.0
        assert sent < 30_000_000, "what we cannot deliver must wait in the peer's own kernel"
        assert slowest < 0.5
    assert daemon.metric(CLOSED.format("write_seconds_max")) == before + 1


def test_a_peer_that_reads_late_gets_every_answer_in_order(daemon: DaemonProcess) -> None:
    with daemon.wire() as peer:
        peer.sock.settimeout(0.4)
        sent = 0
        try:
            while sent < 100_000:
                peer.send(peer.frame({"op": "ping", "id": sent}))
                sent += 1
        except TimeoutError:  # the last one may have gone in part
            pass
        assert sent > 1000
        peer.sock.settimeout(2.0)
        for expected in range(sent):
            assert peer.answer()["id"] == expected


def test_one_small_question_with_a_large_answer_asked_at_once_by_the_thousand_stalls_nobody(
    accounts: Database, start_daemon: Start
) -> None:
    daemon = start_daemon(accounts.dsn)
    with daemon.wire() as switch, daemon.wire() as other:
        switch.ask("hello", version=1, gateway="gw2")
        for number in range(500):
            granted = switch.ask("authorize", call_id=f"{number:0200}", ip="10.1.2.3", dnis="44")
            assert granted["decision"] == "grant"
        switch.send(b'{"op":"calls","id":1,"limit":500}\n' * 1900)
        slowest = 0.0
        began = time.monotonic()
        while time.monotonic() - began < 1.0:
            asked = time.monotonic()
            other.ask("ping")
            slowest = max(slowest, time.monotonic() - asked)
        assert slowest < 0.25
    pages = daemon.metric("process_resident_memory_bytes")
    assert pages < 150_000_000


def test_one_address_may_have_so_many_connections_and_another_is_still_served(daemon: DaemonProcess) -> None:
    series = 'identd_connections_refused_total{reason="connections_per_address_max"}'
    before = daemon.metric(series)
    bound = LIMITS["connections_per_address_max"]
    peers = [daemon.wire("tcp") for _ in range(int(bound))]
    try:
        for peer in peers:
            assert peer.ask("hello", version=1, gateway="gw2")["op"] == "hello"
        with daemon.wire("tcp") as late:
            assert late.is_closed(2.0)
        assert daemon.metric(series) == before + 1
        with daemon.wire("tcp", source="127.0.0.2") as elsewhere:
            assert elsewhere.ask("hello", version=1, gateway="gw2")["op"] == "hello"
        peers.pop().close()
        eventually(lambda: _is_welcome(daemon), "a place is free again")
    finally:
        for peer in peers:
            peer.close()


def _is_welcome(daemon: DaemonProcess) -> bool:
    try:
        with daemon.wire("tcp") as peer:
            return bool(peer.ask("hello", version=1, gateway="gw2")["op"] == "hello")
    except (EOFError, OSError):
        return False


def test_connections_in_all_are_bounded_and_a_place_is_free_again_when_one_leaves(daemon: DaemonProcess) -> None:
    series = 'identd_connections_refused_total{reason="connections_max"}'
    before = daemon.metric(series)
    peers = []
    try:
        while daemon.metric(series) == before:
            assert len(peers) < 60
            peers.append(daemon.wire())
        with peers.pop() as late:
            assert late.is_closed(2.0)
        assert peers[-1].ask("ping")["op"] == "pong"
        peers.pop(0).close()
        eventually(lambda: _answers(daemon), "a place is free again")
    finally:
        for peer in peers:
            peer.close()


def _answers(daemon: DaemonProcess) -> bool:
    try:
        return bool(daemon.ask("ping")["op"] == "pong")
    except (EOFError, OSError):
        return False


def test_the_pages_are_served_while_switches_talk(daemon: DaemonProcess) -> None:
    with daemon.wire("tcp") as switch:
        switch.ask("hello", version=1, gateway="gw1", secret=SECRET)
        assert daemon.page("/healthz") == (200, "alive\n")
        assert daemon.page("/readyz") == (200, "ready\n")
        assert daemon.page("/etc/passwd")[0] == 404
        assert daemon.metric('identd_connections_open{encoding="json",transport="tcp"}') == 1
        assert switch.ask("identify", **GRANTED)["decision"] == "grant"
