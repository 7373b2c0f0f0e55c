"""Asking the daemon over its Unix socket: what only it knows, and whether a change is in force.

The console is one more client of the socket protocol; it decides nothing about calls. What the daemon does not
answer in time is `DaemonAwayError`, and a page then shows what the database knows.
"""

from collections.abc import Sequence

import trio

from console.errors import DaemonAwayError, FieldErrors
from protocol import messages as m
from protocol.client_trio import Client
from protocol.errors import IdentdUnavailable, ProtocolViolation, RequestRefused

ANSWER_SECONDS_MAX = 2.0
IN_FORCE_SECONDS_MAX = 2.0
"""Twice the longest poll of the default configuration; a change takes effect in some 10 ms (docs/performance.md)."""
IN_FORCE_PAUSE_SECONDS = 0.003


class Daemon:
    """The daemon as the console sees it. All times in seconds; every method raises `DaemonAwayError`."""

    __slots__ = ("_client",)

    def __init__(self, client: Client) -> None:
        self._client = client

    def next_id(self) -> int:
        """The id of the next request."""
        return self._client.next_id()

    async def ask(self, request: m.AnyRequest) -> m.AnyAnswer:
        """One request, one answer, whatever it is. FieldErrors where the daemon finds fault with a key of ours."""
        try:
            with trio.fail_after(ANSWER_SECONDS_MAX):
                return await self._client.call(request)
        except RequestRefused as refused:
            raise FieldErrors({refused.field or "": refused.message}) from refused
        except (IdentdUnavailable, ProtocolViolation, OSError, trio.TooSlowError) as error:
            raise DaemonAwayError(f"the daemon does not answer: {str(error) or type(error).__name__}") from error

    async def status(self) -> m.StatusAnswer:
        """How the daemon is."""
        answer = await self.ask(m.Status(id=self._client.next_id()))
        if not isinstance(answer, m.StatusAnswer):
            raise DaemonAwayError(f"an answer that is none: {type(answer).__name__}")
        return answer

    async def usage(self, account_ids: Sequence[int], client_ids: Sequence[int] = ()) -> m.UsageAnswer:
        """Calls up, last call and markers of accounts and clients, at most 500 of each."""
        request = m.Usage(id=self._client.next_id(), accounts=tuple(account_ids), clients=tuple(client_ids))
        answer = await self.ask(request)
        if not isinstance(answer, m.UsageAnswer):
            raise DaemonAwayError(f"an answer that is none: {type(answer).__name__}")
        return answer

    async def in_force(self, xid: int | None, seconds: float = IN_FORCE_SECONDS_MAX) -> bool:
        """Wait until calls are judged by what this transaction wrote; False if that is not so after `seconds`.

        Never raises: a change that is saved is saved, also while the daemon is away.
        """
        if xid is None:
            return True
        with trio.move_on_after(seconds):
            while True:
                try:
                    answer = await self.ask(m.InForce(id=self._client.next_id(), xid=xid))
                except DaemonAwayError:
                    return False
                if isinstance(answer, m.InForceAnswer) and answer.in_force:
                    return True
                await trio.sleep(IN_FORCE_PAUSE_SECONDS)
        return False
