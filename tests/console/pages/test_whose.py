"""Whose call is it: what a real daemon answers, in an operator's words; and what is found before it is asked."""

import httpx
import pytest

from console.database import Database
from console.errors import FieldErrors
from console.pages.whose import question
from tests.console.conftest import Browser
from tests.console.pages.page_text import error_at, rows, words
from tests.end_to_end.daemon import DaemonProcess


@pytest.fixture
async def viewer(browser_of: Browser, sampled: DaemonProcess) -> httpx.AsyncClient:
    """Somebody who may look, while a daemon runs on the sample."""
    return await browser_of("viewer")


async def answer_to(viewer: httpx.AsyncClient, **query: str) -> str:
    answer = await viewer.get("/whose", params=query)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_the_owner_stands_there_with_what_the_switch_would_be_told(viewer: httpx.AsyncClient):
    page = await answer_to(viewer, ip="10.0.0.7", dnis="1234#44207")
    said = words(page)
    assert "rose_orig of Rose By address 10.0.0.0/24" in said
    assert "Rate table Gold from the account" in said
    assert "Routing plan LCR from the client" in said
    assert "Tags wholesale" in said
    assert "DNIS 44207 received as 1234#44207" in said
    assert "Calls up 0 of 30 at the account" in said
    assert 'href="/accounts/176/edit"' in page
    assert 'href="/clients/12"' in page


async def test_each_account_looked_at_stands_below_with_why_it_lost_or_failed(viewer: httpx.AsyncClient):
    won, lost = rows(await answer_to(viewer, ip="10.0.0.7", dnis="1234#44207"))
    assert won == "1 rose_orig 176 Rose IP 10.0.0.0/24 won The call is its own by ip 10.0.0.0/24."
    assert lost == "2 iris_wide 178 Iris <b> IP 10.0.0.0/8 lost Its network 10.0.0.0/8 is wider than 10.0.0.0/24."
    failed, won = rows(await answer_to(viewer, ip="10.0.0.7", dnis="99"))
    assert "failed Its tech prefix is 1234#, and the dialled number begins with 99." in failed
    assert "iris_wide" in won


async def test_a_refusal_says_its_reason_its_code_and_whose_call_it_would_have_been(viewer: httpx.AsyncClient):
    said = words(await answer_to(viewer, ip="192.0.2.14", dnis="44"))
    assert "Refused: no_credit The client's balance and credit limit are used up." in said
    assert "Account poor_orig" in said
    assert "Client Poor" in said
    assert "SIP 402, Q.850 21" in said


async def test_a_call_of_nobody_is_refused_with_an_empty_table(viewer: httpx.AsyncClient):
    said = words(await answer_to(viewer, ip="203.0.113.9", dnis="44"))
    assert "Refused: unknown_source" in said
    assert "No account that is on in this direction is known by this address, name or number." in said


async def test_a_verified_name_to_a_vendor_shows_the_proxy(viewer: httpx.AsyncClient):
    said = words(await answer_to(viewer, direction="term", name="rose", name_verified="on", dnis="44"))
    assert "rose_login of Rose By name rose" in said
    assert "sip:proxy.example / — / —" in said


async def test_without_a_password_the_question_is_in_the_url_and_with_one_never(
    browser_of: Browser, sampled: DaemonProcess
):
    operator = await browser_of("operator")
    plain = await operator.post("/whose", data={"name": "rose", "dnis": "1#2", "password": ""})
    assert (plain.status_code, plain.headers["location"]) == (303, "/whose?name=rose&dnis=1%232")
    secret = await operator.post("/whose", data={"name": "rose", "dnis": "44", "password": "hunter2-in-clear"})
    assert secret.status_code == 200
    assert "a name that nobody vouches for" in words(secret.text)
    assert "hunter2-in-clear" not in secret.text


async def test_a_password_is_tried_only_by_those_who_may_see_it_and_that_is_noted(
    browser_of: Browser, viewer: httpx.AsyncClient, store: Database
):
    tried = {"name": "rose", "dnis": "44", "password": "hunter2-in-clear"}
    assert 'name="password"' not in (await viewer.get("/whose")).text
    refused = await viewer.post("/whose", data=tried)
    assert (refused.status_code, "leave the password out" in refused.text) == (403, True)
    asked = "SELECT actor, entity, entity_id, before::text, after::text FROM audit_log WHERE action = 'ask'"
    assert await store.fetch(asked) == []
    operator = await browser_of("operator")
    assert (await operator.post("/whose", data=tried)).status_code == 200
    await operator.post("/whose", data={**tried, "password": ""})
    ((actor, entity, account_id, before, after),) = await store.fetch(asked)
    assert (actor, entity, account_id, before) == ("operator1", "accounts", 177, None)
    assert '"name": "rose"' in after
    assert "hunter2" not in after


async def test_a_gateway_that_nobody_knows_is_refused_at_its_field(viewer: httpx.AsyncClient):
    answer = await viewer.get("/whose", params={"ip": "10.0.0.7", "dnis": "1", "gateway": "gw9"})
    assert answer.status_code == 422
    assert "gw9" in words(answer.text)


async def test_many_wrong_questions_do_not_cost_the_console_its_connection(viewer: httpx.AsyncClient):
    for _ in range(5):
        answer = await viewer.get("/whose", params={"ip": "nonsense", "port": "70000", "dnis": "x" * 300})
        assert answer.status_code == 422
        assert "IPv4 or IPv6" in error_at(answer.text, "ip")
        assert "65535" in error_at(answer.text, "port")
        assert "255 bytes" in error_at(answer.text, "dnis")
        assert 'value="nonsense"' in answer.text
    assert "rose_orig" in await answer_to(viewer, ip="10.0.0.7", dnis="1234#1")


async def test_what_is_said_of_a_client_is_text(viewer: httpx.AsyncClient):
    page = await answer_to(viewer, ip="10.9.9.9", dnis="44")
    assert "Iris &lt;b&gt;" in page
    assert "Iris <b>" not in page


async def test_a_daemon_that_is_away_is_said(viewer: httpx.AsyncClient, daemon: DaemonProcess):
    daemon.end()
    answer = await viewer.get("/whose", params={"ip": "10.0.0.7", "dnis": "1"})
    assert answer.status_code == 503
    assert "The daemon does not answer" in words(answer.text)
    assert 'value="10.0.0.7"' in answer.text


async def test_the_empty_form_asks_nothing(viewer: httpx.AsyncClient):
    assert 'id="answer"' not in await answer_to(viewer)


@pytest.mark.parametrize(
    ("entered", "field"),
    [
        ({"dnis": "44"}, "ip"),
        ({"ip": "10.0.0.0/24"}, "ip"),
        ({"ip": "10.0.0.1", "port": "-1"}, "port"),
        ({"ip": "10.0.0.1", "port": "５０６０"}, "port"),
        ({"ip": "10.0.0.1", "direction": "sideways"}, "direction"),
        ({"name": "ü" * 128}, "name"),
        ({"name": "rose", "password": "x" * 256}, "password"),
    ],
)
def test_what_the_daemon_would_refuse_is_found_at_its_field(entered: dict[str, str], field: str):
    with pytest.raises(FieldErrors) as raised:
        question(entered, 1)
    assert list(raised.value.errors) == [field]


def test_what_is_not_known_is_left_out_of_the_question():
    asked = question({"ip": " 10.0.0.1 ", "port": "", "name": "", "gateway": ""}, 7)
    assert (asked.id, asked.ip, asked.port, asked.name, asked.gateway, asked.dnis) == (
        7,
        "10.0.0.1",
        0,
        None,
        None,
        "",
    )
    assert asked.explain
