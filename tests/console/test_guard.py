"""Who is let through, in which order it is asked, and that an upload is not read before its form is known."""

import html
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from console.context import Console
from console.door import Actor, Door, actor_of
from console.guard import NOT_OURS, STALE, pass_through
from console.people.sessions import COOKIE, Session, open_session
from console.people.store import add_person
from tests.console.conftest import ORIGIN, Browser

BOUNDARY = "----form"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


def part(name: str, value: bytes, more: str = "") -> bytes:
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"


class Upload:
    """A body in pieces that knows how many of them were asked for."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self.read = 0

    async def __call__(self) -> dict[str, Any]:
        piece = self.pieces[self.read]
        self.read += 1
        return {"type": "http.request", "body": piece, "more_body": self.read < len(self.pieces)}


class App:
    def __init__(self, console: Console) -> None:
        self.state = type("State", (), {"console": console})()


@pytest.fixture
async def session(console: Console) -> Session:
    person_id = await add_person(console.database, "anna", "operator", actor="test")
    return await open_session(console.database, person_id, console.wall(), address="", agent="")


async def upload_of(request: Request) -> Response:
    form = await request.form()
    file = form["file"]
    assert not isinstance(file, str)
    return PlainTextResponse(f"{actor_of(request).name} {form['csrf'] != ''} {len(await file.read())}")


IMPORT = Door("POST", "/import", "edit", upload_of, 64 * 1024 * 1024)


def request_of(console: Console, session: Session, receive: Any, **headers: str) -> Request:
    said = {"cookie": f"{COOKIE}={session.token}", "origin": ORIGIN, "content-type": MULTIPART, **headers}
    scope = {
        "type": "http", "method": "POST", "path": "/import", "query_string": b"", "app": App(console),
        "scheme": "http", "server": ("127.0.0.1", 8878), "client": None, "path_params": {},
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in said.items() if value],
    }  # fmt: skip
    return Request(scope, receive)


async def test_an_upload_with_its_token_first_goes_through_whole(console: Console, session: Session):
    data = b"1;2;3\n" * 50_000
    token = part("csrf", session.csrf.encode())
    whole = token + part("file", data, '; filename="a.csv"') + f"--{BOUNDARY}--\r\n".encode()
    small = tuple(whole[start : start + 999] for start in range(0, len(whole), 999))
    for pieces in ((whole,), (token[:20], token[20:], whole[len(token) :]), small):
        answer = await pass_through(IMPORT, request_of(console, session, Upload(*pieces)))
        assert bytes(answer.body) == f"anna True {len(data)}".encode()


@pytest.mark.parametrize(
    "first", [part("csrf", b"wrong"), part("file", b"x" * 100, '; filename="a.csv"'), b"x" * 9000]
)
async def test_an_upload_that_is_not_ours_is_read_no_further_than_its_head(
    console: Console, session: Session, first: bytes
):
    upload = Upload(first + part("x", b""), *[b"a" * 65_536] * 1000)
    answer = await pass_through(IMPORT, request_of(console, session, upload))
    assert answer.status_code == 403
    assert upload.read == 1


async def test_a_token_in_the_header_lets_the_handler_read_all_by_itself(console: Console, session: Session):
    upload = Upload(part("csrf", b"x") + part("file", b"a,b", '; filename="a.csv"'), f"--{BOUNDARY}--\r\n".encode())
    answer = await pass_through(IMPORT, request_of(console, session, upload, **{"x-csrf-token": session.csrf}))
    assert bytes(answer.body) == b"anna True 3"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"origin": ""}, NOT_OURS),
        ({"origin": "null"}, NOT_OURS),
        ({"origin": ORIGIN + ".evil.example"}, NOT_OURS),
        ({"origin": ORIGIN.replace("http:", "https:")}, NOT_OURS),
        ({"sec-fetch-site": "cross-site"}, NOT_OURS),
        ({"sec-fetch-site": "none"}, NOT_OURS),
        ({"x-csrf-token": "wrong"}, STALE),
        ({"x-csrf-token": ""}, STALE),
    ],
)
async def test_a_change_from_elsewhere_is_refused_unread(
    console: Console, session: Session, headers: dict[str, str], reason: str
):
    upload = Upload(part("csrf", b"wrong") + part("x", b""), b"")
    answer = await pass_through(IMPORT, request_of(console, session, upload, **{"x_csrf": "", **headers}))
    assert answer.status_code == 403
    assert reason[1:] in html.unescape(bytes(answer.body).decode())
    assert upload.read <= (reason == STALE)


async def test_a_form_without_script_carries_its_token_in_a_field(console: Console, browser_of: Browser):
    browser = await browser_of("operator")
    csrf = browser.headers.pop("x-csrf-token")
    assert (await browser.post("/me/sessions/end", data={"csrf": csrf})).status_code == 303
    for wrong in ({}, {"csrf": ""}, {"csrf": csrf[:-1]}, {"csrf": "\ud7ff"}, {"CSRF": csrf}):
        assert (await browser.post("/me/sessions/end", data=wrong)).status_code == 403
    in_url = await browser.post(f"/me/sessions/end?csrf={csrf}")
    assert in_url.status_code == 403, "a token in a URL ends in logs"
    as_json = await browser.post("/me/sessions/end", json={"csrf": csrf})
    assert as_json.status_code == 403


async def test_the_token_of_one_session_is_none_of_another(console: Console, browser_of: Browser):
    anna, berta = await browser_of("operator"), await browser_of("operator")
    anna.headers["x-csrf-token"] = berta.headers["x-csrf-token"]
    assert (await anna.post("/me/sessions/end")).status_code == 403


async def test_no_other_site_can_log_somebody_in(stranger: httpx.AsyncClient):
    for origin in ("https://evil.example", "null", None):
        headers = {} if origin is None else {"origin": origin}
        answer = await stranger.post("/login", data={"name": "a", "password": "b"}, headers=headers)
        assert answer.status_code == 403


async def test_nobody_comes_back_to_the_page_they_wanted(stranger: httpx.AsyncClient):
    answer = await stranger.get("/people?role=x&next=//evil.example")
    assert answer.headers["location"] == "/login?next=%2Fpeople%3Frole%3Dx%26next%3D%2F%2Fevil.example"
    stranger.headers["origin"] = ORIGIN
    assert (await stranger.post("/people")).headers["location"] == "/login"


async def test_htmx_is_told_to_load_the_login_page_instead_of_putting_it_into_a_table(stranger: httpx.AsyncClient):
    answer = await stranger.get("/people", headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login")


async def test_a_number_that_no_row_can_have_is_nothing(browser_of: Browser):
    browser = await browser_of("admin")
    for number, status in ((2**63 - 1, 404), (2**63, 404), (10**40, 404)):
        assert (await browser.get(f"/people/{number}")).status_code == status


async def test_an_actor_without_a_token_changes_nothing_by_an_empty_one(
    console: Console, session: Session, monkeypatch: pytest.MonkeyPatch
):
    async def tokenless(_request: Request) -> Actor:
        return Actor(name="x", role="admin", kind="person")

    monkeypatch.setattr("console.guard.actor_of_session", tokenless)
    upload = Upload(part("csrf", b"") + part("x", b""), b"")
    assert (await pass_through(IMPORT, request_of(console, session, upload))).status_code == 403
