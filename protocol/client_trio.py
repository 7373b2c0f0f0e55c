"""The client for trio: a thin shell of trio streams over `ClientConnection`, shared by any number of tasks."""

import random
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import trio

from protocol.backoff import delays
from protocol.client_connection import ClientConnection
from protocol.client_settings import OUTSTANDING_MAX, READ_BYTES, ClientSettings, ConnectionLost, granted
from protocol.errors import IdentdUnavailable, ProtocolViolation
from protocol.framing import Encoding
from protocol.messages import AnyAnswer, AnyRequest


class _Waiting:
    """A task that waits for its answer."""

    __slots__ = ("answer", "asleep", "lost", "woken")

    def __init__(self) -> None:
        self.answer: AnyAnswer | None = None
        self.lost: Exception | None = None
        self.woken = trio.Event()
        self.asleep = False  # it can be woken to read: not given up, and not busy writing


class _Link:
    """One connection shared by tasks: who writes, who reads, and who waits for which answer.

    There is no task of its own. Of the tasks that wait, one reads for all; when it has its answer it wakes
    another to read on. So a client needs no nursery, and no exception of the caller's is wrapped in a group.
    """

    def __init__(self, stream: trio.abc.Stream, encoding: Encoding) -> None:
        self.stream = stream
        self.connection = ClientConnection(encoding)
        self.waiting: deque[_Waiting] = deque()
        self.unsent = bytearray()
        self.writing = False
        self.reading = False
        self.lost: Exception | None = None
        self.reads = 0

    async def ask(self, requests: Sequence[AnyRequest], answers: list[AnyAnswer]) -> None:
        """Ask these, and add each answer to `answers` as it comes. Raises why the connection was lost."""
        if self.lost is not None:
            raise ConnectionLost(str(self.lost))
        mine = [_Waiting() for _ in requests]
        self.unsent += b"".join(map(self.connection.send, requests))
        self.waiting += mine
        try:
            await self._write()
            for me in mine:
                answers.append(await self._answer_to(me))  # noqa: PERF401 - what came before a loss must be kept
        finally:
            self._wake_a_reader()

    async def _answer_to(self, me: _Waiting) -> AnyAnswer:
        while me.answer is None:
            if me.lost is not None:
                raise me.lost
            if self.reading:
                me.asleep = True
                try:
                    await me.woken.wait()
                finally:
                    me.asleep = False
                me.woken = trio.Event()
            else:
                await self._read()
        return me.answer

    async def _write(self) -> None:
        """Send what all tasks have to send; whoever comes while another is writing leaves it to that one."""
        if self.writing:
            return
        self.writing = True
        try:
            while self.unsent:
                data, self.unsent = self.unsent, bytearray()
                await self.stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self.lose(ConnectionLost(str(error)))
        except trio.Cancelled:  # half a frame may be out: nothing can follow it
            self.lose(ConnectionLost("a request was given up while it was being written"))
            raise
        finally:
            self.writing = False

    async def _read(self) -> None:
        self.reading = True
        try:
            data = await self.stream.receive_some(READ_BYTES)
            if not data:
                raise ConnectionLost("closed by the daemon")
            self.reads += 1
            for answer in self.connection.receive_data(bytes(data)):
                if self.waiting:
                    asker = self.waiting.popleft()
                    asker.answer = answer
                    asker.woken.set()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self.lose(ConnectionLost(str(error)))
        except (ConnectionLost, ProtocolViolation) as error:
            self.lose(error)
        finally:
            self.reading = False

    def _wake_a_reader(self) -> None:
        if not self.reading:
            for asker in self.waiting:
                if asker.asleep:
                    asker.woken.set()
                    return

    def lose(self, error: Exception) -> None:
        """The connection is of no use any more; everybody who waits is told why."""
        self.lost = error
        while self.waiting:
            asker = self.waiting.popleft()
            asker.lost = error
            asker.woken.set()


class Client(ClientSettings):
    """A client for trio; any number of tasks may ask at once over its one connection, and are pipelined.

    async with Client(("127.0.0.1", 7878), gateway="gw1", secret="…") as client:
        answer = await client.call(Ping(id=client.next_id()))
    """

    _link: _Link | None = None
    _connecting: trio.Lock
    _closed = False

    async def __aenter__(self) -> Self:
        self._connecting = trio.Lock()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close for good; whoever waits or comes later gets `IdentdUnavailable`."""
        self._closed = True
        link, self._link = self._link, None
        if link is not None:
            link.lose(ConnectionLost("closed by us"))
            await trio.aclose_forcefully(link.stream)

    async def call(self, request: AnyRequest, timeout: float | None = None) -> AnyAnswer:
        """Ask and wait for the answer, `timeout` seconds at most.

        Raises `RequestRefused` for an error answer and `IdentdUnavailable` where there is no answer.
        """
        return granted((await self.call_many((request,), timeout))[0])

    async def call_many(self, requests: Sequence[AnyRequest], timeout: float | None = None) -> list[AnyAnswer]:
        """Ask all, pipelined; the answers in the order of the requests, error answers among them.

        `timeout` counts for all together.
        """
        answers: list[AnyAnswer] = []
        link: _Link | None = None
        reads_before = 0
        with trio.move_on_after(self.timeout if timeout is None else timeout):
            fresh = self._link is None
            while True:
                link = await self._connected()
                reads_before = link.reads
                answered_before = len(answers)
                try:
                    while len(answers) < len(requests):
                        start = len(answers)
                        await link.ask(requests[start : start + OUTSTANDING_MAX], answers)
                except ConnectionLost as error:
                    await self._give_up(link)
                    if fresh and len(answers) == answered_before:
                        raise IdentdUnavailable(f"the connection was lost: {error}") from error
                    fresh = True
                except ProtocolViolation:
                    await self._give_up(link)
                    raise
                else:
                    return answers
        if link is not None and link.reads == reads_before:  # not slow but silent: the next call connects anew
            link.lose(ConnectionLost("the daemon has gone silent"))
            await self._give_up(link)
        raise IdentdUnavailable("no answer in time")

    async def _give_up(self, link: _Link) -> None:
        if self._link is link:
            self._link = None
        await trio.aclose_forcefully(link.stream)

    async def _connected(self) -> _Link:
        async with self._connecting:  # the first task connects, the others find it done
            if self._closed:
                raise IdentdUnavailable("this client is closed")
            if self._link is not None and self._link.lost is None:
                return self._link
            keep_trying_until = trio.current_time() + self.connect_seconds
            for delay in delays(random.random):
                try:
                    self._link = await self._opened()
                except (OSError, ConnectionLost) as error:
                    if trio.current_time() + delay > keep_trying_until:
                        raise self._nobody(error) from error
                    await trio.sleep(delay)
                else:
                    break
            assert self._link is not None, "delays() has no end"
            return self._link

    async def _opened(self) -> _Link:
        stream: trio.SocketStream
        if isinstance(self.address, str):
            stream = await trio.open_unix_socket(self.address)
        else:
            stream = await trio.open_tcp_stream(*self.address)
        link = _Link(stream, self._encoding)
        hello = self._hello_request()
        if hello is not None:
            try:
                answers: list[AnyAnswer] = []
                await link.ask((hello,), answers)
                self._welcomed(answers[0])
            except BaseException:
                await trio.aclose_forcefully(stream)
                raise
        return link
