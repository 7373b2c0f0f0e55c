"""An end to waiting for whoever does not read what we send. Pure ASGI, but for one thing that is Hypercorn's own.

Hypercorn shields its writing from being cancelled, so a deadline around `send` alone changes nothing: the connection
has to be closed under it. `send(None)` is how Hypercorn is told that an application has ended; where the answer is
not complete it closes the connection, the write fails, and the application is told `http.disconnect`.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import trio
from starlette.types import Message, Scope, Send

SEND_SECONDS = 30.0
"""For a reader to take one piece of an answer, however small; also of live counts and files."""
NOBODY_SEND_SECONDS = 10.0
"""The same for whoever has not shown who they are."""
SEND_BYTES_PER_SECOND_MIN = 16_384
Drain = Callable[[], Awaitable[None]]
ENDED_SECONDS = 2.0
"""Longer than until the next request of the same packet, shorter than until a port is used again."""
CLOSING_SECONDS = 2.0
"""For the server to end a connection that we have given up; then the application goes on without it."""


async def send_within(send: Send, message: Message, seconds: float, unread: Drain | None) -> bool:
    """`send`, and the connection's end where that takes longer than `seconds` and a slow line's time for the bytes.

    False: it was ended. `unread` takes what may still come of the request's body, which would keep the server from
    closing; None: nothing.
    """
    patience = seconds + len(message.get("body", b"")) / SEND_BYTES_PER_SECOND_MIN
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_end_after, patience, send, unread, nursery.cancel_scope)
        await send(message)
        nursery.cancel_scope.cancel()
    return trio.current_time() - began < patience


async def _end_after(
    seconds: float, send: Callable[[Any], Awaitable[None]], unread: Drain | None, sending: trio.CancelScope
) -> None:
    await trio.sleep(seconds)
    with trio.move_on_after(CLOSING_SECONDS):
        async with trio.open_nursery() as nursery:
            if unread is not None:
                nursery.start_soon(unread)
            await send(None)
            await trio.sleep_forever()  # until the write has failed
    sending.cancel()


class Ended:
    """Connections that were ended a moment ago: what was asked on them beforehand is not worth answering."""

    __slots__ = ("_at",)

    def __init__(self) -> None:
        self._at: dict[tuple[str, int], float] = {}

    def add(self, scope: Scope) -> None:
        """The connection of this request is ended."""
        now = trio.current_time()
        for client in [client for client, at in self._at.items() if now - at > ENDED_SECONDS]:
            del self._at[client]
        if scope.get("client") is not None and scope["http_version"].startswith("1"):
            self._at[tuple(scope["client"])] = now

    def has(self, scope: Scope) -> bool:
        """Whether this request came on one; asked once a connection, for it is the last request of it."""
        client = scope.get("client")
        at = None if client is None else self._at.pop(tuple(client), None)
        return at is not None and trio.current_time() - at <= ENDED_SECONDS
