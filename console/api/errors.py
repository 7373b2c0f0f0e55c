"""What the API says when it does not do what was asked: one table of codes, and every exception as one of them.

The body is always `{"error": code, "message": sentence, "errors": {field: sentence}}`; `errors` only where fields are
at fault. What the frame refuses before a door (guard, hardening, app) uses the same codes.
"""

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from console.errors import (
    BusyError,
    ChangedError,
    DaemonAwayError,
    FieldErrors,
    InUseError,
    NotFoundError,
)

CODES: dict[str, tuple[int, str]] = {
    "bad_json": (400, "The body is no JSON, or not in UTF-8."),
    "bad_request": (400, "A header cannot be understood; the message names it."),
    "unauthorized": (401, "There is no key, or one that opens nothing (any more)."),
    "forbidden": (403, "The role of the key may not do this."),
    "not_found": (404, "There is nothing at this address, or it is gone."),
    "method_not_allowed": (405, "The address knows other methods; they are in Allow."),
    "timeout": (408, "The request came too slowly."),
    "in_use": (409, "It cannot be deleted while others refer to it; the message says who."),
    "in_progress": (409, "A request with this Idempotency-Key is still being answered; try again in a moment."),
    "changed": (412, "Somebody changed it since it was read; the ETag of now is in the answer."),
    "too_large": (413, "The body is larger than 1 MB."),
    "unsupported_media_type": (415, "The body is to be application/json."),
    "misdirected": (421, "The console is at another name."),
    "invalid": (422, "Fields or parameters are at fault; errors names each."),
    "key_reused": (422, "This Idempotency-Key was used for another request."),
    "precondition_required": (428, "A change of what is there needs If-Match."),
    "internal": (500, "A fault of ours; it is in the console's log."),
    "database_away": (503, "PostgreSQL does not answer; look whether what was asked is there before asking again."),
    "daemon_away": (503, "The daemon does not answer."),
    "busy": (503, "Too many requests at once, or others wrote the same rows; nothing was changed, try again."),
}
"""Code -> its status, and when it is said."""

RETRY_SECONDS = "2"
_RETRIED = frozenset({"in_progress", "database_away", "daemon_away", "busy"})


class ErrorAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every answer that is an error. `errors`: field or parameter -> what to do; "" is the whole."""

    error: str
    message: str
    errors: dict[str, str] = {}


class ApiError(Exception):
    """A refusal with a code of the table; `headers` go with the answer."""

    def __init__(
        self,
        code: str,
        message: str,
        errors: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        assert code in CODES, code
        self.code = code
        self.message = message
        self.errors = dict(errors or {})
        self.headers = dict(headers or {})
        super().__init__(f"{code}: {message}")


TRANSLATED = (FieldErrors, NotFoundError, ChangedError, InUseError, BusyError, DaemonAwayError)
"""What objects, store and daemon raise and `api_error` knows; the rest is the frame's."""


def api_error(error: Exception) -> ApiError:
    """The exception of another room as a refusal of this one."""
    match error:
        case ApiError():
            return error
        case FieldErrors():
            return ApiError("invalid", "Some of it cannot be taken: see errors.", error.errors)
        case NotFoundError():
            return ApiError("not_found", f"{str(error)[0].upper()}{str(error)[1:]}.")
        case ChangedError():
            return ApiError(
                "changed",
                f"{str(error)[0].upper()}{str(error)[1:]}: read it again.",
                headers={"ETag": f'"{error.etag}"'},
            )
        case InUseError():
            return ApiError("in_use", f"{str(error)[0].upper()}{str(error)[1:]}.")
        case BusyError():
            return ApiError("busy", str(error))
        case DaemonAwayError():
            return ApiError("daemon_away", "The daemon does not answer: try again in a moment.")
    raise error


def error_response(error: ApiError) -> Response:
    """The refusal as it is sent."""
    headers = dict(error.headers)
    if error.code in _RETRIED:
        headers.setdefault("Retry-After", RETRY_SECONDS)
    body = msgspec.json.encode(ErrorAnswer(error=error.code, message=error.message, errors=error.errors))
    return Response(body, CODES[error.code][0], headers, "application/json")
