"""What an operator reads of trouble at the edges: every one counted, one line in ten seconds."""

import io
from collections.abc import Callable

import pytest

from identd.calls import Call
from identd.logs import Log
from identd.metrics import Metrics, Readings
from identd.watch import SAID_AGAIN_SECONDS, Watch
from tests.identd.building import TCP


def _unread() -> Readings:
    raise AssertionError("no page is asked for here")


class Desk:
    """A watch with its metrics, and the lines that it wrote."""

    def __init__(self) -> None:
        self._written = io.StringIO()
        self.log = Log(stream=self._written)
        self.metrics = Metrics(_unread)
        self.watch = Watch(self.metrics, self.log)

    def lines(self) -> list[str]:
        """Everything that was said, without its time; nothing can be said afterwards."""
        self.log.close()
        return [line.partition(" ")[2] for line in self._written.getvalue().splitlines()]


def test_the_same_trouble_is_said_once_in_ten_seconds_and_then_how_often_it_was_not() -> None:
    desk = Desk()
    for tick in range(4 * int(SAID_AGAIN_SECONDS) + 1):
        desk.watch.now = 1000.0 + tick / 4
        desk.watch.turned_away("connections_max")
    desk.watch.now += SAID_AGAIN_SECONDS
    desk.watch.turned_away("connections_max")
    assert desk.metrics.connections_refused["connections_max"] == 42
    assert desk.lines() == [
        "warning connection_turned_away limit=connections_max",
        "warning connection_turned_away limit=connections_max unsaid_before=39",
        "warning connection_turned_away limit=connections_max",
    ]


def test_another_trouble_is_said_at_once() -> None:
    desk = Desk()
    desk.watch.turned_away("connections_max")
    desk.watch.turned_away("connections_per_address_max")
    desk.watch.closed(TCP, "idle_seconds_max")
    desk.watch.closed(TCP, "write_seconds_max")
    desk.watch.closed(TCP, "write_seconds_max")
    assert desk.metrics.connections_closed["write_seconds_max"] == 2
    assert [line.partition(" ")[2] for line in desk.lines()] == [
        "connection_turned_away limit=connections_max",
        "connection_turned_away limit=connections_per_address_max",
        "connection_closed peer=192.0.2.7:40000 limit=idle_seconds_max",
        "connection_closed peer=192.0.2.7:40000 limit=write_seconds_max",
    ]


@pytest.mark.parametrize(
    ("happens", "line"),
    [
        (
            lambda watch: watch.cannot_accept("127.0.0.1:7878", OSError(24, "Too many open files")),
            'warning cannot_accept listener=127.0.0.1:7878 error="Too many open files"',
        ),
        (
            lambda watch: watch.journal_failed(OSError(28, "No space left on device")),
            'warning journal_not_written error="[Errno 28] No space left on device"',
        ),
        (
            lambda watch: watch.credentials_unusable(176, "sealed with a key that is not here"),
            'warning credentials_unusable account_id=176 reason="sealed with a key that is not here"',
        ),
    ],
    ids=["no room", "disk full", "password sealed"],
)
def test_trouble_that_may_come_with_every_call_fills_no_disk(happens: Callable[[Watch], None], line: str) -> None:
    desk = Desk()
    for _ in range(500):
        happens(desk.watch)
    assert desk.lines() == [line]


def test_trouble_that_is_not_said_again_is_counted_all_the_same() -> None:
    desk = Desk()
    for _ in range(3):
        desk.watch.journal_failed(OSError(28, "No space left on device"))
        desk.watch.credentials_unusable(176, "sealed with a key that is not here")
    assert (desk.metrics.journal_failures, desk.metrics.credentials_unusable) == (3, 3)
    assert len(desk.lines()) == 2


def test_the_loader_s_ends_are_said_each_and_counted() -> None:
    desk = Desk()
    desk.watch.loader_ended("it ended", 0.123456)
    desk.watch.loader_ended("it ended", 0.4)
    desk.watch.loader_log("warning", "database_lost", {"error": "gone"})
    desk.watch.first_data(3, "snapshot")
    assert desk.metrics.loader_restarts == 2
    assert desk.lines() == [
        'error   loader_ended reason="it ended" next_in_seconds=0.12',
        'error   loader_ended reason="it ended" next_in_seconds=0.4',
        "warning database_lost error=gone",
        "info    ready accounts=3 source=snapshot",
    ]


def test_a_bug_is_said_with_where_it_was_raised() -> None:
    desk = Desk()
    try:
        raise RuntimeError("a bug")
    except RuntimeError as error:
        desk.watch.broke(TCP, error)
    (line,) = desk.lines()
    assert line.startswith("error   connection_broke peer=192.0.2.7:40000 error=\"RuntimeError('a bug')\" traceback=")
    assert "test_watch.py" in line


@pytest.mark.rule("P3.10")
def test_call_that_was_ended_by_hand_stands_in_the_log_every_time() -> None:
    desk = Desk()
    for gateway, leg in (("gw1", "b"), (None, "")):
        desk.watch.ended_by_hand(gateway, Call((1, "c1", leg), "orig", 176, 12, None, 0.0, 0.0, 120))
    assert desk.lines() == [
        "info    call_ended_by_hand gateway=gw1 call_id=c1 leg=b account_id=176",
        'info    call_ended_by_hand call_id=c1 leg="" account_id=176',
    ]
