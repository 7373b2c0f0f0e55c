"""The OpenAPI 3.1 document: made from the operations that open the doors, and the Structs that are sent and answered.

Nothing is described by hand that the code could say: statuses come from what an operation takes and does, error codes
from their table, schemas from types.
"""

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from console.api.answers import API, IN_FORCE, JSON, REPLAYED
from console.api.bodies import MERGE_PATCH
from console.api.errors import CODES, ErrorAnswer
from console.api.idempotency import KEPT_HOURS, KEY_PATTERN
from console.api.operation import Operation
from console.api.preconditions import TAGS_PATTERN
from console.objects.field_values import ID_MAX
from console.roles import PERMISSIONS

Document = dict[str, Any]

DESCRIPTION = """\
Accounts and what they refer to, live calls, the audit log, and whose call it is: what the pages of the console do.

Every request carries a key: `Authorization: Bearer idk_…`. A change of what is there carries `If-Match` with the ETag
of what was read. A POST may carry an `Idempotency-Key`. After a change `Identd-In-Force` says whether calls are
judged by it already. Every error is an `ErrorAnswer`."""

_REF = "#/components/schemas/{name}"
_ALWAYS = ("bad_request", "timeout", "misdirected", "invalid", "internal", "busy", "database_away")
_GUARDED = ("unauthorized", "forbidden")
_OF_BODIES = ("bad_json", "too_large", "unsupported_media_type")

_HEADERS: dict[str, tuple[str, str]] = {
    "ETag": ("The version: for If-Match and If-None-Match.", '^"[0-9a-f-]{16,33}"$'),
    "Location": ("Where the new one is.", "^/"),
    "Link": ("first, prev, next and last page (RFC 8288); prev and next are newer and older in the audit log.", "^<"),
    IN_FORCE: (
        "Whether calls are judged by it already; false where the daemon did not say so in time.",
        "^(true|false)$",
    ),
    REPLAYED: ("true where the answer is the one that was given to this Idempotency-Key before.", "^true$"),
    "Retry-After": ("Seconds.", "^[0-9]+$"),
}


def document(operations: Sequence[Operation], version: str) -> Document:
    """The whole document."""
    types = [kind for operation in operations for kind in _types(operation)]
    unique = list({repr(kind): kind for kind in [*types, ErrorAnswer]}.values())
    references, schemas = msgspec.json.schema_components(unique, ref_template=_REF)
    by_type = {repr(kind): reference for kind, reference in zip(unique, references, strict=True)}
    paths: dict[str, Document] = {}
    for operation in operations:
        paths.setdefault(path_of(operation), {})[operation.method.lower()] = _operation(operation, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": "identd", "version": version, "description": DESCRIPTION},
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "A key of the API."}},
        },
        "security": [{"key": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
    }


def path_of(operation: Operation) -> str:
    """The path as OpenAPI writes it: without Starlette's types."""
    return re.sub(r"\{(\w+):\w+\}", r"{\1}", operation.path)


def error_codes(operation: Operation) -> tuple[str, ...]:
    """All that an operation may refuse with, in the order of the table."""
    found = {*_ALWAYS, *operation.errors}
    if operation.permission is not None:
        found.update(_GUARDED)
    if operation.body is not None:
        found.update(_OF_BODIES)
    if "{id" in operation.path:
        found.add("not_found")
    if operation.if_match:
        found.update(("precondition_required", "changed"))
    if operation.once:
        found.update(("in_progress", "key_reused"))
    return tuple(code for code in CODES if code in found)


def _types(operation: Operation) -> list[Any]:
    found = [] if operation.body is None else [operation.body]
    for answer in operation.answers.values():
        found += [] if answer is None else list(_several(answer))
    return found


def _several(answer: Any) -> tuple[Any, ...]:
    return answer if isinstance(answer, tuple) else (answer,)


def _operation(operation: Operation, by_type: Mapping[str, Document]) -> Document:
    said = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": _description(operation),
        "parameters": _parameters(operation),
        "responses": _responses(operation, by_type),
    }
    if operation.permission is None:
        said["security"] = []
    if operation.body is not None:
        schema = {"schema": by_type[repr(operation.body)]}
        taken = (JSON, MERGE_PATCH) if operation.method == "PATCH" else (JSON,)
        said["requestBody"] = {"required": True, "content": dict.fromkeys(taken, schema)}
    return said


