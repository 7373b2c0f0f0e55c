"""A file that is sent as it is made: the transaction it is read in stays open so long, and ends with whoever reads.

Starlette's own streaming leaves the making of the rest to the garbage collector when a client goes; here it is
cancelled, and the connection is back in the pool.
"""

import re
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing

import trio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from console.database import Transaction
from console.pages.render import render

Pieces = Callable[[Transaction], AsyncGenerator[bytes, None]]
SECONDS_MAX = 600.0
"""A reader that takes longer keeps a connection and a snapshot from others: it gets a file that breaks off."""

PIECE_BYTES_MAX = 65_536
"""Sent at once: how long a reader who takes nothing is waited for goes by it (slow_readers.py)."""
FILES_MAX = 2
"""Sent at the same time: each holds a connection to the database, of which there are eight for all pages."""
BUSY = "Other files are being sent at this moment: try again when they are."
BUSY_RETRY_SECONDS = "10"

_SAFE = re.compile(r"[A-Za-z0-9.-]+")


class FileStream(Response):
    """`pieces` of a transaction, under a file name of ours: letters, digits, `.` and `-` only."""

    media_type = "text/csv"

    def __init__(self, file_name: str, transaction: AbstractAsyncContextManager[Transaction], pieces: Pieces) -> None:
        assert _SAFE.fullmatch(file_name), "a name of ours"
        super().__init__(
            headers={"Content-Disposition": f'attachment; filename="{file_name}"', "Cache-Control": "no-store"}
        )
        del self.headers["content-length"]
        self._transaction = transaction
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, or 503 where enough are being sent. DatabaseAwayError only before anything was sent."""
        places = _places_of(scope)
        try:
            places.acquire_nowait()
        except trio.WouldBlock:
            values = {"title": "Not at this moment", "message": BUSY}
            busy = render(Request(scope), "error.html", values, 503, {"Retry-After": BUSY_RETRY_SECONDS})
            await busy(scope, receive, send)
            return
        try:
            await self._send(scope, receive, send)
        finally:
            places.release()

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        async with self._transaction as tx:
            pieces = self._pieces(tx)
            if scope["method"] == "HEAD":
                await send(start)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            async with aclosing(pieces):
                first = await anext(pieces)
                await send(start)
                await send({"type": "http.response.body", "body": first, "more_body": True})
                async with trio.open_nursery() as nursery:
                    nursery.cancel_scope.deadline = trio.current_time() + SECONDS_MAX
                    nursery.start_soon(_until_gone, receive, nursery.cancel_scope)
                    async for piece in pieces:
                        for start_at in range(0, len(piece), PIECE_BYTES_MAX):
                            part = piece[start_at : start_at + PIECE_BYTES_MAX]
                            await send({"type": "http.response.body", "body": part, "more_body": True})
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                    nursery.cancel_scope.cancel()


async def _until_gone(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _places_of(scope: Scope) -> trio.CapacityLimiter:
    state = scope["app"].state
    if not hasattr(state, "files_sent"):
        state.files_sent = trio.CapacityLimiter(FILES_MAX)
    places: trio.CapacityLimiter = state.files_sent
    return places
