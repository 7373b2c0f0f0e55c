"""What both clients are told about the daemon they talk to, and what they share: hello, ids, refusals. No I/O."""

import itertools

from protocol.errors import IdentdUnavailable, RequestRefused
from protocol.framing import Encoding
from protocol.messages import AnyAnswer, ErrorAnswer, Hello, HelloAnswer

Address = str | tuple[str, int]
"""The path of a Unix socket, or (host, port)."""

TIMEOUT_SECONDS = 5.0
READ_BYTES = 65_536
OUTSTANDING_MAX = 64
"""Requests that `call_many` has on the way at once. A peer that writes without reading would otherwise wait for a
daemon that waits for it; 64 answers fit into any socket's buffer."""


class ConnectionLost(Exception):  # noqa: N818 - an event between the modules of the client, never seen outside
    """The connection ended before the answer came."""


class ClientSettings:
    """What both clients are told, and the ids they give out."""

    def __init__(
        self,
        address: Address,
        *,
        gateway: str | None = None,
        secret: str | None = None,
        boot_id: int | None = None,
        encoding: Encoding = "msgpack",
        timeout: float = TIMEOUT_SECONDS,
        connect_seconds: float = 0.0,
    ) -> None:
        """`timeout`: seconds for one call, connecting included. `connect_seconds`: how long to go on trying while
        there is no daemon; 0 tries once. `gateway` is needed over TCP and may be left out on a Unix socket."""
        self.address = address
        self.timeout = timeout
        self.connect_seconds = connect_seconds
        self.hello: HelloAnswer | None = None
        """What the daemon said at the last connect; None where no gateway was given."""
        self._gateway, self._secret, self._boot_id = gateway, secret, boot_id
        self._encoding = encoding
        self._ids = itertools.count(1)

    def next_id(self) -> int:
        """An id that this client has not used yet."""
        return next(self._ids)

    def _hello_request(self) -> Hello | None:
        if self._gateway is None:
            return None
        return Hello(id=self.next_id(), version=1, gateway=self._gateway, secret=self._secret, boot_id=self._boot_id)

    def _welcomed(self, answer: AnyAnswer) -> None:
        answer = granted(answer)
        assert isinstance(answer, HelloAnswer), "ClientConnection matched it to our hello"
        self.hello = answer

    def _nobody(self, error: Exception) -> IdentdUnavailable:
        where = self.address if isinstance(self.address, str) else f"{self.address[0]}:{self.address[1]}"
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return IdentdUnavailable(f"no daemon at {where}: {reason}")


def granted(answer: AnyAnswer) -> AnyAnswer:
    if isinstance(answer, ErrorAnswer):
        raise RequestRefused(answer.code, answer.field, answer.message)
    return answer
