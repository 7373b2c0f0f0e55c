"""Live counts: calls up and last calls of the accounts on a page, as server-sent events.

One poll a second asks the daemon for all open pages together; a page is sent only what has changed on it. Nothing
is queued: a page that reads slowly is told the latest when it has read. Events: `counts` (rows that changed), `away`
(the daemon does not answer), `over` (the session has ended: do not come back).
"""

import contextlib
import functools
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

import msgspec
import trio
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from console.context import Console, console_of
from console.daemon import Daemon
from console.door import Door, actor_of
from console.errors import DaemonAwayError, DatabaseAwayError, FieldErrors
from console.pages.render import moment, templates
from console.people.sessions import sessions_of
from protocol.messages import AccountUsage

IDS_MAX = 500
"""Of one page: the longest of the table."""
ASKED_AT_ONCE_MAX = 50
"""Of one request to the daemon. Calls wait while it answers: 0.3 ms for 50 accounts, 2.3 ms for 500."""
PAGES_MAX = 100
"""Open at once. More are refused and show the numbers they were loaded with: streams hold connections."""
ASKED_A_POLL_MAX = 2000
"""Where pages show more than 2,000 different accounts, each is asked for every second poll, or third, and so on."""
POLL_SECONDS = 1.0
SIGN_OF_LIFE_SECONDS = 15.0
"""So often something is sent although nothing changed: a browser that is gone is noticed by writing."""
SESSION_SECONDS = 30.0
"""So often a stream looks whether its session is still open; looking does not keep the session open."""
RECONNECT_MS = 5000

Usage = Mapping[int, AccountUsage]


class Shown(msgspec.Struct, frozen=True):
    """What a page shows of one account: counts, `last` as text, markers as HTML."""

    orig: int
    term: int
    last: str
    marks: str


class Counts(msgspec.Struct, frozen=True):
    """The event `counts`: account id -> what is shown of it from now on; None: the daemon does not know it."""

    rows: Mapping[int, Shown | None]


async def usage_of(daemon: Daemon, account_ids: Iterable[int]) -> Usage:
    """What these accounts have up, asked for in pieces so that no call waits for a page. DaemonAwayError."""
    left = list(account_ids)
    usage: dict[int, AccountUsage] = {}
    while left:
        asked, left = left[:ASKED_AT_ONCE_MAX], left[ASKED_AT_ONCE_MAX:]
        answer = await daemon.usage(asked)
        usage.update((account.account_id, account) for account in answer.accounts)
        if 0 < answer.omitted < len(asked):
            left = asked[len(asked) - answer.omitted :] + left
    return usage


class Page:
    """An open page: which accounts it shows and what it was told of them."""

    __slots__ = ("_account_ids", "_live", "_told")

    def __init__(self, live: "LiveCounts", account_ids: tuple[int, ...]) -> None:
        self._live = live
        self._account_ids = account_ids
        self._told: dict[int, AccountUsage | None] | None = None

    async def changed(self) -> Mapping[int, AccountUsage | None] | None:
        """After the next poll: what is different on this page, {} where nothing is; None while the daemon is away.

        None for one account: the daemon does not know it.
        """
        await self._live.polled()
        told = self._told
        if self._live.is_away:
            self._told = None
            return None
        self._told = {account_id: self._live.usage.get(account_id) for account_id in self._account_ids}
        return {key: usage for key, usage in self._told.items() if told is None or told[key] != usage}


Ask = Callable[[Iterable[int]], Awaitable[Usage]]
"""What accounts have up now; `DaemonAwayError`."""


class LiveCounts:
    """What the daemon last said about the accounts that open pages show. Polls while there is a page."""

    __slots__ = ("_ask_daemon", "_console", "_is_polling", "_offset", "_pages", "_polled", "is_away", "usage")

    def __init__(self, console: Console, ask: Ask) -> None:
        self._console = console
        self._ask_daemon = ask
        self._pages: dict[Page, tuple[int, ...]] = {}
        self._polled = trio.Event()
        self._is_polling = False
        self._offset = 0
        self.usage: dict[int, AccountUsage] = {}
        self.is_away = False

    def statistics(self) -> dict[str, int]:
        """Pages that are open, accounts on them."""
        return {"pages": len(self._pages), "accounts": len(self._wanted())}

    def is_full(self) -> bool:
        """Whether no further page is taken."""
        return len(self._pages) >= PAGES_MAX

    @contextlib.contextmanager
    def page(self, account_ids: tuple[int, ...]) -> Iterator["Page"]:
        """A page that shows these accounts, while it is open."""
        page = Page(self, account_ids)
        self._pages[page] = account_ids
        if not self._is_polling:
            self._is_polling = True
            self._console.nursery.start_soon(self._poll)
        try:
            yield page
        finally:
            del self._pages[page]

    async def polled(self) -> None:
        """Wait for the next answer of the daemon, or for it to be away."""
        await self._polled.wait()

    def _wanted(self) -> list[int]:
        return sorted({account_id for account_ids in self._pages.values() for account_id in account_ids})

    async def _poll(self) -> None:
        try:
            while self._pages:
                try:
                    await self._ask(self._wanted())
                except Exception as error:  # the boundary of this task: the console goes on, and so do we
                    self._console.log.error("live_counts_failed", exception=error)  # noqa: TRY400 - our own log
                    self.is_away = True
                polled, self._polled = self._polled, trio.Event()
                polled.set()
                await trio.sleep(POLL_SECONDS)
        finally:
            self._is_polling = False
            self.usage = {}

    async def _ask(self, wanted: list[int]) -> None:
        if len(wanted) > ASKED_A_POLL_MAX:
            start = self._offset % len(wanted)
            self._offset = start + ASKED_A_POLL_MAX
            wanted = (wanted + wanted)[start : start + ASKED_A_POLL_MAX]
        try:
            answered = await self._ask_daemon(wanted)
        except (DaemonAwayError, FieldErrors):
            self.is_away = True
            self.usage = {}
            return
        self.is_away = False
        for account_id in wanted:
            self.usage.pop(account_id, None)
        self.usage.update(answered)


