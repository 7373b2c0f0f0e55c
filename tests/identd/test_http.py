"""The HTTP listener over real sockets: its pages, and peers that are rude, slow, many or gone."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import trio

from identd import http

Ask = Callable[[bytes], Awaitable[bytes]]


@asynccontextmanager
async def listening(ready: bool = True, broken: list[Exception] | None = None) -> AsyncIterator[int]:
    def metrics() -> bytes:
        if broken is not None:
            raise RuntimeError("a page that breaks")
        return b"identd_ready 1\n"

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        site = http.pages(metrics, lambda: ready)
        nursery.start_soon(http.serve_http, listeners, site, (broken if broken is not None else []).append)
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()
    for listener in listeners:
        await listener.aclose()


async def ask(port: int, data: bytes) -> bytes:
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        answer = b""
        with trio.fail_after(3):
            await stream.send_all(data)
            async for part in stream:
                answer += part
        return answer


def get(path: str, method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("request_bytes", "status", "body"),
    [
        (get("/metrics"), 200, b"identd_ready 1\n"),
        (get("/metrics?name=x"), 200, b"identd_ready 1\n"),
        (get("/healthz"), 200, b"alive\n"),
        (get("/readyz"), 200, b"ready\n"),
        (get("/readyz", "HEAD"), 200, b""),
        (get("/"), 404, b"/metrics, /healthz or /readyz\n"),
        (get("/metrics/../etc/passwd"), 404, b"/metrics, /healthz or /readyz\n"),
        (get("/metrics", "POST"), 405, b"GET or HEAD\n"),
        (b"GET /healthz HTTP/1.0\r\n\r\n", 200, b"alive\n"),
        (b"nonsense\r\n\r\n", 400, b"bad request\n"),
        (b"GET /metrics HTTP/1.1\r\n\r\n", 400, b"bad request\n"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", 400, b"bad request\n"),
        (b"GET /" + b"x" * 9000, 431, b"bad request\n"),
        (get("/healthz") + get("/healthz"), 200, b"alive\n"),
    ],
)
async def test_each_request_has_its_answer_and_the_connection_ends(
    request_bytes: bytes, status: int, body: bytes
) -> None:
    async with listening() as port:
        head, _, got = (await ask(port, request_bytes)).partition(b"\r\n\r\n")
        assert (int(head.split()[1]), got) == (status, body)
        assert b"connection: close" in head.lower()


async def test_without_data_it_is_alive_but_not_ready() -> None:
    async with listening(ready=False) as port:
        assert b" 503 " in await ask(port, get("/readyz"))
        assert b" 200 " in await ask(port, get("/healthz"))


async def test_a_page_that_breaks_costs_one_answer() -> None:
    broken: list[Exception] = []
    async with listening(broken=broken) as port:
        assert b" 500 " in await ask(port, get("/metrics"))
        assert b" 200 " in await ask(port, get("/healthz"))
    assert [str(error) for error in broken] == ["a page that breaks"]


async def test_peers_that_say_nothing_are_bounded_and_in_the_end_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "SECONDS_MAX", 0.3)
    async with listening() as port:
        silent = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(http.CONNECTIONS_MAX)]
        began = trio.current_time()
        assert b" 200 " in await ask(port, get("/healthz"))  # waits until one of the silent is dropped
        assert 0.2 < trio.current_time() - began < 2
        for stream in silent:
            with trio.fail_after(2):
                with suppress(trio.BrokenResourceError):
                    assert await stream.receive_some(1) == b""
            await stream.aclose()


async def test_a_peer_that_vanishes_costs_nobody_else() -> None:
    async with listening() as port:
        for data in (b"", b"GET", get("/metrics")):
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            if data:
                await stream.send_all(data)
            await trio.aclose_forcefully(stream)
        assert b" 200 " in await ask(port, get("/healthz"))
