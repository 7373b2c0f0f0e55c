"""Who is asking on one connection: what its hello said, whether that still holds, which gateway a request is from.

Three ways to be a gateway: by a hello (the socket protocol), by a token that comes with the requests (HTTP), or
because the configuration says so (evapi, where we are the one who connects). What a peer says before there is data
cannot be checked: it is held, everything is `not_ready` until then, and it is checked before the first request that
finds data. The gateway's row is looked up anew for every request, so a
change of it counts at once.
"""

from typing import NamedTuple

from identd.access import Peer, VerifySecret, admits
from identd.calls import NO_GATEWAY
from identd.engine import Engine
from matcher.account import Gateway
from protocol.codec import Token
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
NO_TOKEN = Refusal(ErrorCode.HELLO_REQUIRED, "send the token of a gateway that may speak here", "authorization")
ASSIGNED = Refusal(ErrorCode.FORBIDDEN, "the configuration says which gateway asks here", "gateway", closes=False)
NOT_A_GATEWAY = Refusal(ErrorCode.FORBIDDEN, "the gateway of the configuration is not known", "gateway", closes=False)


class Asker:
    """The peer of one connection as a gateway, or as none: known by its hello. `settled`: nothing need be checked.

    `proof_first`: who has proven nothing is told only that, whatever else is wrong with what it sent.
    """

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
    proof_first = False

    def __init__(self, engine: Engine, peer: Peer, verify_secret: VerifySecret) -> None:
        self._engine = engine
        self._verify_secret = verify_secret
        self._gateway_id: int | None = None
        self._boot_id: int | None = None
        self._held_hello: Hello | None = None
        self.gateway_name: str | None = None
        self.peer = peer
        self.settled = peer.transport == "unix"

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

    def present(self, token: Token, now: float) -> None:  # noqa: ARG002 - what a TokenAsker is handed
        """The requests from here on come with this token; `check` tells whether it is good."""
        raise AssertionError("only HTTP knows tokens")

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
            if self.peer.transport != "unix":
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


class TokenAsker(Asker):
    """Known by the token that comes with its requests, a hello of its own each."""

    __slots__ = ("_refused",)
    proof_first = True

    def __init__(self, engine: Engine, peer: Peer, verify_secret: VerifySecret) -> None:
        super().__init__(engine, peer, verify_secret)
        self._refused = True

    @property
    def said_hello(self) -> bool:
        """Whether its token was found good, or cannot be judged yet: no other keeps a connection open."""
        return not self._refused

    def present(self, token: Token, now: float) -> None:
        """The requests from here on come with this token; `check` tells whether it is good."""
        self._gateway_id, self._held_hello, self.settled = None, None, False
        self._refused = token.gateway is None or self._is_refused(
            Hello(id=0, version=1, gateway=token.gateway, secret=token.secret), now
        )

    def check(self, now: float) -> Refusal | None:
        """Why the peer may not ask now."""
        if self._held_hello is not None and self._engine.directory.ready:
            self._refused = self._is_refused(self._held_hello, now)
        return NO_TOKEN if self._refused else None

    def _is_refused(self, hello: Hello, now: float) -> bool:
        return self.say_hello(hello, now) is not None


class AssignedAsker(Asker):
    """Known because the configuration says which gateway it is; what it says about itself changes nothing."""

    __slots__ = ("_assigned",)

    def __init__(self, engine: Engine, peer: Peer, verify_secret: VerifySecret, assigned: str) -> None:
        super().__init__(engine, peer, verify_secret)
        self._assigned = self.gateway_name = assigned

    def say_hello(self, hello: Hello, now: float) -> Refusal | None:  # noqa: ARG002 - what every asker is handed
        """It is what it is."""
        return ASSIGNED

    def check(self, now: float) -> Refusal | None:  # noqa: ARG002 - what every asker is handed
        """Looked up for every request: the row may come later than the configuration, and be renamed after it."""
        directory = self._engine.directory
        gateway = directory.gateways_by_name.get(self._assigned)
        self._gateway_id = None if gateway is None else gateway.id
        return NOT_A_GATEWAY if gateway is None and directory.ready else None
