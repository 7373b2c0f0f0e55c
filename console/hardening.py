"""What holds for every answer and every request body, whatever is behind it: headers, sizes, patience. Pure ASGI.

The outermost layer: also a fault, a file of `static/` and an address with nothing at it pass through here. What is
refused here is refused before anybody is asked who they are, so that it costs us nothing.
"""

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import quote, urlsplit

import msgspec
import trio
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.door import FORM_BYTES_MAX, Door
from console.pages.render import STATIC_FOLDER, static
from console.people.origin_address import address_from, site_of
from console.places import Kind, Place, Places
from console.slow_readers import NOBODY_SEND_SECONDS, SEND_SECONDS, Ended, send_within
from identd.settings import ConsoleSection

BODY_SECONDS = 20.0
"""To wait for a body however small it is, all pauses together."""
NOBODY_BODY_SECONDS = 5.0
"""The same for whoever has not shown who they are: a name and a password are one packet."""
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
KEPT = (b"cache-control", b"public, max-age=31536000, immutable")
"""A file of `static/` under the URL that has its hash in it."""
KEPT_A_MINUTE = (b"cache-control", b"public, max-age=60")

CLOSED = ((b"connection", b"close"),)

_PORTS = {"http": 80, "https": 443}


Refuse = Callable[[Scope, int, str, str, str], Awaitable[Response]]
"""A refusal as a page or as JSON: scope, status, code, title, message."""


