"""The error codes of the protocol, and the exceptions that client and codec raise. One door, closed sets."""

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
