"""An end to waiting for whoever does not read what we send. Pure ASGI, but for one thing that is Hypercorn's own.

Hypercorn shields its writing from being cancelled, so a deadline around `send` alone changes nothing: the connection
has to be closed under it. `send(None)` is how Hypercorn is told that an application has ended; where the answer is
not complete it closes the connection, the write fails, and the application is told `http.disconnect`.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import trio
from starlette.types import Message, Send

SEND_SECONDS = 30.0
"""For a reader to take one piece of an answer, however small; also of live counts and files."""
NOBODY_SEND_SECONDS = 10.0
"""The same for whoever has not shown who they are."""
SEND_BYTES_PER_SECOND_MIN = 16_384
Drain = Callable[[], Awaitable[None]]
CLOSING_SECONDS = 2.0
"""For the server to end a connection that we have given up; then the application goes on without it."""


async def send_within(send: Send, message: Message, seconds: float, unread: Drain | None) -> None:
    """`send`, and the connection's end where that takes longer than `seconds` and a slow line's time for the bytes.

    `unread` takes what may still come of the request's body, which would keep the server from closing; None: nothing.
    """
    patience = seconds + len(message.get("body", b"")) / SEND_BYTES_PER_SECOND_MIN
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_end_after, patience, send, unread, nursery.cancel_scope)
        await send(message)
        nursery.cancel_scope.cancel()


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
