"""What holds for every answer and every request body, whatever is behind it: headers, sizes, patience. Pure ASGI.

The outermost layer: also a fault, a file of `static/` and an address with nothing at it pass through here. What is
refused here is refused before anybody is asked who they are, so that it costs us nothing.
"""

import contextlib
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec
import trio
from starlette.exceptions import HTTPException
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.door import FORM_BYTES_MAX, Door
from identd.settings import ConsoleSection

REQUESTS_MAX = 256
"""At once, pages with live counts included: some 50 KB each. More is no team of operators."""
BODY_SECONDS = 20.0
"""To wait for a body however small it is, all pauses together."""
BODY_BYTES_PER_SECOND_MIN = 16_384
"""On the average after that: 64 MB by a slow line take an hour, and one byte a second is no line."""

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (
        b"content-security-policy",
        b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),  # without any, browsers would say "Origin: null" with our own forms
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), hid=()"),
)
TRANSPORT = (b"strict-transport-security", b"max-age=31536000")
NOT_STORED = (b"cache-control", b"no-store")

_PORTS = {"http": 80, "https": 443}


class Hardening:
    """Around the whole application. `statistics()` for whoever wonders why it answers 503."""

    __slots__ = ("_app", "_doors", "_headers", "_hosts", "_origin", "_other_name", "_requests")

    def __init__(self, app: ASGIApp, doors: Sequence[Door], settings: ConsoleSection) -> None:
        self._app = app
        upload_bytes_max = settings.import_bytes_max + FORM_BYTES_MAX  # the file, and what stands around it
        self._doors = [
            (door.method, compile_path(door.path)[0], min(door.body_bytes_max, upload_bytes_max)) for door in doors
        ]
        self._origin = settings.origin
        self._hosts = hosts_of(settings)
        port = settings.endpoint.port
        is_own = settings.endpoint.host in ("127.0.0.1", "::1") and not settings.public_url
        self._other_name = f"localhost:{port}".encode() if is_own else None
        self._headers = (*HEADERS, TRANSPORT) if settings.origin.startswith("https:") else HEADERS
        self._requests = 0

    def statistics(self) -> dict[str, int]:
        """How many requests are being answered now, and how many may be."""
        return {"requests": self._requests, "requests_max": REQUESTS_MAX}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_hardened(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": self._with_headers(scope, message)}
            await send(message)

        if self._is_by_the_other_name(scope):
            await _answer(scope, send_hardened, 307, "elsewhere", f"{self._origin}/", location=f"{self._origin}/")
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await _answer(scope, send_hardened, *refusal)
            return
        self._requests += 1
        try:
            await self._app(scope, self._bounded(scope, receive), send_hardened)
        except Exception:
            # Starlette has logged it, answered 500 and raises it once more for servers that want to know
            if not started:
                await _answer(scope, send_hardened, 500, "internal", "A fault of ours; it is in the console's log.")
        finally:
            self._requests -= 1

    def _is_by_the_other_name(self, scope: Scope) -> bool:
        """People type `localhost`, and the cookie and the forms are those of the address: they are sent there."""
        if self._other_name is None or scope["method"] not in ("GET", "HEAD"):
            return False
        return bool(dict(scope["headers"]).get(b"host", b"").lower() == self._other_name)

    def _refusal(self, scope: Scope) -> tuple[int, str, str] | None:
        headers = dict(scope["headers"])
        if headers.get(b"host", b"").decode("latin-1").lower() not in self._hosts:
            # a foreign name that leads here is how a page of another site would read ours (DNS rebinding)
            return 421, "misdirected", f"This console is at {self._origin}"
        if _announced(headers) > self._body_bytes_max(scope):
            return 413, "too_large", "The request is too large."
        if self._requests >= REQUESTS_MAX:
            return 503, "busy", "Too many requests at once: try again in a moment."
        return None

    def _body_bytes_max(self, scope: Scope) -> int:
        for method, pattern, body_bytes_max in self._doors:
            if method == scope["method"] and pattern.match(scope["path"]):
                return body_bytes_max
        return FORM_BYTES_MAX

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """`receive`, with an end to how much and how slowly. Raises what Starlette makes 413 or 408 of."""
        bytes_max = self._body_bytes_max(scope)
        received = 0
        waited = 0.0  # for the other side only: what we do between two pieces is not its fault
        is_whole = False

        async def receive_bounded() -> Message:
            nonlocal received, waited, is_whole
            if is_whole:  # whoever still asks waits for the other side to hang up
                return await receive()
            asked_at = trio.current_time()
            try:
                with trio.fail_after(max(0.0, BODY_SECONDS + received / BODY_BYTES_PER_SECOND_MIN - waited)):
                    message = await receive()
            except trio.TooSlowError:
                raise HTTPException(408, "The request did not arrive in time.") from None
            waited += trio.current_time() - asked_at
            received += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            if received > bytes_max:
                raise HTTPException(413, "The request is too large.")
            return message

        return receive_bounded

    def _with_headers(self, scope: Scope, start: Message) -> list[tuple[bytes, bytes]]:
        headers: list[tuple[bytes, bytes]] = list(start.get("headers", ()))
        said = {name.lower() for name, _ in headers}
        may_be_stored = scope["path"].startswith("/static/") and start["status"] in (200, 206, 304)
        added = self._headers if may_be_stored else (*self._headers, NOT_STORED)
        return [*headers, *((name, value) for name, value in added if name not in said)]


def hosts_of(settings: ConsoleSection) -> frozenset[str]:
    """What a request's Host may be: the origin's, and, as a proxy may say it, the address that we listen on."""
    found = {str(settings.endpoint)}
    origin = urlsplit(settings.origin)
    found.add(origin.netloc)
    usual = _PORTS[origin.scheme]
    if origin.port in (None, usual):
        host = origin.netloc.removesuffix(f":{usual}")
        found |= {host, f"{host}:{usual}"}
    return frozenset(host.lower() for host in found)


def _announced(headers: dict[bytes, bytes]) -> int:
    """What Content-Length says; 0 where it says nothing (chunks are counted as they come)."""
    with contextlib.suppress(ValueError):
        return int(headers.get(b"content-length", b"0"))
    return 0


async def _answer(scope: Scope, send: Send, status: int, error: str, message: str, location: str = "") -> None:
    """A short answer without a page: this far nobody has looked who is asking."""
    is_api = scope["path"].startswith("/api/")
    body = msgspec.json.encode({"error": error, "message": message}) if is_api else f"{message}\n".encode()
    content_type = b"application/json" if is_api else b"text/plain; charset=utf-8"
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    if status in (503, 429):
        headers.append((b"retry-after", b"2"))
    if location:
        headers.append((b"location", location.encode("latin-1")))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
