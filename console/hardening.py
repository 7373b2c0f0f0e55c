"""What holds for every answer and every request body, whatever is behind it: headers, sizes, patience. Pure ASGI."""

from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.door import Door
from identd.settings import ConsoleSection

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (
        b"content-security-policy",
        b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


class Hardening:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, doors: Sequence[Door], settings: ConsoleSection) -> None:
        self._app = app
        self._doors = doors
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
            await send(message)

        await self._app(scope, receive, send_hardened)
