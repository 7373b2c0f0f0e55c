"""What every codec of a conversation is: bytes in, typed requests out; answers in, bytes out. No I/O, no clock.

One `identd.session.Session` speaks through any of them, so that another way in (HTTP, evapi) is another codec and
never a second opinion about what a request means.
"""

from typing import Protocol

import msgspec

from protocol.errors import ErrorCode
from protocol.framing import Encoding
from protocol.joining import JoinDecision
from protocol.messages import AnyAnswer, AnyRequest, ErrorAnswer


class RequestError(msgspec.Struct, frozen=True, gc=False):
    """A request that cannot be answered otherwise than by an error; `fatal` means: answer, then close."""

    id: int | None
    code: ErrorCode
    field: str | None
    message: str
    fatal: bool

    def answer(self) -> ErrorAnswer:
        """The error as it goes out."""
        return ErrorAnswer(id=self.id, op="error", code=self.code.value, field=self.field, message=self.message)


class Token(msgspec.Struct, frozen=True, gc=False):
    """Who asks from here on, where requests say it themselves instead of a `hello`; None: whoever said nothing.

    It is answered by nothing. A token that is refused shows in the answer to the next request.
    """

    gateway: str | None
    secret: str | None

    def __repr__(self) -> str:  # the secret must not reach a log through a repr
        return f"Token(gateway={self.gateway!r})"


class Said(msgspec.Struct, frozen=True, gc=False):
    """Bytes that the codec says itself at this place among the answers; nobody is asked. `last`: then close."""

    data: bytes
    last: bool = False


Event = AnyRequest | RequestError | Token | Said


class Codec(Protocol):
    """One connection's bytes."""

    @property
    def encoding(self) -> Encoding | None:
        """What the peer speaks; None until its first byte."""

    @property
    def partial(self) -> int:
        """Bytes held of an unfinished request; the server sets a deadline on them."""

    @property
    def finished(self) -> bool:
        """Whether what was sent last was the connection's last answer: close after it."""

    def receive_data(self, data: bytes, now: float) -> list[Event]:
        """What the peer said, in its order. Never raises; a fatal error is always the last, and nothing comes after.

        `now` in seconds on any clock that does not go back. Each request and each error is answered by one `send` or
        `send_decision`, in order; the next bytes may come before that.
        """

    def send(self, answer: AnyAnswer) -> bytes:
        """The answer as bytes, ready for the socket."""

    @property
    def send_decision(self) -> JoinDecision:
        """The same for a decision, whose body is a flat value (a grant, a refusal): id and op are put before it."""

    def count_bad_request(self, now: float) -> bool:
        """Count a bad request that was found after decoding; true if it is the one that closes the connection."""
