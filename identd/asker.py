"""Who is asking on one connection: what its hello said, whether that still holds, which gateway a request is from.

A hello that comes before there is data cannot be checked: it is held, everything is `not_ready` until then, and it
is checked before the first request that finds data. The gateway's row is looked up anew for every request, so a
change of it counts at once.
"""

from typing import NamedTuple

from identd.access import Peer, VerifySecret, admits
from identd.calls import NO_GATEWAY
from identd.engine import Engine
from matcher.account import Gateway
from protocol.errors import ErrorCode
from protocol.messages import Hello


class Refusal(NamedTuple):
    """Why a peer may not ask; `closes`: and the connection is over."""

    code: ErrorCode
    message: str
    field: str | None = None
    closes: bool = True


HELLO_REQUIRED = Refusal(ErrorCode.HELLO_REQUIRED, "say hello first", closes=False)
STALE_BOOT = Refusal(ErrorCode.STALE_BOOT, "a later boot of this gateway has said hello", "boot_id")
# one text for all: who guesses does not learn whether name, address or secret was wrong
FORBIDDEN = Refusal(ErrorCode.FORBIDDEN, "this gateway may not speak here with this secret", "gateway")


class Asker:
    """The peer of one connection as a gateway, or as none. `settled`: no request need be checked first."""

    __slots__ = (
        "_boot_id",
        "_engine",
        "_gateway_id",
        "_held_hello",
        "_verify_secret",
        "gateway_name",
        "peer",
        "settled",
    )

    def __init__(self, engine: Engine, peer: Peer, verify_secret: VerifySecret) -> None:
        self._engine = engine
        self._verify_secret = verify_secret
        self._gateway_id: int | None = None
        self._boot_id: int | None = None
        self._held_hello: Hello | None = None
        self.gateway_name: str | None = None
        self.peer = peer
        self.settled = self.said_hello

    @property
    def said_hello(self) -> bool:
        """Whether the peer may ask anything yet."""
        return self.peer.transport == "unix" or self.gateway_name is not None

    def say_hello(self, hello: Hello, now: float) -> Refusal | None:
        """Take the peer for the gateway it says it is, or say why not."""
        self.gateway_name, self._gateway_id, self._boot_id = hello.gateway, None, hello.boot_id
        self.settled = False
        directory = self._engine.directory
        if not directory.ready:
            self._held_hello = hello
            return None
        self._held_hello = None
        gateway = directory.gateways_by_name.get(hello.gateway)
        if not admits(gateway, self.peer, hello.secret, self._verify_secret) or gateway is None:
            return FORBIDDEN
        if hello.boot_id is not None and self._engine.live.boot(gateway.id, hello.boot_id, now) is None:
            return STALE_BOOT
        self._gateway_id = gateway.id
        self.settled = hello.boot_id is None
        return None

    def check(self, now: float) -> Refusal | None:
        """Why the peer may not ask now; for a peer that is not `settled`, before each of its requests."""
        if self._held_hello is not None and self._engine.directory.ready:
            refusal = self.say_hello(self._held_hello, now)
            if refusal is not None:
                return refusal
        if not self.said_hello:
            return HELLO_REQUIRED
        if self._boot_id is not None and self._gateway_id is not None:
            latest = self._engine.live.boots.get(self._gateway_id, self._boot_id)
            if latest > self._boot_id:
                return STALE_BOOT
        return None

    def gateway(self, named: str | None = None) -> Gateway | None:
        """The gateway that asks, None for none at all. Raises LookupError where it may not be the one it names."""
        directory = self._engine.directory
        if named is not None and named != self.gateway_name:
            if self.peer.transport == "tcp":
                raise LookupError(named)
            return directory.gateways_by_name[named]
        if self._gateway_id is not None:
            return directory.gateways[self._gateway_id]
        if self.gateway_name is not None:
            raise LookupError(self.gateway_name)
        return None

    def gateway_id(self) -> int:
        """The id of the gateway that asks, as calls are named by it. Raises LookupError as `gateway` does."""
        gateway = self.gateway()
        return NO_GATEWAY if gateway is None else gateway.id
