"""One's own page: password, second factor and sessions, as one clicks them."""

import html
import re

import httpx
import pyotp

from console.context import Console
from identd.credentials import KeyRing
from tests.console.people.conftest import PASSWORD, log_in, token_of_page

OTHER = "another good password"


async def logged_in(known, visitor) -> httpx.AsyncClient:
    await known()
    browser = visitor()
    assert (await log_in(browser)).status_code == 303
    return browser


async def test_the_password_is_changed_and_said(known, visitor):
    browser = await logged_in(known, visitor)
    csrf = await token_of_page(browser, "/me")
    wrong = await browser.post("/me/password", data={"csrf": csrf, "old": "x", "password": OTHER, "again": OTHER})
    assert wrong.status_code == 422
    assert 'id="e-old"' in wrong.text
    right = await browser.post(
        "/me/password", data={"csrf": csrf, "old": PASSWORD, "password": OTHER, "again": OTHER}
    )
    assert (right.status_code, right.headers["location"]) == (303, "/me")
    page = await browser.get("/me")
    assert "Your password is changed" in page.text
    assert (await log_in(visitor(), password=OTHER)).status_code == 303


async def test_sessions_are_listed_and_ended_one_by_one_or_all(known, visitor):
    browser = await logged_in(known, visitor)
    other = visitor()
    await log_in(other)
    page = await browser.get("/me")
    assert page.text.count("This one") == 1
    ends = re.findall(r'action="(/me/sessions/\d+/end)"', page.text)
    assert len(ends) == 2  # the other one, and that of the link
    csrf = await token_of_page(browser, "/me")
    for end in ends:
        assert (await browser.post(end, data={"csrf": csrf})).headers["location"] == "/me"
    assert (await other.get("/me")).status_code == 303
    await log_in(other)
    assert (await browser.post("/me/sessions/end", data={"csrf": csrf})).status_code == 303
    assert (await other.get("/me")).status_code == 303
    assert (await browser.get("/me")).status_code == 200


async def test_nobody_ends_a_session_of_somebody_else(known, visitor):
    anna = await logged_in(known, visitor)
    await known("berta")
    berta = visitor()
    await log_in(berta, "berta")
    page = await berta.get("/me")
    (end, *_) = re.findall(r'action="(/me/sessions/\d+/end)"', page.text)
    await anna.post(end, data={"csrf": await token_of_page(anna, "/me")})
    assert end in (await berta.get("/me")).text


async def test_a_second_factor_is_set_up_from_its_picture_and_done_without_again(known, visitor, clock):
    browser = await logged_in(known, visitor)
    page = await browser.get("/me/second-factor")
    secret = re.search(r'name="secret" value="(\w+)"', page.text)[1]
    assert f'<code class="wrap">{secret}</code>' in page.text
    assert '<div class="qr" role="img" aria-label="The secret below as a QR code"><svg ' in page.text
    csrf = await token_of_page(browser, "/me/second-factor")
    form = {"csrf": csrf, "secret": secret, "old": PASSWORD}
    wrong = await browser.post("/me/second-factor", data={**form, "code": "000000"})
    assert wrong.status_code == 422
    assert secret in wrong.text, "whoever mistyped need not take another picture"
    forged = await browser.post("/me/second-factor", data={**form, "secret": "A", "code": "000000"})
    assert forged.status_code == 422
    right = await browser.post("/me/second-factor", data={**form, "code": pyotp.TOTP(secret).at(int(clock.now))})
    assert right.headers["location"] == "/me"
    assert "needs a code of your app" in (await browser.get("/me")).text
    clock.now += 60
    assert (await log_in(visitor())).status_code == 422
    assert (await log_in(visitor(), code=pyotp.TOTP(secret).at(int(clock.now)))).status_code == 303
    csrf = await token_of_page(browser, "/me/second-factor")
    removed = await browser.post("/me/second-factor/remove", data={"csrf": csrf, "old": PASSWORD})
    assert removed.headers["location"] == "/me"
    assert (await log_in(visitor())).status_code == 303


async def test_without_a_key_the_page_says_why_there_is_no_second_factor(console: Console, known, visitor):
    browser = await logged_in(known, visitor)
    console.keys = KeyRing()
    page = await browser.get("/me/second-factor")
    assert "credentials.key_file" in page.text
    assert 'name="secret"' not in page.text
    csrf = await token_of_page(browser, "/me")
    forged = {"csrf": csrf, "secret": "A" * 32, "old": PASSWORD, "code": pyotp.TOTP("A" * 32).now()}
    assert (await browser.post("/me/second-factor", data=forged)).status_code == 422


async def test_what_a_browser_says_of_itself_is_shown_as_text(known, visitor):
    await known()
    evil = visitor()
    evil.headers["user-agent"] = "<script>alert(1)</script>"
    await log_in(evil)
    page = await evil.get("/me")
    assert "<script>alert" not in page.text
    assert html.escape("<script>alert(1)</script>") in page.text