def _description(operation: Operation) -> str:
    if operation.permission is None:
        return operation.description or "Open to everybody."
    what, roles = PERMISSIONS[operation.permission]
    needs = (
        f"Needs the permission “{operation.permission}” ({what}), which keys of these roles have: {', '.join(roles)}."
    )
    return f"{operation.description}\n\n{needs}".strip()


def _parameters(operation: Operation) -> list[Document]:
    found = []
    if "{id" in operation.path:
        whole = {"type": "integer", "minimum": 1, "maximum": ID_MAX}
        found.append({"name": "id", "in": "path", "required": True, "schema": whole})
    for parameter in operation.parameters:
        schema = msgspec.json.schema(parameter.type)
        if parameter.several:
            schema = {"type": "array", "items": schema}
        found.append(
            {"name": parameter.name, "in": "query", "description": parameter.description, "schema": schema}
            | ({"style": "form", "explode": True} if parameter.several else {})
        )
    if operation.if_match:
        described = "The ETag of what was read; * changes it whatever it is now."
        found.append(_header("If-Match", described, TAGS_PATTERN, required=True) | {"example": "*"})
    if 304 in operation.answers:
        found.append(_header("If-None-Match", "The ETag of what is there already: answers 304.", TAGS_PATTERN))
    if operation.once:
        described = f"The same key with the same request is done once, and answered the same for {KEPT_HOURS} hours."
        found.append(_header("Idempotency-Key", described, KEY_PATTERN))
    return found


def _header(name: str, description: str, pattern: str, *, required: bool = False) -> Document:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "header", "required": required, "description": description, "schema": schema}


def _responses(operation: Operation, by_type: Mapping[str, Document]) -> Document:
    found: Document = {}
    for status, answer in operation.answers.items():
        said: Document = {"description": _described(status, answer)}
        if answer is not None:
            schemas = [by_type[repr(kind)] for kind in _several(answer)]
            said["content"] = {JSON: {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}}
        if headers := _answer_headers(operation, status):
            said["headers"] = headers
        found[str(status)] = said
    by_status: dict[int, list[str]] = {}
    for code in error_codes(operation):
        by_status.setdefault(CODES[code][0], []).append(code)
    for status, codes in by_status.items():
        names = {401: ("WWW-Authenticate",), 412: ("ETag",)}.get(status)
        found[str(status)] = {
            "description": " ".join(f"`{code}`: {CODES[code][1]}" for code in codes),
            "content": {JSON: {"schema": by_type[repr(ErrorAnswer)]}},
        } | ({"headers": {name: _answer_header(name) for name in names}} if names else {})
    return found


def _described(status: int, answer: Any) -> str:
    if answer is None:
        return {204: "It is gone.", 304: "Who asks has it already."}[status]
    return " Or: ".join((inspect.getdoc(kind) or "").partition("\n\n")[0] or "A page." for kind in _several(answer))


def _answer_headers(operation: Operation, status: int) -> Document:
    names = []
    if operation.etag and (status in (201, 304) or (status == 200 and 201 not in operation.answers)):
        names.append("ETag")
    names += ["Location"] if status == 201 else []
    names += ["Link"] if operation.links else []
    names += [IN_FORCE] if operation.writes else []
    names += [REPLAYED] if operation.once else []
    return {name: _answer_header(name) for name in names}


def _answer_header(name: str) -> Document:
    described, pattern = _HEADERS.get(name, ("How to say who asks.", ""))
    schema: Document = {"type": "string"} | ({"pattern": pattern} if pattern else {})
    return {"description": described, "schema": schema}


PATH = f"{API}/openapi.json"
