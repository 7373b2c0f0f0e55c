"""Counts that move on an open page: one question to the daemon for all pages, and only what has changed to each."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
import trio
from starlette.types import Message

from console.app import application
from console.context import Console
from console.errors import DaemonAwayError
from console.pages import live
from console.pages.live import IDS_MAX, LiveCounts, Usage, read_ids, shown, usage_of
from console.people.sessions import end_sessions, open_session
from console.people.store import add_person
from protocol.messages import AccountUsage
from tests.console.conftest import Browser
from tests.end_to_end.daemon import DaemonProcess

SECONDS_MAX = 20.0
ROSE = """
INSERT INTO clients (id, name) VALUES (12, 'Rose');
INSERT INTO accounts (id, client_id, name, ident_by, ip, orig_enabled, orig_capacity) VALUES
    (176, 12, 'rose_orig', 'ip', '{192.0.2.10}', true, 5);
INSERT INTO accounts (id, client_id, name, ident_by, ip, orig_enabled) VALUES
    (178, 12, 'iris', 'ip', '{10.1.0.0/16}', true);
"""


class Stream:
    """A page's stream, asked of the whole application; `event()` is the next one, comments and the rest left out."""

    def __init__(self, console: Console, cookie: str, ids: str) -> None:
        self.leave = trio.Event()
        self.ended = trio.Event()
        self.status = 0
        self._send, self._said = trio.open_memory_channel[bytes](100)
        self._scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": "/accounts/live", "raw_path": b"/accounts/live", "query_string": f"ids={ids}".encode(),
            "root_path": "",
            "headers": [(b"host", b"127.0.0.1:8878"), (b"cookie", f"__Host-identd={cookie}".encode())],
            "client": ("127.0.0.1", 5000), "server": ("127.0.0.1", 8878), "state": {},
        }  # fmt: skip
        self._app = application(console)
        self._was_asked = False

    async def run(self) -> None:
        await self._app(self._scope, self._receive, self._heard)
        self.ended.set()

    async def event(self) -> tuple[str, Any]:
        with trio.fail_after(SECONDS_MAX):
            while True:
                lines = dict(
                    line.split(": ", 1) for line in (await self._said.receive()).decode().split("\n") if ": " in line
                )
                if "event" in lines:
                    return lines["event"], json.loads(lines["data"])

    async def _receive(self) -> Message:
        if not self._was_asked:
            self._was_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.leave.wait()
        return {"type": "http.disconnect"}

    async def _heard(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self._send.send_nowait(message["body"])


async def cookie_of(console: Console, name: str = "anna") -> tuple[str, int]:
    person_id = await add_person(console.database, name, "viewer", actor="test")
    session = await open_session(console.database, person_id, console.wall(), address="127.0.0.1", agent="test")
    return session.token, person_id


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds become moments."""
    monkeypatch.setattr(live, "POLL_SECONDS", 0.02)


async def test_a_page_hears_a_call_come_and_go(console: Console, daemon: DaemonProcess, at_once: None):
    await console.database.execute(ROSE)
    await trio.to_thread.run_sync(daemon.start)
    stream = Stream(console, (await cookie_of(console))[0], "176,178,9999")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.run)
        name, first = await stream.event()
        assert name == "counts"
        assert first["rows"]["176"] == {"orig": 0, "term": 0, "last": "", "marks": ""}
        assert first["rows"]["9999"] is None, "the daemon does not know it"
        granted = await trio.to_thread.run_sync(
            lambda: daemon.ask("authorize", call_id="a", ip="192.0.2.10", dnis="4420712345")
        )
        assert granted["decision"] == "grant"
        name, moved = await stream.event()
        assert list(moved["rows"]) == ["176"], "only what has changed"
        assert moved["rows"]["176"]["orig"] == 1
        assert moved["rows"]["176"]["last"].startswith("20")
        await trio.to_thread.run_sync(lambda: daemon.ask("release", call_id="a"))
        assert (await stream.event())[1]["rows"]["176"]["orig"] == 0
        stream.leave.set()
        with trio.fail_after(SECONDS_MAX):
            await stream.ended.wait()


async def test_a_page_is_told_that_the_daemon_is_away_once_and_everything_when_it_is_back(
    console: Console, daemon: DaemonProcess, at_once: None
):
    await console.database.execute(ROSE)
    stream = Stream(console, (await cookie_of(console))[0], "176")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.run)
        assert (await stream.event())[0] == "away"
        await trio.to_thread.run_sync(daemon.start)
        name, counts = await stream.event()
        assert (name, list(counts["rows"])) == ("counts", ["176"])
        stream.leave.set()


async def test_a_stream_ends_with_its_session_and_does_not_keep_it_open(
    console: Console, at_once: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(live, "SESSION_SECONDS", 0.0)
    cookie, person_id = await cookie_of(console)
    stream = Stream(console, cookie, "176")
    seen = "SELECT max(seen_at) FROM console_sessions"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.run)
        assert (await stream.event())[0] == "away"
        before = await console.database.value(seen)
        moved = console.wall() + 300
        console.wall = lambda: moved
        await trio.sleep(0.2)
        assert await console.database.value(seen) == before, "looking does not keep it open"
        assert not stream.ended.is_set()
        await end_sessions(console.database, person_id)
        assert (await stream.event())[0] == "over"
        with trio.fail_after(SECONDS_MAX):
            await stream.ended.wait()


async def test_all_pages_together_ask_once_and_nobody_asks_when_all_are_closed(console: Console, at_once: None):
    asked: list[list[int]] = []

    async def ask(account_ids: Iterable[int]) -> Usage:
        asked.append(list(account_ids))
        return {}

    counts = LiveCounts(console, ask)
    with counts.page((1, 2)) as one, counts.page((2, 3)) as two:
        assert counts.statistics() == {"pages": 2, "accounts": 3}
        assert await one.changed() == {1: None, 2: None}
        assert await one.changed() == {}
        assert await two.changed() == {2: None, 3: None}
    assert asked[0] == [1, 2, 3]
    await trio.sleep(0.1)
    polls = len(asked)
    await trio.sleep(0.1)
    assert len(asked) == polls
    assert counts.statistics() == {"pages": 0, "accounts": 0}


async def test_more_accounts_than_a_poll_asks_for_take_turns(
    console: Console, at_once: None, monkeypatch: pytest.MonkeyPatch
):
    asked: list[int] = []

    async def ask(account_ids: Iterable[int]) -> Usage:
        wanted = list(account_ids)
        assert len(wanted) <= 4
        asked.extend(wanted)
        return {account_id: AccountUsage(account_id=account_id, orig=7, term=0) for account_id in wanted}

    monkeypatch.setattr(live, "ASKED_A_POLL_MAX", 4)
    counts = LiveCounts(console, ask)
    with counts.page(tuple(range(1, 11))) as page:
        for _ in range(4):
            await page.changed()
        assert set(asked) == set(range(1, 11))
        assert set(counts.usage) == set(range(1, 11)), "what was asked before is kept"


async def test_a_fault_of_ours_ends_neither_the_polling_nor_the_console(console: Console, at_once: None):
    faults = [ValueError("a bug")]

    async def broken_once(_account_ids: Iterable[int]) -> Usage:
        if faults:
            raise faults.pop()
        return {}

    with LiveCounts(console, broken_once).page((1,)) as page:
        assert await page.changed() is None
        assert await page.changed() == {1: None}


async def test_a_long_page_is_asked_for_in_pieces_and_is_whole(
    console: Console, daemon: DaemonProcess, monkeypatch: pytest.MonkeyPatch
):
    await console.database.execute(ROSE)
    await trio.to_thread.run_sync(daemon.start)
    whole = await usage_of(console.daemon, [176, 9999, 178])
    assert set(whole) == {176, 178}
    before = console.daemon.next_id()
    monkeypatch.setattr(live, "ASKED_AT_ONCE_MAX", 1)
    assert await usage_of(console.daemon, [176, 9999, 178]) == whole
    assert console.daemon.next_id() == before + 4, "three requests"


async def test_the_daemon_away_is_an_error_of_its_own(console: Console):
    with pytest.raises(DaemonAwayError):
        await usage_of(console.daemon, [1])


async def test_a_page_too_many_is_told_to_come_later(
    console: Console, monkeypatch: pytest.MonkeyPatch, browser_of: Browser
):
    monkeypatch.setattr(live, "PAGES_MAX", 0)
    answer = await (await browser_of("viewer")).get("/accounts/live?ids=1")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


@pytest.mark.parametrize("ids", ["", "x", "1,", "-1", "1;2", "١", "9" * 19, ",".join(["1"] * (IDS_MAX + 1)), "1,%00"])
async def test_ids_that_are_none_are_refused(browser_of: Browser, ids: str):
    assert (await (await browser_of("viewer")).get(f"/accounts/live?ids={ids}")).status_code == 422


def test_ids_are_taken_once_in_their_order():
    assert read_ids("3,1,3") == (3, 1)
    assert len(read_ids(",".join(map(str, range(IDS_MAX))))) == IDS_MAX


def test_markers_are_escaped_where_they_are_made():
    usage = AccountUsage(
        account_id=1, orig=1, term=0, quarantined='ip: <img src=x onerror=alert(1)>"', ambiguous=(4, 5)
    )
    marks = shown(usage).marks
    assert "quarantined" in marks
    assert "ambiguous with 4…" in marks
    assert "<img" not in marks
    assert marks.count("<span") == marks.count("</span>") == 2
    assert msgspec.json.encode(shown(usage))
