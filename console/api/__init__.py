"""The REST API under /api/v1: the same objects and statements as the pages, for programs with a key.

`OPERATIONS` are the doors and, through `openapi.py`, their description.
"""

import functools

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from console.api import accounts, audit, catalogue, daemon
from console.api.answers import JSON
from console.api.openapi import PATH, document
from console.api.operation import Operation
from console.door import Door

VERSION = "1"


async def show_document(_request: Request) -> Response:
    """GET /api/v1/openapi.json"""
    return Response(_document(), media_type=JSON)


@functools.cache
def _document() -> bytes:
    return msgspec.json.encode(document(OPERATIONS, VERSION))


OPERATIONS: tuple[Operation, ...] = (
    *accounts.OPERATIONS,
    *catalogue.OPERATIONS,
    *daemon.OPERATIONS,
    *audit.OPERATIONS,
    Operation(
        name="get_document",
        method="GET",
        path=PATH,
        permission=None,
        handler=show_document,
        tag="document",
        summary="This document.",
        answers={200: dict},
    ),
)

DOORS: tuple[Door, ...] = tuple(operation.door for operation in OPERATIONS)
