"""Sizes, patience, headers and names: over a real socket where the peer is rude, else in this process."""

import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import httpx
import pytest
import trio
import trio.testing
from hypercorn.trio import serve
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from console import hardening as console_hardening
from console import slow_readers
from console.app import application
from console.context import Console
from console.door import FORM_BYTES_MAX, Actor, Door
from console.hardening import BODY_SECONDS, Hardening, hosts_of
from console.main import http_config
from console.pages.render import redirect, static
from console.people.sessions import COOKIE
from console.places import NOBODY_MAX, NOBODY_SITE_MAX, REQUESTS_MAX
from identd.settings import ConsoleSection
from tests.console.conftest import ORIGIN, Browser

SECURE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
HOST = b"127.0.0.1:8878"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the whole body and says how long it was."""
    length = 0
    while True:
        message = await receive()
        length += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(length).encode()})


def hardened(app: ASGIApp = echo, doors: tuple[Door, ...] = (), **settings: Any) -> Hardening:
    return Hardening(app, doors, ConsoleSection(**settings))


@contextlib.asynccontextmanager
async def served(console: Console, app: ASGIApp | None = None) -> AsyncIterator[int]:
    """The whole console on a port of this machine, as `identd console` serves it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = http_config(console.settings, listener)
        config.keep_alive_timeout = 1.0
        async with trio.open_nursery() as nursery:
            answering = cast("Any", app or application(console))
            await nursery.start(lambda task_status: serve(answering, config, task_status=task_status))
            yield listener.getsockname()[1]
            nursery.cancel_scope.cancel()


async def deaf(port: int, request: bytes, times: int = 200) -> trio.SocketStream:
    """A connection that asks again and again, and reads no answer."""
    stream = trio.SocketStream(trio.socket.socket())
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    await stream.socket.connect(("127.0.0.1", port))
    with trio.move_on_after(0.2):
        await stream.send_all(request * times)
    return stream


async def nobodys_are(app: Hardening, count: int) -> None:
    """Wait until so many places of nobody are held."""
    with trio.fail_after(20):
        while app.statistics()["nobodys"] != count:  # noqa: ASYNC110 - nobody tells when a place is taken
            await trio.sleep(0.01)


async def said(stream: trio.SocketStream, data: bytes = b"", *, seconds: float = 10.0) -> bytes:
    """Send, then read until the other side closes or one whole answer is here."""
    answer = b""
    with trio.fail_after(seconds), contextlib.suppress(trio.BrokenResourceError):
        if data:
            await stream.send_all(data)
        while b"\r\n\r\n" not in answer:
            piece = await stream.receive_some()
            if not piece:
                break
            answer += piece
    return answer


@pytest.mark.parametrize(
    ("path", "status"),
    [("/login", 200), ("/nowhere", 404), ("/api/v1/nowhere", 404), ("/static/style.css", 200), ("/static/no", 404),
     ("/me", 303)],
)  # fmt: skip
async def test_every_answer_has_the_headers(stranger: httpx.AsyncClient, path: str, status: int):
    answer = await stranger.get(path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in SECURE} == SECURE
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "strict-transport-security" not in answer.headers
    assert ("no-store" in answer.headers.get("cache-control", "")) != (path == "/static/style.css")
    assert "server" not in answer.headers


async def test_a_fault_has_them_too_and_says_nothing_of_itself(console: Console, stranger: httpx.AsyncClient):
    def broken() -> float:
        raise RuntimeError("the inner secret")

    console.wall = broken
    answer = await stranger.get("/login", headers={"cookie": f"{COOKIE}=x"})
    assert answer.status_code == 500
    assert "inner secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_with_https_browsers_are_told_to_stay_there():
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(hardened(public_url="https://identd.example.net")),
        base_url="https://identd.example.net",
    ) as client:
        assert "max-age" in (await client.get("/")).headers["strict-transport-security"]


