"""The document and the doors say the same; that it is true is asked by schemathesis."""

import re
from typing import Any

import httpx
import msgspec
import pytest

from console.api import DOORS, OPERATIONS
from console.api.errors import CODES
from console.api.openapi import document, error_codes, path_of

DOCUMENT: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document(OPERATIONS, "1")))
METHODS = {"get", "post", "put", "patch", "delete"}


def test_every_door_is_in_the_document_and_back():
    doors = {(door.method, re.sub(r":\w+", "", door.path)) for door in DOORS}
    described = {
        (method.upper(), path)
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
        if method in METHODS
    }
    assert described == doors


async def test_it_is_served_to_anyone(stranger: httpx.AsyncClient):
    answer = await stranger.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == DOCUMENT
    assert DOCUMENT["openapi"].startswith("3.1.")


def test_every_reference_leads_somewhere_and_no_schema_stands_there_for_nothing():
    text = msgspec.json.encode(DOCUMENT).decode()
    referred = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert referred == set(DOCUMENT["components"]["schemas"])


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_refusal_of_an_operation_is_listed(operation: Any):
    said = DOCUMENT["paths"][path_of(operation)][operation.method.lower()]
    statuses = {str(status) for status in operation.answers} | {
        str(CODES[code][0]) for code in error_codes(operation)
    }
    assert set(said["responses"]) == statuses
    assert ("security" in said) == (operation.permission is None)
    assert ("requestBody" in said) == (operation.body is not None)
    headers = {parameter["name"] for parameter in said["parameters"] if parameter["in"] == "header"}
    assert ("If-Match" in headers) == operation.if_match
    assert ("Idempotency-Key" in headers) == operation.once


def test_every_code_is_of_some_operation_or_of_the_frame():
    said = {code for operation in OPERATIONS for code in error_codes(operation)}
    assert CODES.keys() - said == {"method_not_allowed"}, "said where there is no operation"
