"""JSON on its way in: read, an object, and no looser than its Struct."""

from typing import Any

import pytest
from starlette.requests import Request

from console.api.bodies import check_names, declared, json_object
from console.api.entries import AccountPatch, CallToEnd, GatewayPatch
from console.api.errors import ApiError
from console.errors import FieldErrors


def request_of(body: bytes, content_type: str = "application/json", method: str = "POST") -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", content_type.encode())]
    return Request({"type": "http", "method": method, "headers": headers}, receive)


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"]
)
async def test_json_is_taken_however_its_type_is_written(content_type: str):
    assert await json_object(request_of(b'{"name": "Rose"}', content_type)) == {"name": "Rose"}


async def test_a_merge_patch_is_taken_where_something_is_patched():
    patch = request_of(b"{}", "application/merge-patch+json", "PATCH")
    assert await json_object(patch) == {}
    with pytest.raises(ApiError) as refused:
        await json_object(request_of(b"{}", "application/merge-patch+json"))
    assert refused.value.code == "unsupported_media_type"


@pytest.mark.parametrize(
    "content_type", ["", "text/json", "application/json; charset=latin-1", "multipart/form-data"]
)
async def test_other_types_are_refused(content_type: str):
    with pytest.raises(ApiError) as refused:
        await json_object(request_of(b"{}", content_type))
    assert refused.value.code == "unsupported_media_type"


BROKEN = [
    b"",
    b"{",
    b"\xff",
    b'"\xed\xa0\x80"',
    b'{"a": NaN}',
    b'{"a": 1e999}',
    b"[" * 9999,
    b'"\\ud800"',
    b"\xef\xbb\xbf{}",
]


@pytest.mark.parametrize("body", BROKEN)
async def test_what_is_no_json_is_refused(body: bytes):
    with pytest.raises(ApiError) as refused:
        await json_object(request_of(body))
    assert refused.value.code == "bad_json"


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"1"])
async def test_what_is_no_object_is_refused(body: bytes):
    with pytest.raises(ApiError) as refused:
        await json_object(request_of(body))
    assert refused.value.code == "invalid"


def test_all_that_is_not_as_declared_is_told_at_once():
    with pytest.raises(FieldErrors) as wrong:
        declared({"port": "5060", "orig_tags": ["gold", 7], "name": None, "notes": "x"}, AccountPatch)
    assert wrong.value.errors == {
        "port": "Send int | null: this is str",
        "orig_tags": "Send str: this is int, at [1]",
        "name": "Send str: this is null",
    }


def test_what_is_needed_is_asked_for():
    with pytest.raises(FieldErrors) as wrong:
        declared({"leg": "a"}, CallToEnd)
    assert wrong.value.errors == {"call_id": "Send it: it is needed"}


def test_what_is_as_declared_is_a_value():
    assert declared({"call_id": "x"}, CallToEnd) == CallToEnd(call_id="x")


def test_a_name_that_is_none_is_told_with_those_that_are():
    with pytest.raises(FieldErrors) as wrong:
        check_names({"adresses": []}, GatewayPatch)
    assert "addresses" in wrong.value.errors["adresses"]
