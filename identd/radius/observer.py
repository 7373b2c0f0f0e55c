"""What the RADIUS door tells whoever counts and logs: closed sets, so that counters can be made beforehand."""

from enum import StrEnum
from typing import Protocol

from matcher.account import Direction


class Dropped(StrEnum):
    """Why a packet got silence. The `malformed_` ones are those of `protocol.radius.packet.Malformed`."""

    UNKNOWN_CLIENT = "unknown_client"
    MALFORMED_TOO_SHORT = "malformed_too_short"
    MALFORMED_TOO_LONG = "malformed_too_long"
    MALFORMED_LYING_LENGTH = "malformed_lying_length"
    MALFORMED_UNKNOWN_CODE = "malformed_unknown_code"
    MALFORMED_ATTRIBUTE_TYPE = "malformed_attribute_type"
    MALFORMED_ATTRIBUTE_LENGTH = "malformed_attribute_length"
    MALFORMED_TOO_MANY_ATTRIBUTES = "malformed_too_many_attributes"
    MALFORMED_VENDOR_ATTRIBUTE = "malformed_vendor_attribute"
    UNEXPECTED_CODE = "unexpected_code"
    UNSIGNED = "unsigned"
    UNSIGNED_AFTER_SIGNED = "unsigned_after_signed"
    UNSIGNED_FROM_PROXY = "unsigned_from_proxy"
    WRONG_SIGNATURE = "wrong_signature"
    WRONG_AUTHENTICATOR = "wrong_authenticator"
    PROXY_STATE_TOO_LONG = "proxy_state_too_long"
    UNKNOWN_GATEWAY = "unknown_gateway"
    FORBIDDEN_ADDRESS = "forbidden_address"
    NOT_READY = "not_ready"
    OVERLOADED = "overloaded"
    DRAINING = "draining"
    ANSWER_TOO_LONG = "answer_too_long"


class Answered(StrEnum):
    """What an answer said: five to an Access-Request, `status` to a Status-Server, the others to accounting."""

    GRANT = "grant"
    REFUSE = "refuse"
    CALL_ID_CONFLICT = "call_id_conflict"
    BAD_REQUEST = "bad_request"
    CHALLENGE = "challenge"
    STATUS = "status"
    STARTED = "started"
    TOUCHED = "touched"
    RELEASED = "released"
    ALREADY_RELEASED = "already_released"
    UNKNOWN = "unknown"
    NOT_OWNER = "not_owner"
    BOOTED = "booted"
    REPEATED_BOOT = "repeated_boot"
    SHARED_BOOT = "shared_boot"
    BAD_ACCOUNTING = "bad_accounting"


class RadiusObserver(Protocol):
    """Who is told of finished results; the door does not know what it does with them."""

    def decided(self, direction: Direction, reason: str) -> None:
        """A call was judged; `reason` is "" for a grant."""

    def requested(self, op: str) -> None:
        """A packet asks for what `op` of the socket protocol asks for."""

    def radius_received(self, code: int) -> None:
        """A packet of this code came from a known client, and is no repeat."""

    def radius_duplicate(self) -> None:
        """A packet was a repeat and got the same bytes again."""

    def radius_dropped(self, reason: Dropped, source: bytes) -> None:
        """A packet of this packed address got silence."""

    def radius_answered(self, kind: Answered) -> None:
        """A packet was answered."""

    def radius_bad_request(self, field: str, source: bytes) -> None:
        """The field of this name could not be read out of an authenticated packet of this packed address."""

    def radius_shared_boot(self, gateway: str, source: bytes) -> None:
        """One of several switches that ask as this gateway says that it has begun anew: no call was ended."""