class Hardening:
    """Around the whole application. `statistics()` for whoever wonders why it answers 503.

    `refuse` makes the answer to a body that is too large, which people get to see.
    """

    __slots__ = (
        "_app", "_doors", "_ended", "_headers", "_hosts", "_is_behind_proxy", "_kept", "_origin", "_other_name",
        "_places", "_refuse", "_scheme",
    )  # fmt: skip

    def __init__(
        self, app: ASGIApp, doors: Sequence[Door], settings: ConsoleSection, refuse: Refuse | None = None
    ) -> None:
        self._app = app
        self._refuse = refuse
        upload_bytes_max = settings.import_bytes_max + FORM_BYTES_MAX  # the file, and what stands around it
        self._doors = [
            (door.method, compile_path(door.path)[0], min(door.body_bytes_max, upload_bytes_max), _kind(door))
            for door in doors
        ]
        self._origin = settings.origin
        self._scheme = settings.origin.partition(":")[0]
        self._hosts = hosts_of(settings)
        self._is_behind_proxy = bool(settings.public_url)
        port = settings.endpoint.port
        is_own = settings.endpoint.host in ("127.0.0.1", "::1") and not settings.public_url
        self._other_name = f"localhost:{port}".encode() if is_own else None
        self._headers = (*HEADERS, TRANSPORT) if settings.origin.startswith("https:") else HEADERS
        self._kept = frozenset(
            static(str(file.relative_to(STATIC_FOLDER))) for file in STATIC_FOLDER.rglob("*") if file.is_file()
        )
        self._places = Places()
        self._ended = Ended()

    def statistics(self) -> dict[str, int]:
        """How many requests are being answered now, and how many may be."""
        return self._places.statistics()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["scheme"] = self._scheme  # behind a proxy the server sees http where the browser has https
        bytes_max, kind = self._behind(scope)
        state = scope.setdefault("state", {})  # where the guard puts who is asking
        body = _Body(receive, bytes_max, NOBODY_BODY_SECONDS if kind == "nobody" else BODY_SECONDS)
        place: Place | None = None
        started = False

        async def send_hardened(message: Message) -> None:
            nonlocal started
            is_known = state.get("actor") is not None
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": self._with_headers(scope, message)}
                if place is None or (kind == "known" and not is_known):
                    # who is refused asks once a connection, and not a thousand times in one packet
                    message["headers"] += CLOSED if scope["http_version"].startswith("1") else ()
                if place is not None and place.kind == "known" and not is_known:
                    self._places.is_nobodys(place)
            seconds = SEND_SECONDS if is_known else NOBODY_SEND_SECONDS
            if not await send_within(send, message, seconds, None if body.is_whole else body.drain):
                self._ended.add(scope)

        if self._ended.has(
            scope
        ):  # what it had asked for beforehand nobody reads: Hypercorn closes what is not answered
            return
        if self._is_by_the_other_name(scope):
            await _answer(scope, send_hardened, 307, "elsewhere", self._origin, location=self._here(scope))
            return
        headers = dict(scope["headers"])
        if headers.get(b"host", b"").decode("latin-1").lower() not in self._hosts:
            # a foreign name that leads here is how a page of another site would read ours (DNS rebinding)
            message = f"This console is at {self._origin}"
            await _answer(scope, send_hardened, 421, "misdirected", message)
            return
        place = self._places.take(kind, self._site(scope, headers))
        if place is None:
            await _answer(scope, send_hardened, 503, "busy", "Too many requests at once: try again in a moment.")
            return
        try:
            if _announced(headers) > bytes_max:
                await self._refuse_size(scope, receive, send_hardened, bytes_max)
            else:
                await self._app(scope, body.receive, send_hardened)
        except Exception:
            # Starlette has logged it, answered 500 and raises it once more for servers that want to know
            if not started:
                await _answer(scope, send_hardened, 500, "internal", "A fault of ours; it is in the console's log.")
        finally:
            self._places.give_back(place)

    async def _refuse_size(self, scope: Scope, receive: Receive, send: Send, bytes_max: int) -> None:
        message = too_large(bytes_max)
        if self._refuse is None:
            await _answer(scope, send, 413, "too_large", message)
            return
        response = await self._refuse(scope, 413, "too_large", "Too large", message)
        await response(scope, receive, send)

    def _is_by_the_other_name(self, scope: Scope) -> bool:
        """People type `localhost`, and the cookie and the forms are those of the address: they are sent there."""
        if self._other_name is None or scope["method"] not in ("GET", "HEAD") or scope["path"].startswith("/api/"):
            return False
        return bool(dict(scope["headers"]).get(b"host", b"").lower() == self._other_name)

    def _here(self, scope: Scope) -> str:
        """The URL that was asked for, at our own name."""
        query = scope["query_string"].decode("latin-1")
        return f"{self._origin}{quote(scope['path'])}{'?' if query else ''}{query}"

    def _site(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        peer = (scope.get("client") or ("", 0))[0]
        said = headers.get(b"x-forwarded-for", b"").decode("latin-1")
        return site_of(address_from(peer, said, is_behind_proxy=self._is_behind_proxy))

    def _behind(self, scope: Scope) -> tuple[int, Kind]:
        """What the door takes in bytes, and whether it is one of people and programs."""
        for method, pattern, body_bytes_max, kind in self._doors:
            if method == scope["method"] and pattern.match(scope["path"]):
                return body_bytes_max, kind
        return FORM_BYTES_MAX, "nobody"

    def _with_headers(self, scope: Scope, start: Message) -> list[tuple[bytes, bytes]]:
        headers: list[tuple[bytes, bytes]] = list(start.get("headers", ()))
        said = {name.lower() for name, _ in headers}
        added = (*self._headers, self._keeping(scope, start["status"]))
        return [*headers, *((name, value) for name, value in added if name not in said)]

    def _keeping(self, scope: Scope, status: int) -> tuple[bytes, bytes]:
        """Only a URL of our own making is kept for ever: another version's may name a hash that we have not."""
        if not scope["path"].startswith("/static/") or status not in (200, 206, 304):
            return NOT_STORED
        query = scope["query_string"].decode("latin-1")
        return KEPT if f"{scope['path']}?{query}" in self._kept else KEPT_A_MINUTE


class _Body:
    """A request's body, with an end to how much and how slowly."""

    __slots__ = ("_bytes_max", "_receive", "_received", "_seconds", "_waited", "is_gone", "is_whole")

    def __init__(self, receive: Receive, bytes_max: int, seconds: float) -> None:
        self._receive = receive
        self._bytes_max = bytes_max
        self._seconds = seconds
        self._received = 0
        self._waited = 0.0  # for the other side only: what we do between two pieces is not its fault
        self.is_whole = False
        self.is_gone = False

    async def drain(self) -> None:
        """Take what comes and throw it away, until the other side is gone."""
        while not self.is_gone:
            self.is_gone = (await self._receive())["type"] == "http.disconnect"

    async def receive(self) -> Message:
        """The next piece. Raises what Starlette makes 413 or 408 of."""
        if self.is_gone:
            return {"type": "http.disconnect"}
        if self.is_whole:  # whoever still asks waits for the other side to hang up
            return await self._receive()
        asked_at = trio.current_time()
        patience = self._seconds + self._received / BODY_BYTES_PER_SECOND_MIN - self._waited
        try:
            with trio.fail_after(max(0.0, patience)):
                message = await self._receive()
        except trio.TooSlowError:
            raise HTTPException(408, "The request did not arrive in time.") from None
        self._waited += trio.current_time() - asked_at
        self._received += len(message.get("body", b""))
        self.is_whole = not message.get("more_body", False)
        if self._received > self._bytes_max:
            raise HTTPException(413, too_large(self._bytes_max))
        return message


def too_large(bytes_max: int) -> str:
    """What is said to whoever sends more."""
    return f"The request is too large: at most {bytes_max:,} bytes are taken here."


def _kind(door: Door) -> Kind:
    return "nobody" if door.permission is None else "known"


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
