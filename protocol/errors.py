"""The error codes of the protocol, and the exceptions that client and codec raise. One door, closed sets.

On the server's side nothing is raised: a bad request is a value (`RequestError` in connection.py). Exceptions are
for the client's side, where a caller asked for an answer and there is none to give.
"""

from enum import StrEnum


class ErrorCode(StrEnum):
    """Every `code` that an error answer can carry."""

    BAD_REQUEST = "bad_request"
    BAD_FRAME = "bad_frame"
    FRAME_TOO_LARGE = "frame_too_large"
    HELLO_REQUIRED = "hello_required"
    FORBIDDEN = "forbidden"
    STALE_BOOT = "stale_boot"
    CALL_ID_CONFLICT = "call_id_conflict"
    NOT_OWNER = "not_owner"
    INTERNAL = "internal"


class IdentdError(Exception):
    """Whatever keeps a client from an answer."""


class IdentdUnavailable(IdentdError):  # noqa: N818 - named for what the caller is told
    """No daemon, or no answer in time. What was asked may or may not have happened; asking again is safe."""


class ProtocolViolation(IdentdError):  # noqa: N818 - named for what the caller is told
    """The peer does not speak this protocol: the connection cannot be used any further."""


class RequestRefused(IdentdError):  # noqa: N818 - named for what the caller is told
    """The daemon gave an error answer: the request is wrong, and asking again will not make it right.

    `code` is one of `ErrorCode` (a newer daemon may know more), `field` the key that is wrong or None.
    """

    def __init__(self, code: str, field: str | None, message: str) -> None:
        super().__init__(code, field, message)
        self.code = code
        self.field = field
        self.message = message

    def __str__(self) -> str:
        return f"{self.code} ({self.field}): {self.message}" if self.field else f"{self.code}: {self.message}"
