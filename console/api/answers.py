"""What the API answers: JSON from values, with the headers that programs go by.

`Shown` is an answer as it can be kept and sent again (idempotency.py); ETag and 304 are made here, and the links of
a list (RFC 8288).
"""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from console.api.preconditions import is_not_modified, tag_of

API = "/api/v1"
IN_FORCE = "Identd-In-Force"
REPLAYED = "Idempotency-Replayed"
ETAG_CHARACTERS = 33
JSON = "application/json"

Row = TypeVar("Row")


class Listing(msgspec.Struct, Generic[Row], frozen=True, kw_only=True):
    """One page of a list: `items` are those of page `page`, `size` a page, of `total` in all."""

    items: tuple[Row, ...]
    total: int
    page: int
    size: int


class Shown(msgspec.Struct, frozen=True):
    """An answer before it is sent."""

    status: int
    body: bytes
    headers: dict[str, str] = {}


def shown(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Shown:
    """A value as JSON; with an ETag where it has an `etag`."""
    body = b"" if value is None else msgspec.json.encode(value)
    given = dict(headers or {})
    if etag := getattr(value, "etag", ""):
        given["ETag"] = f'"{tag_of(etag, body)}"'
    return Shown(status, body, given)


def response_of(answer: Shown, headers: Mapping[str, str] | None = None) -> Response:
    """The answer as it is sent."""
    return Response(
        answer.body,
        answer.status,
        {**answer.headers, **(headers or {})},
        JSON if answer.body else None,
    )


def one(request: Request, value: Any) -> Response:
    """A single object, or 304 where who asks has it already."""
    answer = shown(value)
    tag = answer.headers.get("ETag", "")
    if tag and is_not_modified(request.headers, tag.strip('"')):
        return Response(status_code=304, headers={"ETag": tag})
    return response_of(answer)


def listing_of(answer: Any) -> Any:
    """The type of a page of these."""
    generic: Any = Listing
    return generic[answer]


def page_links(request: Request, page: int, size: int, total: int) -> dict[str, str]:
    """The header Link of a page of a list: first, prev, next, last."""
    last = max(1, -(-total // size))
    places = {"first": 1, "prev": page - 1, "next": page + 1, "last": last}
    return link_header(request, {rel: {"page": str(at)} for rel, at in places.items() if 1 <= at <= last})


def link_header(request: Request, places: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Link to the same list elsewhere; `places`: relation -> parameters that are other than now, "" for none."""
    links = []
    for rel, parameters in places.items():
        kept = [(name, text) for name, text in request.query_params.multi_items() if name not in parameters]
        query = urlencode([*kept, *((name, text) for name, text in parameters.items() if text)])
        links.append(f'<{request.url.path}?{query}>; rel="{rel}"')
    return {"Link": ", ".join(links)} if links else {}