def shown(usage: AccountUsage) -> Shown:
    """What a page shows of an account, the same when it is loaded and later."""
    marks = templates.get_template("accounts/cells.html").make_module().daemon_marks(usage)  # type: ignore[attr-defined] # a macro
    return Shown(usage.orig, usage.term, moment(usage.last_call_at), str(marks).strip())


async def stream(request: Request) -> Response:
    """GET /accounts/live?ids=1,2,3: the events of one page."""
    ids = read_ids(request.query_params.get("ids", ""))
    if not ids:
        return PlainTextResponse(f"ids: 1 to {IDS_MAX} account ids, divided by commas", 422)
    live = _live_counts_of(request)
    if live.is_full():
        return PlainTextResponse("too many pages with live counts are open", 503, {"Retry-After": "60"})
    return EventStream(request, live, ids)


def read_ids(text: str) -> tuple[int, ...]:
    """Account ids as the page's URL has them; () where that is not a list of 1 to 500."""
    words = text.split(",")
    if len(words) > IDS_MAX or not all(word.isascii() and word.isdigit() and len(word) <= 18 for word in words):
        return ()
    return tuple(dict.fromkeys(int(word) for word in words))


class EventStream(Response):
    """The answer that lasts until the browser goes or the session ends. No generator: it would outlive its task."""

    media_type = "text/event-stream"

    def __init__(self, request: Request, live: LiveCounts, account_ids: tuple[int, ...]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._request = request
        self._live = live
        self._account_ids = account_ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_await_leaving, receive, nursery.cancel_scope)
            await self._tell(send)
            nursery.cancel_scope.cancel()
        await send({"type": "http.response.body", "body": b""})

    async def _tell(self, send: Send) -> None:
        async def say(text: bytes) -> None:
            await send({"type": "http.response.body", "body": text + b"\n\n", "more_body": True})

        await say(b"retry: %d" % RECONNECT_MS)
        spoke = looked = trio.current_time()
        was_away = False
        with self._live.page(self._account_ids) as page:
            while True:
                changed = await page.changed()
                now = trio.current_time()
                if now - looked >= SESSION_SECONDS:
                    looked = now
                    if not await _is_session_open(self._request):
                        await say(b"event: over\ndata: {}")
                        return
                if text := _event(changed, was_away=was_away) or (now - spoke >= SIGN_OF_LIFE_SECONDS and b":"):
                    spoke = now
                    await say(text)
                was_away = changed is None


def _event(changed: Mapping[int, AccountUsage | None] | None, *, was_away: bool) -> bytes:
    """What is to be said after a poll; b"" where that is nothing."""
    if changed is None:
        return b"" if was_away else b"event: away\ndata: {}"
    if not changed:
        return b""
    rows = {key: None if usage is None else shown(usage) for key, usage in changed.items()}
    return b"event: counts\ndata: " + msgspec.json.encode(Counts(rows))


async def _await_leaving(receive: Receive, stream: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.cancel()


async def _is_session_open(request: Request) -> bool:
    """Read only: a page that is left open must not keep its session from getting idle."""
    console = console_of(request)
    try:
        open_sessions = await sessions_of(
            console.database, actor_of(request).id, console.wall(), console.settings.console
        )
    except DatabaseAwayError:
        return True  # nobody can say; the numbers are the daemon's
    return any(session.id == request.state.session_id for session in open_sessions)


def _live_counts_of(request: Request) -> LiveCounts:
    state = request.app.state
    if not hasattr(state, "live_counts"):
        console = console_of(request)
        state.live_counts = LiveCounts(console, functools.partial(usage_of, console.daemon))
    live: LiveCounts = state.live_counts
    return live


DOORS: tuple[Door, ...] = (Door("GET", "/accounts/live", "read", stream),)
