"""The OpenAPI 3.1 document of the HTTP door, made from the types that are read and written and the codec's tables.

Nothing is said here by hand that the code could say. `GET /v1/openapi.json` gives it to whoever asks: it holds no
secret, and a switch's author has no token yet.
"""

import inspect
from collections.abc import Iterable
from typing import Any

import msgspec

from protocol import messages as m
from protocol.errors import ErrorCode
from protocol.http_connection import ASKED, DOCUMENT_PATH, RETRY_AFTER_SECONDS, STATUS_PATH, STATUSES

Schema = dict[str, Any]

DESCRIPTION = """\
Whose call is it, and may it go on, now? The messages of the socket protocol over HTTP/1.1.

Every request carries `Authorization: Bearer GATEWAY:SECRET`, the name and the secret of the gateway that asks, or the
same as Basic. The body is JSON, whatever its `Content-Type` says. A refused call is an answer: its status is 200 and
its `decision` is `refuse`. The status 503 means that nothing was judged: ask another server."""

ANSWERED: dict[str, type[m.Answer]] = {
    "identify": m.DecisionAnswer,
    "authorize": m.DecisionAnswer,
    "start": m.CallAnswer,
    "release": m.CallAnswer,
    "touch": m.TouchAnswer,
    "sync": m.SyncAnswer,
}
"""What answers each of `http_connection.ASKED`."""

CONFLICTS: dict[str, tuple[ErrorCode, ...]] = {
    "authorize": (ErrorCode.CALL_ID_CONFLICT,),
    "start": (ErrorCode.NOT_OWNER,),
    "release": (ErrorCode.NOT_OWNER,),
}

_TOLD: dict[ErrorCode, str] = {
    ErrorCode.BAD_REQUEST: "The body is no such request; `field` names the key.",
    ErrorCode.BAD_FRAME: "The body is no JSON object, or the request is no HTTP/1.1.",
    ErrorCode.FRAME_TOO_LARGE: "The body is longer than 65,536 bytes.",
    ErrorCode.HELLO_REQUIRED: "No token, or one that is not good from this address. The connection ends.",
    ErrorCode.FORBIDDEN: "The request names another gateway, or this one is no longer known.",
    ErrorCode.CALL_ID_CONFLICT: "A call of this name is up for another account.",
    ErrorCode.NOT_OWNER: "The call is another gateway's.",
    ErrorCode.INTERNAL: "Not ready, nothing was done: ask another server, or again.",
}
_EVERYWHERE = (ErrorCode.HELLO_REQUIRED, ErrorCode.FORBIDDEN, ErrorCode.INTERNAL)
_OF_BODIES = (ErrorCode.BAD_REQUEST, ErrorCode.BAD_FRAME, ErrorCode.FRAME_TOO_LARGE)
_HEADERS: dict[int, Schema] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string", "pattern": "^Bearer "}}},
    503: {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "const": RETRY_AFTER_SECONDS}}},
}
_REFERENCE = "#/components/schemas/{name}"
_ERROR = {"$ref": _REFERENCE.format(name="ErrorAnswer")}


def document(version: str) -> bytes:
    """The whole document as JSON; `version` is the daemon's."""
    kinds = [*ASKED.values(), *ANSWERED.values(), m.StatusAnswer, m.ErrorAnswer]
    _, schemas = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
    for kind in ASKED.values():
        _loosen(schemas[kind.__name__])
    for name in ("Identify", "Authorize"):
        schemas[name] |= _CALL_RULES
    paths = {f"/v1/{op}": {"post": _posted(op)} for op in ASKED}
    paths[STATUS_PATH.decode()] = {"get": _got("status", m.Status, m.StatusAnswer)}
    paths[DOCUMENT_PATH.decode()] = {"get": _this_document()}
    whole = {
        "openapi": "3.1.0",
        "info": {"title": "identd", "version": version, "description": DESCRIPTION},
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "gateway": {"type": "http", "scheme": "bearer", "bearerFormat": "GATEWAY:SECRET"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
        "security": [{"gateway": []}, {"basic": []}],
    }
    return msgspec.json.encode(whole) + b"\n"


_CALL_RULES: Schema = {
    "anyOf": [{"required": [key], "properties": {key: {"type": "string"}}} for key in ("ip", "name", "ani")],
    "not": {
        "required": ["password", "digest"],
        "properties": {"password": {"type": "string"}, "digest": {"type": "object"}},
    },
}
"""What the types cannot say: one of three keys has to be there, and two may not stand together."""


def _loosen(schema: Schema) -> None:
    """A body need not repeat what its path says, nor have an id."""
    schema["required"] = [key for key in schema["required"] if key not in {"op", "id"}]
    schema["properties"]["id"] |= {"default": 0, "maximum": m.REQUEST_ID_MAX}


def _posted(op: str) -> Schema:
    kind = ASKED[op]
    said = _got(op, kind, ANSWERED[op], (*_OF_BODIES, *CONFLICTS.get(op, ())))
    said["requestBody"] = {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": _REFERENCE.format(name=kind.__name__)}}},
    }
    return said


def _got(op: str, kind: type, answer: type, codes: Iterable[ErrorCode] = ()) -> Schema:
    reference = {"$ref": _REFERENCE.format(name=answer.__name__)}
    responses: Schema = {"200": _answer(_first_line(answer), reference)}
    told: dict[int, list[str]] = {}
    for code in (*codes, *_EVERYWHERE):
        told.setdefault(STATUSES[code], []).append(f"`{code}`: {_TOLD[code]}")
    for status, lines in sorted(told.items()):
        responses[str(int(status))] = _answer(" ".join(lines), _ERROR, _HEADERS.get(status))
    if answer is m.DecisionAnswer:
        unavailable = "Nothing was judged: `decision` is `unavailable`. Or " + _TOLD[ErrorCode.INTERNAL]
        responses["503"] = _answer(unavailable, {"anyOf": [reference, _ERROR]}, _HEADERS[503])
    responses["default"] = _answer("What is no HTTP/1.1 request of this door, as docs/http.md lists it.", _ERROR)
    return {"operationId": op, "summary": _first_line(kind), "responses": responses}


def _this_document() -> Schema:
    return {
        "operationId": "openapi",
        "summary": "This document.",
        "security": [],
        "responses": {"200": _answer("OpenAPI 3.1.", {"type": "object"})},
    }


def _answer(description: str, schema: Schema, headers: Schema | None = None) -> Schema:
    said: Schema = {"description": description, "content": {"application/json": {"schema": schema}}}
    return said | ({"headers": headers} if headers else {})


def _first_line(kind: type) -> str:
    return (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("\n", " ")
