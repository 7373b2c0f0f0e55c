"""Pages: escaped, not cached, and what a form did is said once, on the page after it."""

import re

import httpx
import jinja2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from console.door import Actor
from console.pages.render import COOKIE, FOLDER, NOT_IN_FORCE, moment, redirect, render, static, templates
from tests.console.conftest import Browser

ROSE = Actor(name="rose", role="operator", kind="person", id=1, csrf="token-of-rose")
OTHER = Actor(name="other", role="operator", kind="person", id=2, csrf="token-of-other")


def pages(actor: Actor, said: str, *, in_force: bool = True) -> httpx.AsyncClient:
    """Two pages: /do redirects to /then and has something to say."""

    async def do(request: Request) -> Response:
        request.state.actor = actor
        return redirect(request, "/then", said, in_force=in_force)

    async def then(request: Request) -> Response:
        request.state.actor = actor
        return render(request, "error.html", {"title": "Then", "message": ""})

    app = Starlette(routes=[Route("/do", do), Route("/then", then)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


async def test_what_a_form_did_is_said_on_the_next_page_and_only_there():
    async with pages(ROSE, "Account <b>&amp; is saved.") as browser:
        answer = await browser.get("/do")
        assert (answer.status_code, answer.headers["location"]) == (303, "/then")
        assert "Account &lt;b&gt;&amp;amp; is saved." in (await browser.get("/then")).text
        assert "is saved." not in (await browser.get("/then")).text


async def test_a_change_that_calls_do_not_go_by_yet_is_said():
    async with pages(ROSE, "Saved.", in_force=False) as browser:
        await browser.get("/do")
        assert NOT_IN_FORCE in (await browser.get("/then")).text


async def test_nobody_else_can_put_words_on_a_page():
    async with pages(OTHER, "We have moved, log in at ours.") as attacker:
        planted = (await attacker.get("/do")).cookies[COOKIE]
    for words in (planted, planted.replace(".", "x."), "0.W10=", ".", "", "é.ü", "a" * 64 + ".****"):
        async with pages(ROSE, "") as browser:
            answer = await browser.get("/then", headers=[(b"cookie", f"{COOKIE}={words}".encode())])
            assert answer.status_code == 200
            assert 'class="message' not in answer.text


async def test_a_message_too_long_for_a_cookie_is_left_out_and_the_page_is_reached():
    async with pages(ROSE, "x" * 5000) as browser:
        answer = await browser.get("/do")
        assert answer.headers["location"] == "/then"
        assert COOKIE not in answer.cookies


async def test_no_page_is_kept_by_a_browser_or_a_proxy():
    async with pages(ROSE, "") as browser:
        assert (await browser.get("/then")).headers["cache-control"] == "no-store"


async def test_a_page_has_no_script_or_style_in_itself(browser_of: Browser):
    text = (await (await browser_of("admin")).get("/accounts")).text
    assert "<style" not in text
    assert " style=" not in text
    assert " onclick=" not in text
    assert text.count("<script") == text.count("<script src=") == 2


def test_a_value_that_a_template_asks_for_must_be_there():
    with pytest.raises(jinja2.UndefinedError):
        templates.from_string("{{ nobody_gave_it }}").render()


def test_the_url_of_a_file_changes_with_the_file():
    assert static("style.css").startswith("/static/style.css?v=")
    assert static("style.css") != static("console.js")


@pytest.mark.parametrize(
    ("at", "text"),
    [(None, ""), (0.0, "1970-01-01 00:00:00"), (1_800_000_000.9, "2027-01-15 08:00:00")],
)
def test_moments_are_utc_to_the_second(at: float | None, text: str):
    assert moment(at) == text


def test_whatever_asks_by_itself_says_so() -> None:
    """Or the page that stands open would keep its session for ever."""
    asking = [
        tag
        for template in (FOLDER / "templates").rglob("*.html")
        for tag in re.findall(r"<\w+[^<]*hx-trigger=\"every[^<]*>", template.read_text())
    ]
    assert asking
    assert [tag for tag in asking if "X-Poll" not in tag] == []
