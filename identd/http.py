"""The HTTP listener: /metrics, /healthz, /readyz, for Prometheus and for supervisors. GET and HEAD, nothing else.

h11 parses; this file bounds: connections, bytes of a request, seconds for everything. One request a connection: a
scrape every few seconds needs no keep-alive, and a connection that always ends cannot be held.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus

import h11
import trio

REQUEST_BYTES_MAX = 8192
"""Request line and headers; a browser's are some 1 KB. h11 answers more with 431."""

SECONDS_MAX = 5.0
"""From accept to close, reading and writing together. Prometheus gives up after 10 s."""

CONNECTIONS_MAX = 16
"""A few scrapers and a supervisor. Whoever comes later waits in the kernel's backlog, costing us nothing."""

READ_BYTES = 4096

Page = tuple[HTTPStatus, str, bytes]
"""Status, content type, body."""

TEXT = "text/plain; charset=utf-8"
METRICS_TEXT = "text/plain; version=0.0.4; charset=utf-8"


def pages(metrics: Callable[[], bytes], is_ready: Callable[[], bool]) -> dict[bytes, Callable[[], Page]]:
    """The pages by path. `metrics` and `is_ready` run on the call thread and must be short."""

    def ready() -> Page:
        if is_ready():
            return HTTPStatus.OK, TEXT, b"ready\n"
        return HTTPStatus.SERVICE_UNAVAILABLE, TEXT, b"not ready\n"

    return {
        b"/metrics": lambda: (HTTPStatus.OK, METRICS_TEXT, metrics()),
        b"/healthz": lambda: (HTTPStatus.OK, TEXT, b"alive\n"),
        b"/readyz": ready,
    }


async def serve_http(
    listeners: Sequence[trio.SocketListener],
    site: dict[bytes, Callable[[], Page]],
    on_broken: Callable[[Exception], None],
) -> None:
    """Serve until cancelled. `on_broken` is told of a page that raised; its answer is 500 and the rest goes on."""
    room = trio.CapacityLimiter(CONNECTIONS_MAX)

    async def take_turns(listener: trio.SocketListener) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                who = object()
                await room.acquire_on_behalf_of(who)  # before accept: the backlog is the queue
                try:
                    stream = await listener.accept()
                except BaseException as error:
                    room.release_on_behalf_of(who)
                    if not isinstance(error, OSError):
                        raise
                    await trio.sleep(0.1)  # out of file descriptors: a busy loop would not give one back
                    continue
                nursery.start_soon(turn, stream, who)

    async def turn(stream: trio.SocketStream, who: object) -> None:
        try:
            # suppressed: the peer left, or does not speak HTTP and would not hear our answer
            with trio.move_on_after(SECONDS_MAX), suppress(trio.BrokenResourceError, h11.ProtocolError):
                await _answer_one(stream, site, on_broken)
        finally:
            room.release_on_behalf_of(who)
            await trio.aclose_forcefully(stream)

    async with trio.open_nursery() as all_listeners:
        for listener in listeners:
            all_listeners.start_soon(take_turns, listener)


async def _answer_one(
    stream: trio.SocketStream, site: dict[bytes, Callable[[], Page]], on_broken: Callable[[Exception], None]
) -> None:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=REQUEST_BYTES_MAX)
    head_only = False
    try:
        event = connection.next_event()
        while event is h11.NEED_DATA:
            connection.receive_data(await stream.receive_some(READ_BYTES))
            event = connection.next_event()
        if not isinstance(event, h11.Request):
            return  # closed without a word
        head_only = event.method == b"HEAD"
        page = _page(event, site, on_broken)
    except h11.RemoteProtocolError as error:
        if connection.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        page = HTTPStatus(error.error_status_hint), TEXT, b"bad request\n"
    status, content_type, body = page
    headers = [("content-type", content_type), ("content-length", str(len(body))), ("connection", "close")]
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append(("allow", "GET, HEAD"))
    answer = connection.send(h11.Response(status_code=status, reason=status.phrase.encode(), headers=headers)) or b""
    if not head_only:
        answer += connection.send(h11.Data(data=body)) or b""
    answer += connection.send(h11.EndOfMessage()) or b""
    await stream.send_all(answer)
    await stream.send_eof()
    # Closing while the peer's bytes are unread would reset the connection and may lose the answer: read on, bounded.
    for _ in range(REQUEST_BYTES_MAX // READ_BYTES):
        if not await stream.receive_some(READ_BYTES):
            return


def _page(
    request: h11.Request, site: dict[bytes, Callable[[], Page]], on_broken: Callable[[Exception], None]
) -> Page:
    if request.method not in {b"GET", b"HEAD"}:
        return HTTPStatus.METHOD_NOT_ALLOWED, TEXT, b"GET or HEAD\n"
    make = site.get(request.target.partition(b"?")[0])
    if make is None:
        return HTTPStatus.NOT_FOUND, TEXT, b"/metrics, /healthz or /readyz\n"
    try:
        return make()
    except Exception as error:  # the seam: a page that breaks must cost one scrape, not the daemon
        on_broken(error)
        return HTTPStatus.INTERNAL_SERVER_ERROR, TEXT, b"the page could not be made\n"
