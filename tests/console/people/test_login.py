"""Logging in as it is done: delay before proof, the second factor, and what ends which sessions."""

import httpx
import pyotp
import pytest
import trio

from console.context import Console
from console.door import Actor
from console.errors import FieldErrors, NotFoundError
from console.people.delays import FREE
from console.people.login import (
    Visitor,
    WaitError,
    add_second_factor,
    change_password,
    link_is_for,
    log_in,
    remove_second_factor,
    use_link,
)
from console.people.second_factor import new_secret
from console.people.sessions import find_session
from console.people.store import change_person, make_link
from identd.credentials import KeyRing
from tests.console.people.conftest import PASSWORD

HERE = Visitor("192.0.2.1", "test")
OTHER = "another good password"


async def is_open(console: Console, token: str) -> bool:
    return await find_session(console.database, token, console.wall(), console.settings.console) is not None


def actor(person_id: int) -> Actor:
    return Actor(name="anna", role="operator", kind="person", id=person_id)


async def test_after_some_wrong_tries_even_the_right_password_has_to_wait(console: Console, known, clock):
    await known()
    for _ in range(FREE["pair"]):
        with pytest.raises(FieldErrors):
            await log_in(console, "anna", "wrong", "", HERE)
    for password in (PASSWORD, "wrong"):
        with pytest.raises(WaitError) as caught:
            await log_in(console, "anna", password, "", HERE)
        assert 1 <= caught.value.seconds <= 2
    clock.now += caught.value.seconds
    assert await log_in(console, "anna", PASSWORD, "", HERE)
    with pytest.raises(FieldErrors):  # a right login has made it forget
        await log_in(console, "anna", "wrong", "", HERE)


async def test_a_login_of_somebody_blocked_while_the_password_was_looked_at_fails(console: Console, known):
    person_id = await known()
    outcome = []

    async def attempt() -> None:
        try:
            outcome.append(await log_in(console, "anna", PASSWORD, "", HERE))
        except FieldErrors as wrong:
            outcome.append(wrong)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(attempt)
        await change_person(console.database, person_id, actor="test", status="blocked")
    # whichever came first: nobody who is blocked is logged in
    assert await console.database.value("SELECT count(*) FROM console_sessions") == 0 or isinstance(
        outcome[0], FieldErrors
    )


async def test_another_password_ends_every_session_but_this_one_which_gets_a_new_token(console: Console, known):
    person_id = await known()
    mine = await log_in(console, "anna", PASSWORD, "", HERE)
    other = await log_in(console, "anna", PASSWORD, "", HERE)
    new = await change_password(console, actor(person_id), PASSWORD, OTHER, OTHER, HERE)
    assert [await is_open(console, session.token) for session in (mine, other, new)] == [False, False, True]
    with pytest.raises(FieldErrors):
        await log_in(console, "anna", PASSWORD, "", HERE)
    assert await log_in(console, "anna", OTHER, "", HERE)


async def test_the_old_password_is_asked_for_and_guessing_it_is_delayed(console: Console, known, clock):
    person_id = await known()
    for _ in range(FREE["own"]):
        with pytest.raises(FieldErrors) as caught:
            await change_password(console, actor(person_id), "guess", OTHER, OTHER, HERE)
        assert list(caught.value.errors) == ["old"]
    with pytest.raises(WaitError):
        await change_password(console, actor(person_id), PASSWORD, OTHER, OTHER, HERE)


async def test_a_second_factor_is_asked_for_and_each_code_is_good_once(console: Console, known, clock):
    person_id = await known()
    before = await log_in(console, "anna", PASSWORD, "", HERE)
    secret = new_secret()
    totp = pyotp.TOTP(secret)
    await add_second_factor(console, actor(person_id), secret, totp.at(int(clock.now)), PASSWORD, HERE)
    assert not await is_open(console, before.token)
    for code in ("", "000000", totp.at(int(clock.now)), totp.at(int(clock.now) - 300)):
        with pytest.raises(FieldErrors) as caught:  # the one that set it up counts as used
            await log_in(console, "anna", PASSWORD, code, HERE)
        assert list(caught.value.errors) == [""]
        clock.now += 61
    code = totp.at(int(clock.now))
    assert await log_in(console, "anna", PASSWORD, code, HERE)
    with pytest.raises(FieldErrors):
        await log_in(console, "anna", PASSWORD, code, HERE)
    clock.now += 30
    assert await log_in(console, "anna", PASSWORD, totp.at(int(clock.now)), HERE)