async def test_behind_a_proxy_with_https_cookies_are_secure():
    async def said_after_a_form(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        request.state.actor = Actor(name="rose", role="viewer", kind="person", csrf="token-of-rose")
        await redirect(request, "/then", "It is saved.")(scope, receive, send)

    for origin, is_secure in (("https://identd.example.net", True), (ORIGIN, False)):
        app = cast("Any", hardened(said_after_a_form, public_url=origin))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8878") as client:
            assert ("Secure" in (await client.get("/do")).headers["set-cookie"]) == is_secure


@pytest.mark.parametrize(
    ("settings", "hosts"),
    [
        ({}, {"127.0.0.1:8878"}),
        ({"listen": "[::1]:8878"}, {"[::1]:8878"}),
        (
            {"public_url": "https://identd.example.net"},
            {"127.0.0.1:8878", "identd.example.net", "identd.example.net:443"},
        ),
        ({"public_url": "https://Identd.example.net:8443"}, {"127.0.0.1:8878", "identd.example.net:8443"}),
        ({"listen": "127.0.0.1:80"}, {"127.0.0.1:80", "127.0.0.1"}),
    ],
)
def test_the_console_goes_by_its_own_name_only(settings: dict[str, Any], hosts: set[str]):
    assert hosts_of(ConsoleSection(**settings)) == hosts


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:8879", "127.0.0.1:8878.evil.example", ""])
async def test_a_foreign_name_that_leads_here_gets_no_page(stranger: httpx.AsyncClient, host: str):
    answer = await stranger.get("/login", headers={"host": host})
    assert answer.status_code == 421
    assert ORIGIN in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_who_types_localhost_is_sent_to_the_address(stranger: httpx.AsyncClient):
    answer = await stranger.get("/accounts/5/edit?x=1&y=%26", headers={"host": "localhost:8878"})
    assert (answer.status_code, answer.headers["location"]) == (307, f"{ORIGIN}/accounts/5/edit?x=1&y=%26")
    program = await stranger.get("/api/v1/accounts", headers={"host": "localhost:8878"})
    assert (program.status_code, program.json()["error"]) == (421, "misdirected")
    assert (await stranger.post("/login", headers={"host": "localhost:8878"})).status_code == 421
    assert (await stranger.get("/login", headers={"host": "localhost:1"})).status_code == 421


async def test_a_body_that_announces_too_much_is_refused_unread(stranger: httpx.AsyncClient):
    async def pieces() -> AsyncIterator[bytes]:
        raise AssertionError("somebody reads it")
        yield b""

    headers = {"content-length": str(8 * 1024 * 1024), "origin": ORIGIN}
    answer = await stranger.post("/login", content=pieces(), headers=headers)
    assert answer.status_code == 413


async def test_a_file_over_the_limit_is_answered_by_a_page_that_says_the_limit_and_leads_back(
    console: Console, browser_of: Browser
):
    browser = await browser_of("operator")
    bytes_max = console.settings.console.import_bytes_max
    answer = await browser.post("/accounts/import", headers={"content-length": str(bytes_max * 2)}, content=b"")
    assert answer.status_code == 413
    assert answer.headers["content-type"].startswith("text/html")
    assert f"{bytes_max + FORM_BYTES_MAX:,} bytes" in answer.text
    assert 'href="/accounts/import"' in answer.text
    assert 'href="/logout"' in answer.text or 'action="/logout"' in answer.text
    program = await browser.post("/api/v1/accounts", headers={"content-length": str(bytes_max * 2)}, content=b"")
    assert (program.status_code, program.json()["error"]) == (413, "too_large")


async def test_files_of_pages_are_kept_for_ever_under_the_url_with_their_hash(stranger: httpx.AsyncClient):
    kept = {
        url: (await stranger.get(url)).headers["cache-control"]
        for url in (
            static("style.css"),
            "/static/style.css",
            "/static/style.css?v=of-another-version",
            "/static/no?v=1",
        )
    }
    assert list(kept.values()) == [
        "public, max-age=31536000, immutable", "public, max-age=60", "public, max-age=60", "no-store",
    ]  # fmt: skip


async def test_a_body_in_chunks_is_refused_as_soon_as_it_is_too_large(console: Console):
    given = 0
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        nonlocal given
        given += 8192
        return {"type": "http.request", "body": b"a" * 8192, "more_body": True}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = [(b"host", HOST), (b"origin", ORIGIN.encode()), (b"content-type", b"application/x-www-form-urlencoded")]
    scope = {"type": "http", "method": "POST", "path": "/login", "query_string": b"", "headers": headers}
    await application(console)(scope, receive, send)
    assert (statuses, given) == ([413], 24_576)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
async def test_where_there_is_no_door_the_bound_is_that_of_a_form(method: str):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(hardened()), base_url=ORIGIN) as client:
        assert (await client.request(method, "/x", content=b"a" * FORM_BYTES_MAX)).text == str(FORM_BYTES_MAX)
        assert (await client.request(method, "/x", content=b"a" * (FORM_BYTES_MAX + 1))).status_code == 413


