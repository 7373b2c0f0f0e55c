"""Each code of the table is said by something, in the one form that errors have."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from console.api.errors import CODES, ApiError, ErrorAnswer, api_error, error_response
from console.context import Console
from console.errors import BusyError, ChangedError, DaemonAwayError, FieldErrors, InUseError, NotFoundError
from console.roles import Role
from tests.console.api.conftest import NEW_ACCOUNT

ACCOUNTS = "/api/v1/accounts"
JSON = {"content-type": "application/json"}

REFUSED = [
    ("bad_json", "POST", ACCOUNTS, {"content": b'{"name": ', "headers": JSON}),
    ("bad_json", "POST", ACCOUNTS, {"content": b'"\xff"', "headers": JSON}),
    ("bad_json", "POST", ACCOUNTS, {"content": b"[" * 100_000, "headers": JSON}),
    ("bad_request", "DELETE", f"{ACCOUNTS}/176", {"headers": {"if-match": "without quotation marks"}}),
    ("bad_request", "POST", ACCOUNTS, {"json": NEW_ACCOUNT, "headers": {"idempotency-key": "with blank"}}),
    ("not_found", "GET", f"{ACCOUNTS}/404", {}),
    ("not_found", "GET", f"{ACCOUNTS}/99999999999999999999", {}),
    ("not_found", "GET", "/api/v1/nothing", {}),
    ("method_not_allowed", "PUT", f"{ACCOUNTS}/176", {}),
    ("in_use", "DELETE", "/api/v1/clients/1", {"headers": {"if-match": "*"}}),
    ("changed", "DELETE", f"{ACCOUNTS}/176", {"headers": {"if-match": '"0123456789abcdef"'}}),
    ("too_large", "POST", ACCOUNTS, {"content": b" " * 1_048_577, "headers": JSON}),
    ("unsupported_media_type", "POST", ACCOUNTS, {"data": {"name": "x"}}),
    ("unsupported_media_type", "POST", ACCOUNTS, {"content": b"{}", "headers": {"content-type": "text/plain"}}),
    ("misdirected", "GET", ACCOUNTS, {"headers": {"host": "elsewhere.example"}}),
    ("invalid", "POST", ACCOUNTS, {"json": []}),
    ("invalid", "POST", ACCOUNTS, {"json": {}}),
    ("precondition_required", "DELETE", f"{ACCOUNTS}/176", {}),
    ("precondition_required", "PATCH", f"{ACCOUNTS}/176", {"json": {}}),
    ("precondition_required", "POST", f"{ACCOUNTS}/176/deactivate", {}),
    ("daemon_away", "GET", "/api/v1/status", {}),
    ("daemon_away", "GET", "/api/v1/calls", {}),
    ("daemon_away", "POST", "/api/v1/whose", {"json": {"ip": "192.0.2.1"}}),
    ("daemon_away", "POST", "/api/v1/calls/end", {"json": {"call_id": "x"}}),
]
ELSEWHERE = {
    "unauthorized": "below",
    "forbidden": "below",
    "database_away": "below",
    "in_progress": "test_idempotency.py",
    "key_reused": "test_idempotency.py",
    "timeout": "tests/console/test_hardening.py",
    "busy": "tests/console/test_hardening.py",
    "internal": "tests/console/test_hardening.py",
}
"""Code -> where it is tested, if not by a row."""


def test_every_code_is_tested():
    assert {code for code, *_ in REFUSED} | ELSEWHERE.keys() == CODES.keys()


def check(answer: httpx.Response, code: str) -> None:
    assert answer.status_code == CODES[code][0], answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body["error"] == code
    assert body["message"][0].isupper() or body["message"][0].isdigit() or code == "unauthorized", body
    assert body.keys() <= {"error", "message", "errors"}


@pytest.mark.parametrize(("code", "method", "path", "request_"), REFUSED)
async def test_what_is_refused_has_a_code_and_a_sentence(
    operator: httpx.AsyncClient, code: str, method: str, path: str, request_: dict[str, object]
):
    check(await operator.request(method, path, **request_), code)


async def test_an_address_that_knows_other_methods_names_them_all(operator: httpx.AsyncClient):
    answer = await operator.put(f"{ACCOUNTS}/176")
    assert answer.headers["allow"] == "DELETE, GET, HEAD, PATCH"


async def test_who_has_no_key_or_the_wrong_role(
    stranger: httpx.AsyncClient, key_of: Callable[[Role], Awaitable[httpx.AsyncClient]]
):
    check(await stranger.get(ACCOUNTS), "unauthorized")
    viewer = await key_of("viewer")
    answer = await viewer.post(ACCOUNTS, json=NEW_ACCOUNT)
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


async def test_a_database_that_is_away(operator: httpx.AsyncClient, console: Console):
    console.database._pool.terminate()
    answer = await operator.get(ACCOUNTS)
    check(answer, "database_away")
    assert answer.headers["retry-after"] == "2"


TRANSLATED = [
    (FieldErrors({"name": "Choose another"}), "invalid"),
    (NotFoundError("account", 7), "not_found"),
    (ChangedError("account", 7, "0123456789abcdef"), "changed"),
    (InUseError("client", "Rose", "2 accounts"), "in_use"),
    (BusyError(), "busy"),
    (DaemonAwayError("no socket"), "daemon_away"),
    (ApiError("key_reused", "Choose another"), "key_reused"),
]


@pytest.mark.parametrize(("error", "code"), TRANSLATED)
def test_the_exceptions_of_other_rooms_have_a_code(error: Exception, code: str):
    assert api_error(error).code == code


def test_an_exception_that_nobody_expected_stays_what_it_is():
    with pytest.raises(ZeroDivisionError):
        api_error(ZeroDivisionError())


def test_an_error_says_when_to_try_again_where_that_helps():
    assert error_response(ApiError("daemon_away", "Away")).headers["retry-after"] == "2"
    assert "retry-after" not in error_response(ApiError("not_found", "Not there")).headers


def test_the_form_of_errors_is_that_of_the_document():
    assert ErrorAnswer.__struct_fields__ == ("error", "message", "errors")


def test_the_document_for_integrators_has_every_code():
    text = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
    assert [c for c, (status, when) in CODES.items() if f"| {status} | `{c}` | {when} |" not in text] == []