async def test_of_two_logins_with_one_code_at_once_one_gets_in(console: Console, known, clock):
    person_id = await known()
    secret = new_secret()
    await add_second_factor(console, actor(person_id), secret, pyotp.TOTP(secret).at(int(clock.now)), PASSWORD, HERE)
    clock.now += 60
    outcomes = []

    async def attempt() -> None:
        try:
            await log_in(console, "anna", PASSWORD, pyotp.TOTP(secret).at(int(clock.now)), HERE)
            outcomes.append(True)
        except FieldErrors:
            outcomes.append(False)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(attempt)
        nursery.start_soon(attempt)
    assert sorted(outcomes) == [False, True]


async def test_the_second_factor_is_set_up_with_a_code_and_the_password(console: Console, known, clock):
    person_id = await known()
    secret = new_secret()
    code = pyotp.TOTP(secret).at(int(clock.now))
    for given_code, password, field in (("000000", PASSWORD, "code"), (code, "guess", "old")):
        with pytest.raises(FieldErrors) as caught:
            await add_second_factor(console, actor(person_id), secret, given_code, password, HERE)
        assert list(caught.value.errors) == [field]
    assert await log_in(console, "anna", PASSWORD, "", HERE), "nothing was set up"
    await add_second_factor(console, actor(person_id), secret, code, PASSWORD, HERE)
    kept = await console.database.value("SELECT totp_secret FROM console_users")
    assert secret.encode() not in kept
    with pytest.raises(FieldErrors):
        await remove_second_factor(console, actor(person_id), "guess")
    await remove_second_factor(console, actor(person_id), PASSWORD)
    assert await log_in(console, "anna", PASSWORD, "", HERE)


async def test_a_new_link_is_the_way_in_without_the_app(console: Console, known, clock):
    person_id = await known()
    secret = new_secret()
    await add_second_factor(console, actor(person_id), secret, pyotp.TOTP(secret).at(int(clock.now)), PASSWORD, HERE)
    token = await make_link(console.database, person_id, actor="test", now=clock.now)
    session = await use_link(console, token, OTHER, OTHER, HERE)
    assert await is_open(console, session.token)
    assert await log_in(console, "anna", OTHER, "", HERE)


async def test_without_the_key_that_sealed_it_no_code_is_right(console: Console, known, clock):
    person_id = await known()
    secret = new_secret()
    await add_second_factor(console, actor(person_id), secret, pyotp.TOTP(secret).at(int(clock.now)), PASSWORD, HERE)
    clock.now += 60
    console.keys = KeyRing()
    with pytest.raises(FieldErrors):
        await log_in(console, "anna", PASSWORD, pyotp.TOTP(secret).at(int(clock.now)), HERE)


async def test_no_link_is_no_way_in(console: Console, known):
    for token in ("", "x", "x" * 43, "x" * 10_000, "\0", "\ud800"):
        assert await link_is_for(console, token) is None
        with pytest.raises(NotFoundError):
            await use_link(console, token, PASSWORD, PASSWORD, HERE)


async def test_a_link_ends_what_was_logged_in_before(console: Console, known):
    person_id = await known()
    before = await log_in(console, "anna", PASSWORD, "", HERE)
    token = await make_link(console.database, person_id, actor="test", now=console.wall())
    await use_link(console, token, OTHER, OTHER, HERE)
    assert not await is_open(console, before.token)


@pytest.mark.parametrize("name", ["' OR 1=1 --", "anna\0", "anna' --", "%", "a" * 100_000, "ANNA\u0130"])
async def test_a_name_is_a_name_whatever_is_in_it(console: Console, known, name: str):
    await known()
    with pytest.raises(FieldErrors):
        await log_in(console, name, "wrong password", "", HERE)


async def test_a_dump_of_the_database_holds_nothing_that_proves_anything(console: Console, known, clock):
    person_id = await known()
    session = await log_in(console, "anna", PASSWORD, "", HERE)
    secret = new_secret()
    other = await add_second_factor(
        console, actor(person_id), secret, pyotp.TOTP(secret).at(int(clock.now)), PASSWORD, HERE
    )
    token = await make_link(console.database, person_id, actor="test", now=clock.now)
    tables = await console.database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'identd'")
    dump = ""
    for (table,) in tables:
        dump += str(await console.database.value(f"SELECT string_agg(t::text, ' ') FROM {table} AS t"))
    for proof in (PASSWORD, session.token, session.csrf, other.token, secret, token):
        assert proof not in dump
        assert proof.encode().hex() not in dump


async def test_the_page_says_to_wait_and_for_how_long(known, visitor):
    await known()
    browser: httpx.AsyncClient = visitor()
    for _ in range(FREE["pair"]):
        await browser.post("/login", data={"name": "anna", "password": "wrong"})
    answer = await browser.post("/login", data={"name": "anna", "password": PASSWORD})
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 2
    assert "Too many wrong tries. Wait" in answer.text
    assert "set-cookie" not in answer.headers