async def test_8_mb_at_every_door_for_forms_are_refused(browser_of: Callable[[str], Awaitable[httpx.AsyncClient]]):
    from console.app import DOORS

    browser = await browser_of("admin")
    body = b"a" * (8 * 1024 * 1024)
    for path in {door.path for door in DOORS if door.method == "POST" and door.body_bytes_max <= FORM_BYTES_MAX}:
        plain = path.replace(":int}", "}").replace("{", "").replace("}", "")
        answer = await browser.post(plain if "_id" not in path else "/login", content=body)
        assert answer.status_code == 413, path


DOORS = (Door("GET", "/inside", "read", cast("Any", echo)), Door("GET", "/login", None, cast("Any", echo)))


@contextlib.asynccontextmanager
async def held(app: Hardening, blocked: trio.Event, *asked: tuple[str, str, int]) -> AsyncIterator[None]:
    """While requests are being answered: path, address, how many."""
    async with trio.open_nursery() as nursery:
        for path, address, count in asked:
            for _ in range(count):
                nursery.start_soon(asked_by, app, path, address)
        await trio.testing.wait_all_tasks_blocked()
        yield
        blocked.set()


async def asked_by(app: Hardening, path: str = "/login", address: str = "192.0.2.1", **headers: str) -> int:
    transport = httpx.ASGITransport(cast("Any", app), client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client:
        answer = await client.get(path)
        assert (answer.headers.get("retry-after") == "2") == (answer.status_code == 503)
        return answer.status_code


@pytest.fixture
def blocked() -> trio.Event:
    """Until it is set, `waiting` answers nobody."""
    return trio.Event()


@pytest.fixture
def waiting(blocked: trio.Event) -> ASGIApp:
    """Somebody is logged in, and answered late."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/inside":
            scope["state"]["actor"] = "somebody"
        await blocked.wait()
        await echo(scope, receive, send)

    return answer


async def test_more_requests_at_once_than_we_bear_are_told_to_come_again(waiting: ASGIApp, blocked: trio.Event):
    app = hardened(waiting, DOORS)
    async with held(app, blocked, ("/inside", "192.0.2.1", REQUESTS_MAX)):
        assert app.statistics()["requests"] == REQUESTS_MAX
        assert await asked_by(app, "/inside") == 503
    assert app.statistics()["requests"] == 0
    assert await asked_by(app, "/inside") == 200


async def test_nobody_takes_no_place_of_those_who_are_logged_in(waiting: ASGIApp, blocked: trio.Event):
    app = hardened(waiting, DOORS)
    sites = [("/login", f"192.0.2.{number}", 16) for number in range(NOBODY_MAX // 16)]
    async with held(app, blocked, *sites, ("/inside", "198.51.100.1", 1)):
        assert app.statistics() == {"requests": 1, "requests_max": 256, "nobodys": 64, "nobodys_max": 64}
        assert await asked_by(app, "/login", "203.0.113.1") == 503
        assert await asked_by(app, "/nothing/here", "203.0.113.1") == 503
    assert app.statistics()["nobodys"] == 0


async def test_one_address_takes_some_places_of_nobody_only(waiting: ASGIApp, blocked: trio.Event):
    app = hardened(waiting, DOORS)
    async with held(app, blocked, ("/login", "2001:db8::1", NOBODY_SITE_MAX)):
        assert await asked_by(app, "/login", "2001:db8::2") == 503
        with trio.move_on_after(0.1) as refused:
            await asked_by(app, "/login", "2001:db8:0:1::1")
        assert refused.cancelled_caught, "it has a place and waits"


async def test_behind_a_proxy_the_address_is_the_one_that_it_says(waiting: ASGIApp, blocked: trio.Event):
    app = hardened(waiting, DOORS, public_url=ORIGIN)
    async with held(app, blocked, ("/login", "127.0.0.1", NOBODY_SITE_MAX)):
        assert await asked_by(app, "/login", "127.0.0.1") == 503
        with trio.move_on_after(0.1) as refused:
            await asked_by(app, "/login", "127.0.0.1", **{"x-forwarded-for": "203.0.113.9"})
        assert refused.cancelled_caught, "it has a place and waits"


async def test_whoever_reads_nothing_gives_the_place_back(console: Console, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(slow_readers, "SEND_BYTES_PER_SECOND_MIN", 10**7)
    monkeypatch.setattr(console_hardening, "NOBODY_SEND_SECONDS", 2.0)
    app = cast("Hardening", application(console))
    request = b"GET /static/htmx-2.0.11.min.js HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n"
    async with served(console, app) as port:
        streams = [await deaf(port, request) for _ in range(4)]
        await nobodys_are(app, 4)
        await nobodys_are(app, 0)
        for stream in streams:
            await stream.aclose()


async def test_whoever_reads_nothing_and_is_still_sending_gives_the_place_back(
    console: Console, monkeypatch: pytest.MonkeyPatch
):
    """Pieces that nobody takes fill the server's queue, and it cannot say any more that the other side is gone."""
    monkeypatch.setattr(console_hardening, "NOBODY_SEND_SECONDS", 0.5)
    app = cast("Hardening", application(console))
    head = b"POST /login HTTP/1.1\r\nHost: %b\r\nOrigin: %b\r\nTransfer-Encoding: chunked\r\n" % (
        HOST,
        ORIGIN.encode(),
    )
    head += b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    async with served(console, app) as port:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        with contextlib.suppress(trio.BrokenResourceError):
            await stream.send_all(head + (b"1000\r\n" + b"a" * 4096 + b"\r\n") * 100)
        await trio.sleep(0.2)
        await nobodys_are(app, 0)
        await stream.aclose()


async def test_a_slow_body_is_waited_for_only_so_long(console: Console, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(console_hardening, "NOBODY_BODY_SECONDS", 0.4)
    head = (
        b"POST /login HTTP/1.1\r\nHost: %b\r\nOrigin: %b\r\nContent-Length: 1000\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" % (HOST, ORIGIN.encode())
    )
    async with served(console) as port:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        began = trio.current_time()
        await stream.send_all(head)

        async def drip() -> None:
            with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                while True:
                    await stream.send_all(b"a")
                    await trio.sleep(0.05)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(drip)
            answer = await said(stream)
            nursery.cancel_scope.cancel()
        assert answer.startswith(b"HTTP/1.1 408")
        assert 0.3 < trio.current_time() - began < BODY_SECONDS
        await stream.aclose()


async def test_slow_headers_end_with_the_connection(console: Console):
    async with served(console) as port:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(b"GET /login HTTP/1.1\r\nHost: ")
        with trio.fail_after(8):
            while True:
                await trio.sleep(0.2)
                try:
                    await stream.send_all(b"a")
                except trio.BrokenResourceError:
                    break
        await stream.aclose()


async def test_a_head_that_does_not_end_is_refused(console: Console):
    async with served(console) as port:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        answer = await said(stream, b"GET /login HTTP/1.1\r\nHost: " + HOST + b"\r\nX: " + b"a" * 70_000)
        assert answer == b"" or answer.split()[1] in (b"400", b"431")
        await stream.aclose()


async def test_two_lengths_or_a_length_and_chunks_are_no_request(console: Console):
    """Request smuggling: a proxy and we must never see two different requests."""
    start = b"POST /login HTTP/1.1\r\nHost: " + HOST + b"\r\n"
    async with served(console) as port:
        for lines in (
            b"Content-Length: 5\r\nContent-Length: 6\r\n",
            b"Content-Length: 0x5\r\n",
            b"Transfer-Encoding: chunked, identity\r\n",
            b"X: a\r\n folded: b\rc\r\n",
        ):
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            answer = await said(stream, start + lines + b"\r\nabcde")
            assert answer.split()[1] in (b"400", b"501"), lines
            await stream.aclose()


async def test_whoever_is_refused_asks_once_a_connection(console: Console):
    """A thousand requests with a forged cookie fit into one packet or two."""
    request = b"GET /accounts HTTP/1.1\r\nHost: " + HOST + b"\r\nCookie: __Host-identd=" + b"x" * 43 + b"\r\n\r\n"
    async with served(console) as port:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(request * 100)
        answers = b""
        with trio.fail_after(10), contextlib.suppress(trio.BrokenResourceError):
            while piece := await stream.receive_some():
                answers += piece
        assert answers.count(b"HTTP/1.1 303") == 1
        await stream.aclose()
