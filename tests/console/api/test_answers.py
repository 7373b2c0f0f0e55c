"""Answers: JSON, ETag, 304 and the links of a list."""

import msgspec
from starlette.requests import Request

from console.api.answers import link_header, listing_of, one, page_links, response_of, shown


class Thing(msgspec.Struct):
    """Something with a version."""

    name: str
    etag: str = "0123456789abcdef"


def request_of(query: str = "", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/api/v1/things",
        "query_string": query.encode(),
        "headers": raw,
    }
    return Request({**scope, "server": ("127.0.0.1", 80), "scheme": "http"})


def test_a_value_is_json_with_its_version():
    answer = response_of(shown(Thing("Rose"), 201, {"Location": "/x"}), {"Identd-In-Force": "true"})
    assert (answer.status_code, answer.body) == (201, b'{"name":"Rose","etag":"0123456789abcdef"}')
    assert answer.headers["etag"].startswith('"0123456789abcdef-')
    assert (answer.headers["location"], answer.headers["identd-in-force"]) == ("/x", "true")
    assert answer.headers["content-type"] == "application/json"


def test_nothing_has_neither_body_nor_type():
    answer = response_of(shown(None, 204))
    assert (answer.status_code, answer.body) == (204, b"")
    assert "content-type" not in answer.headers


def test_who_has_it_already_is_told_so_until_anything_changes():
    first = one(request_of(), Thing("Rose"))
    again = one(request_of(if_none_match=first.headers["etag"]), Thing("Rose"))
    assert (again.status_code, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert one(request_of(if_none_match=first.headers["etag"]), Thing("Iris")).status_code == 200


def test_links_keep_what_was_asked_for():
    links = page_links(request_of("q=a%26b&page=2&tags=x&tags=y"), 2, 20, 45)["Link"]
    assert '</api/v1/things?q=a%26b&tags=x&tags=y&page=3>; rel="next"' in links
    assert 'page=1>; rel="prev"' in links
    assert 'page=3>; rel="last"' in links


def test_an_only_page_has_no_neighbours():
    assert page_links(request_of(), 1, 20, 0)["Link"].count("rel=") == 2


def test_a_link_takes_out_what_does_not_go_on():
    assert link_header(request_of("after=5&size=20"), {"next": {"before": "3", "after": ""}}) == {
        "Link": '</api/v1/things?size=20&before=3>; rel="next"'
    }
    assert link_header(request_of(), {}) == {}


def test_a_page_of_things_has_a_type_of_its_own():
    assert "items" in str(msgspec.json.schema(listing_of(Thing)))
