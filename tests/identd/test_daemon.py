"""The daemon as its service manager knows it: ready, alive, reloaded, stopping, and what switches notice of each."""

import contextlib
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end import conftest as end_to_end
from tests.end_to_end.conftest import GRANTED, SECRET, Database
from tests.end_to_end.daemon import DaemonProcess, eventually

sample_template, accounts = end_to_end.sample_template, end_to_end.accounts
folder, start_daemon = end_to_end.folder, end_to_end.start_daemon

Start = Callable[..., DaemonProcess]
CALL = {"ip": "192.0.2.10", "dnis": "4420712345"}
NO_DATABASE = "postgresql://nobody@127.0.0.1:9/none"


class Manager:
    """The service manager's end of sd_notify(3)."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        self.sock.settimeout(10.0)
        self.alive = 0

    def hears(self) -> str:
        """The next thing said, signs of life aside: those are counted."""
        while (said := self.sock.recv(1024).decode().partition("\n")[0]) == "WATCHDOG=1":
            self.alive += 1
        return said


@pytest.fixture
def manager(folder: Path) -> Iterator[Manager]:
    made = Manager(folder / "notify")
    yield made
    made.sock.close()


def test_the_manager_hears_of_the_whole_life(manager: Manager, start_daemon: Start) -> None:
    environment = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "200000"}
    daemon = start_daemon(NO_DATABASE, "started", environment)
    assert manager.hears() == "READY=1"
    assert daemon.ask("ping")["op"] == "pong", "it is served as soon as it is said"
    began, alive = time.monotonic(), manager.alive
    _drained(manager)
    eventually(lambda: _is_alive(manager) >= alive + 4, "it shows that it lives")
    assert time.monotonic() - began >= 0.25, "twice in the time that the manager waits is enough"
    daemon.signal(signal.SIGSTOP)
    try:
        time.sleep(0.1)
        _drained(manager)
        time.sleep(0.5)
        assert _drained(manager) == 0, "a daemon that stands still does not say that it lives"
    finally:
        daemon.signal(signal.SIGCONT)
    daemon.signal(signal.SIGHUP)
    assert (manager.hears(), manager.hears()) == ("RELOADING=1", "READY=1")
    daemon.signal(signal.SIGTERM)
    assert manager.hears() == "STOPPING=1"
    assert daemon.wait() == 0


def _is_alive(manager: Manager) -> int:
    assert manager.sock.recv(1024) == b"WATCHDOG=1"
    manager.alive += 1
    return manager.alive


def _drained(manager: Manager) -> int:
    """How many datagrams had come."""
    manager.sock.setblocking(False)
    count = 0
    try:
        while True:
            manager.sock.recv(1024)
            count += 1
    except BlockingIOError:
        return count
    finally:
        manager.sock.settimeout(10.0)


@pytest.mark.rule("M5.11", "P1.9")
def test_a_daemon_that_stops_judges_no_new_call_and_hears_of_those_that_are_up(
    accounts: Database, start_daemon: Start
) -> None:
    daemon = start_daemon(accounts.dsn)
    with daemon.wire() as switch, daemon.wire("tcp", "msgpack") as remote, daemon.wire() as silent:
        assert switch.ask("hello", version=1, gateway="gw2")["op"] == "hello"
        assert remote.ask("hello", version=1, gateway="gw1", secret=SECRET)["op"] == "hello"
        assert silent.ask("ping")["op"] == "pong"
        for call_id in ("a", "b"):
            assert switch.ask("authorize", call_id=call_id, **GRANTED)["decision"] == "grant"
        daemon.signal(signal.SIGTERM)
        daemon.awaits_log(" stopping signal=SIGTERM")
        eventually(lambda: _is_refused(daemon), "nobody new is let in")
        for asking in (switch, remote):
            late = asking.ask("authorize", call_id="c", **GRANTED)
            assert (late["decision"], late["reason"], late["sip_code"]) == ("unavailable", "draining", 500)
        again = switch.ask("authorize", call_id="b", **GRANTED)
        assert (again["decision"], again["existing"]) == ("grant", True)
        assert switch.ask("status")["draining"] is True
        assert switch.ask("start", call_id="b")["result"] == "started"
        assert switch.ask("release", call_id="a")["result"] == "released"
        assert switch.is_closed(3.0)
        assert remote.is_closed(3.0)
        assert silent.is_closed(3.0)
    assert daemon.wait() == 0
    assert daemon.log().rstrip().endswith(" stopped calls=1")
    daemon.start()
    (up,) = daemon.ask("calls")["calls"]
    assert (up["call_id"], up["state"]) == ("b", "active")


def _is_refused(daemon: DaemonProcess) -> bool:
    try:
        socket.create_connection(daemon.tcp, timeout=5.0).close()
    except ConnectionRefusedError:
        return not Path(daemon.unix).exists()
    return False


def test_a_switch_that_goes_on_asking_holds_a_stopping_daemon_no_longer_than_is_set(start_daemon: Start) -> None:
    daemon = start_daemon(NO_DATABASE, "started", limits={"drain_seconds_max": 1.5})
    with daemon.wire() as switch:
        switch.ask("ping")
        daemon.signal(signal.SIGTERM)
        began = time.monotonic()
        with contextlib.suppress(EOFError, ConnectionError):
            while time.monotonic() - began < 10.0:
                assert switch.ask("identify", **CALL)["decision"] == "unavailable"
                time.sleep(0.05)
        assert 1.2 < time.monotonic() - began < 4.0
    assert daemon.wait() == 0


def test_a_switch_that_only_looks_whether_the_daemon_is_there_holds_it_no_longer(start_daemon: Start) -> None:
    daemon = start_daemon(NO_DATABASE, "started", limits={"drain_seconds_max": 30.0})
    with daemon.wire() as switch:
        daemon.signal(signal.SIGTERM)
        began = time.monotonic()
        with contextlib.suppress(EOFError, ConnectionError):
            while time.monotonic() - began < 10.0:
                assert switch.ask("ping")["op"] == "pong"
                assert switch.ask("status")["op"] == "status"
                time.sleep(0.05)
        assert time.monotonic() - began < 4.0
    assert daemon.wait() == 0


def test_a_daemon_that_is_told_to_stop_again_while_it_drains_stops_at_once_in_good_order(start_daemon: Start) -> None:
    daemon = start_daemon(NO_DATABASE, "started", limits={"drain_seconds_max": 30.0})
    stop = threading.Event()
    with daemon.wire() as switch:

        def asks_on() -> None:
            with contextlib.suppress(EOFError, OSError):
                while not stop.is_set():
                    switch.ask("identify", **CALL)
                    time.sleep(0.02)

        asking = threading.Thread(target=asks_on)
        asking.start()
        try:
            daemon.signal(signal.SIGTERM)
            daemon.awaits_log(" stopping signal=SIGTERM")
            daemon.signal(signal.SIGHUP)  # nothing to reload any more
            time.sleep(0.3)
            assert daemon.process is not None
            assert daemon.process.poll() is None, "a switch still asks"
            began = time.monotonic()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGTERM):
                with contextlib.suppress(ProcessLookupError):
                    daemon.signal(number)
            assert daemon.wait() == 0
            assert time.monotonic() - began < 3.0
        finally:
            stop.set()
            asking.join()
    assert " stopped " in daemon.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_daemon_that_nobody_talks_to_stops_at_once(start_daemon: Start, number: signal.Signals) -> None:
    daemon = start_daemon(NO_DATABASE, "started")
    loader = daemon.loader_pid()
    began = time.monotonic()
    daemon.signal(number)
    assert daemon.wait() == 0
    assert time.monotonic() - began < 2.5
    assert f" stopping signal={number.name}" in daemon.log()
    assert not Path(daemon.unix).exists()
    eventually(lambda: not Path(f"/proc/{loader}").exists(), "the loader goes with it")


def test_a_reload_takes_the_whole_configuration_over_or_nothing_of_it(
    accounts: Database, start_daemon: Start
) -> None:
    daemon = start_daemon(accounts.dsn)
    limits = daemon.sections["limits"]
    with daemon.wire() as switch:
        assert switch.ask("hello", version=1, gateway="gw2")["op"] == "hello"

        def answer_to(call_id: str) -> str:
            answer = switch.ask("authorize", call_id=call_id, **GRANTED)
            return str(answer.get("reason", answer["decision"]))

        assert [answer_to("a"), answer_to("b")] == ["grant", "grant"]
        limits["calls_max"] = 2
        daemon.sections["log"]["format"] = "json"
        daemon.write_configuration()
        _reload(daemon, "configuration_reloaded")
        assert '"event": "configuration_reloaded"' in daemon.log()
        assert answer_to("c") == "overloaded"

        limits["calls_max"] = 100
        for section, key, bad, problem in (
            ("limits", "idle_seconds_max", -1, "limits.idle_seconds_max: Expected float > 0"),
            ("limits", "no_such", 1, "limits.no_such: is not known here"),
            ("state", "directory", "elsewhere", "state.directory: cannot change while the daemon runs: restart it"),
            ("credentials", "key_file", "absent.key", "absent.key"),
        ):
            keys = daemon.sections.setdefault(section, {})
            before = dict(keys)
            keys[key] = bad
            daemon.write_configuration()
            said = _reload(daemon, "configuration_not_reloaded")
            assert problem in said
            assert answer_to("c") == "overloaded", "the old limit stays on, though its own key was good"
            daemon.sections[section] = before
            limits = daemon.sections["limits"]
        daemon.write_configuration("[limits\n")
        assert "line 1: is not TOML" in _reload(daemon, "configuration_not_reloaded")
        daemon.config.unlink()
        assert "cannot be read: No such file" in _reload(daemon, "configuration_not_reloaded")
        assert answer_to("c") == "overloaded"

        daemon.sections["log"]["format"] = "text"
        daemon.write_configuration()
        _reload(daemon, "configuration_reloaded")
        assert answer_to("c") == "grant"
        assert daemon.log().rstrip().endswith(" configuration_reloaded")
        assert switch.ask("status")["calls"] == 3, "a reload costs no call and no connection"


def _reload(daemon: DaemonProcess, event: str) -> str:
    """SIGHUP, and what the daemon wrote about it."""
    before = len(daemon.log())
    daemon.signal(signal.SIGHUP)
    eventually(lambda: event in daemon.log()[before:] and daemon.log().endswith("\n"), event)
    said = daemon.log()[before:]
    assert said.count("reloaded") == 1, said
    return said


def test_a_connection_bound_that_is_lowered_cuts_nobody_off(start_daemon: Start) -> None:
    daemon = start_daemon(NO_DATABASE, "started")
    inside = [daemon.wire() for _ in range(3)]
    try:
        for peer in inside:
            assert peer.ask("ping")["op"] == "pong"
        daemon.sections["limits"] |= {"connections_max": 2, "connections_per_address_max": 2}
        daemon.write_configuration()
        _reload(daemon, "configuration_reloaded")
        with daemon.wire("tcp") as late:
            assert late.is_closed(5.0)
        for peer in inside:
            assert peer.ask("ping")["op"] == "pong"
    finally:
        for peer in inside:
            peer.close()


def test_the_pages_say_alive_before_they_say_ready(start_daemon: Start) -> None:
    daemon = start_daemon(NO_DATABASE, "started")
    assert daemon.ask("status")["ready"] is False  # `started` is written before the doors open
    assert daemon.page("/healthz") == (200, "alive\n")
    assert daemon.page("/readyz")[0] == 503
    assert daemon.metric("identd_ready") == 0
