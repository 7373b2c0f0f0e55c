"""A POST that is sent twice is done once: after each other, at once, after a refusal, a day later."""

from collections.abc import Awaitable, Callable

import httpx
import pytest
import trio

from console.api import idempotency
from console.api.errors import ApiError
from console.api.idempotency import checked_key, digest_of
from console.context import Console
from console.database import Database
from console.roles import Role
from tests.console.api.conftest import NEW_ACCOUNT, version

PATH = "/api/v1/accounts"
KEY = {"idempotency-key": "order-4711"}


async def accounts(database: Database) -> int:
    return int(await database.value("SELECT count(*) FROM accounts"))


async def test_the_same_request_again_gets_the_same_answer_and_does_nothing(
    operator: httpx.AsyncClient, stocked: Database
):
    first = await operator.post(PATH, json=NEW_ACCOUNT, headers=KEY)
    again = await operator.post(PATH, json=NEW_ACCOUNT, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    for name in ("location", "etag", "identd-in-force"):
        assert again.headers[name] == first.headers[name]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert await accounts(stocked) == 2


async def test_ten_at_once_make_one_account(operator: httpx.AsyncClient, stocked: Database):
    answers: list[httpx.Response] = []

    async def send() -> None:
        answers.append(await operator.post(PATH, json=NEW_ACCOUNT, headers=KEY))

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(send)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 9
    assert await accounts(stocked) == 2


async def test_one_that_takes_too_long_is_not_waited_for(
    operator: httpx.AsyncClient, stocked: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(idempotency, "WAIT_MS_MAX", 100)
    actor = "key:key-operator-0"
    async with stocked.transaction("test") as tx:
        await tx.execute(
            "INSERT INTO api_requests (actor, key, digest, xid) VALUES ($1, 'order-4711', $2, 1)", actor, bytes(32)
        )
        answer = await operator.post(PATH, json=NEW_ACCOUNT, headers=KEY)
        await tx.execute("DELETE FROM api_requests")
    assert (answer.status_code, answer.json()["error"]) == (409, "in_progress")
    assert answer.headers["retry-after"] == "2"
    assert await accounts(stocked) == 1


OTHER = [
    (PATH, NEW_ACCOUNT | {"name": "Another"}, {}),
    (PATH, NEW_ACCOUNT | {"password": "hunter2hunter2"}, {}),
    ("/api/v1/resellers", {"name": "New account"}, {}),
]


@pytest.mark.parametrize(("path", "body", "headers"), OTHER)
async def test_a_key_is_for_one_request(
    operator: httpx.AsyncClient, path: str, body: dict[str, object], headers: dict[str, str]
):
    await operator.post(PATH, json=NEW_ACCOUNT, headers=KEY)
    answer = await operator.post(path, json=body, headers=KEY | headers)
    assert (answer.status_code, answer.json()["error"]) == (422, "key_reused")


async def test_two_programs_may_choose_the_same_key(
    operator: httpx.AsyncClient, key_of: Callable[[Role], Awaitable[httpx.AsyncClient]], stocked: Database
):
    await operator.post(PATH, json=NEW_ACCOUNT, headers=KEY)
    other = await (await key_of("admin")).post(PATH, json=NEW_ACCOUNT | {"name": "Another"}, headers=KEY)
    assert other.status_code == 201
    assert await accounts(stocked) == 3


async def test_what_was_refused_may_be_mended_and_sent_again(operator: httpx.AsyncClient, stocked: Database):
    wrong = await operator.post(PATH, json=NEW_ACCOUNT | {"client_id": 404}, headers=KEY)
    assert wrong.status_code == 422
    assert await stocked.value("SELECT count(*) FROM api_requests") == 0
    right = await operator.post(PATH, json=NEW_ACCOUNT, headers=KEY)
    assert right.status_code == 201


async def test_deactivating_again_is_answered_although_the_version_is_another(operator: httpx.AsyncClient):
    headers = KEY | await version(operator, f"{PATH}/176")
    first = await operator.post(f"{PATH}/176/deactivate", headers=headers)
    again = await operator.post(f"{PATH}/176/deactivate", headers=headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content


async def test_a_dry_run_uses_no_key_up(operator: httpx.AsyncClient, stocked: Database):
    await operator.post(PATH, params={"dry_run": "true"}, json=NEW_ACCOUNT, headers=KEY)
    assert await stocked.value("SELECT count(*) FROM api_requests") == 0


async def test_after_a_day_it_is_forgotten_and_removed(operator: httpx.AsyncClient, stocked: Database):
    for n in range(3):
        sent = NEW_ACCOUNT | {"name": f"n{n}"}
        assert (await operator.post(PATH, json=sent, headers={"idempotency-key": f"k{n}"})).status_code == 201
    await stocked.execute("UPDATE api_requests SET created_at = now() - interval '25 h'")
    again = await operator.post(PATH, json=NEW_ACCOUNT | {"name": "n9"}, headers={"idempotency-key": "k0"})
    assert again.status_code == 201
    assert "idempotency-replayed" not in again.headers
    assert await stocked.value("SELECT string_agg(key, ',') FROM api_requests") == "k0"


async def test_the_console_s_role_may_keep_answers(console: Console, operator: httpx.AsyncClient):
    for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        allowed = await console.database.value(
            "SELECT has_table_privilege('identd_console', 'identd.api_requests', $1)", privilege
        )
        assert allowed, privilege


@pytest.mark.parametrize("text", ["", " ", "a b", "ä", "x" * 256, "a\n"])
def test_what_is_no_key_is_refused(text: str):
    with pytest.raises(ApiError):
        checked_key(text)


def test_a_key_is_any_printable_text_without_blanks():
    assert checked_key("8e03978e-40d5-43dd-bc93-6894a57f9324") == "8e03978e-40d5-43dd-bc93-6894a57f9324"
    assert checked_key(None) is None


def test_the_digest_is_of_everything_and_of_nothing_that_a_dump_has():
    same = ("secret", "POST", "/x?a=1", '"v"', b"{}")
    digests = {digest_of(*same)}
    for place, other in enumerate(("secret2", "PUT", "/x?a=2", '"w"', b"[]")):
        digests.add(digest_of(*same[:place], other, *same[place + 1 :]))  # type: ignore[arg-type]  # one of each kind
    assert len(digests) == 6
    assert digest_of(*same) in digests
