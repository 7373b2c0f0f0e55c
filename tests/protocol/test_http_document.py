"""The OpenAPI document says what the codec does: its paths, its statuses, the shapes of what goes over the wire."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from protocol.errors import ErrorCode
from protocol.http_connection import ASKED, STATUSES, HttpConnection
from protocol.http_document import ANSWERED, CONFLICTS, document
from protocol.http_parsing import BODY_BYTES_MAX, HEAD_BYTES_MAX, HEADERS_MAX

DOCUMENT: dict[str, Any] = msgspec.json.decode(document("9.9.9"))
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "http.md").read_text()


def test_every_path_of_the_document_is_one_of_the_door_and_no_other() -> None:
    assert set(DOCUMENT["paths"]) == {f"/v1/{op}" for op in ASKED} | {"/v1/status", "/v1/openapi.json"}
    assert DOCUMENT["info"]["version"] == "9.9.9"
    for path, methods in DOCUMENT["paths"].items():
        for method in methods:
            head = f"{method.upper()} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
            connection = HttpConnection(b"{}")
            [*_, event] = connection.receive_data(head.encode(), 0.0)
            code = getattr(event, "code", None)
            assert code in {None, ErrorCode.BAD_FRAME}, "404 and 405 are bad_request, and this has an empty body"


@pytest.mark.parametrize("op", ASKED)
def test_each_request_names_what_it_asks_and_how_it_is_answered(op: str) -> None:
    asked = DOCUMENT["paths"][f"/v1/{op}"]["post"]
    reference = asked["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    schema = DOCUMENT["components"]["schemas"][reference.rpartition("/")[2]]
    assert schema["title"] == ASKED[op].__name__
    assert "id" not in schema["required"], "it is 0 where it is not said"
    assert "op" not in schema["required"], "the path says it"
    assert not schema["additionalProperties"]
    assert ANSWERED[op].__name__ in asked["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    statuses = {"200", "400", "401", "403", "413", "503", "default"} | ({"409"} if op in CONFLICTS else set())
    assert set(asked["responses"]) == statuses


def test_every_status_of_an_error_is_in_the_document_but_that_of_a_boot_which_http_has_none_of() -> None:
    operations = [each for methods in DOCUMENT["paths"].values() for each in methods.values()]
    named = {status for each in operations for status in each["responses"]}
    assert {str(int(status)) for status in STATUSES.values()} <= named


def test_document_itself_wants_no_token_and_everything_else_does() -> None:
    open_to_all = [
        path for path, methods in DOCUMENT["paths"].items() if methods.get("get", {}).get("security") == []
    ]
    assert open_to_all == ["/v1/openapi.json"]
    assert DOCUMENT["security"] == [{"gateway": []}, {"basic": []}]


def test_call_without_anything_to_know_it_by_is_none_by_the_document_too() -> None:
    for name in ("Identify", "Authorize"):
        schema = DOCUMENT["components"]["schemas"][name]
        assert [each["required"] for each in schema["anyOf"]] == [["ip"], ["name"], ["ani"]]
        assert schema["not"]["required"] == ["password", "digest"]


def test_page_for_operators_names_the_same_paths_statuses_codes_and_bounds() -> None:
    asked = {f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert set(re.findall(r"^\| `((?:GET|POST) [^`]+)` \|", PAGE, re.MULTILINE)) == asked
    rows = re.findall(r"^\| \*{0,2}([\d, ]+)\*{0,2} \| (.*?) \|", PAGE, re.MULTILINE)
    told = {
        (int(status), code)
        for statuses, codes in rows
        for status in statuses.split(",")
        for code in re.findall(r"`(\w+)`", codes)
    }
    without_boot_ids = {pair for pair in STATUSES.items() if pair[0] is not ErrorCode.STALE_BOOT}
    assert {(int(status), str(code)) for code, status in without_boot_ids} <= told
    for bound in (HEAD_BYTES_MAX, HEADERS_MAX, BODY_BYTES_MAX):
        assert f"{bound:,}" in PAGE
