"""What a change would do, before it is saved: shown by the form, on Check and while it is typed."""

import trio

from console.context import Console
from console.pages.account_effect import judge
from console.store.accounts import get_account
from tests.console.conftest import Browser
from tests.console.pages.page_text import words
from tests.end_to_end.daemon import DaemonProcess

NEIGHBOURHOOD = """
INSERT INTO clients (id, name) VALUES (12, 'Rose'), (13, 'Iris <b>');
INSERT INTO accounts (id, client_id, name, ident_by, ip, tech_prefix, orig_enabled, orig_capacity) VALUES
    (176, 12, 'rose', 'ip', '{192.0.2.10}', '12', true, 5),
    (178, 13, 'iris', 'ip', '{192.0.2.0/24}', NULL, true, NULL);
"""
NEW = {"client": "Rose", "name": "new", "ident_by": "ip", "ip": "192.0.2.20", "orig_enabled": "on"}


async def test_a_new_account_takes_calls_from_the_network_around_it(console: Console):
    await console.database.execute(NEIGHBOURHOOD)
    judged = await judge(console, NEW, None)
    assert judged.effect is not None
    assert judged.is_new
    assert [(o.change, o.before.account, o.at) for o in judged.effect.takeovers if o.before] == [
        ("won", "iris", ("192.0.2.20",))
    ]


async def test_faults_come_alone(console: Console):
    judged = await judge(console, {**NEW, "ip": "192.0.2.300", "orig_capacity": "many"}, None)
    assert set(judged.errors) == {"client", "ip", "orig_capacity"}
    assert judged.effect is None


async def test_a_password_counts_as_it_would_be_afterwards(console: Console):
    await console.database.execute(
        "INSERT INTO clients (id, name) VALUES (12, 'Rose');"
        "INSERT INTO accounts (id, client_id, name, ident_by, ident_name, password, orig_enabled)"
        " VALUES (1, 12, 'rose', 'name', 'rose', 'idp1x', true);"
    )
    account = await get_account(console.database, 1)
    same = {"client": "Rose", "name": "rose", "ident_by": "name", "ident_name": "rose", "orig_enabled": "on"}
    assert (await judge(console, same, account)).password == ""
    assert (await judge(console, {**same, "password_remove": "on"}, account)).password == "is removed"
    assert (await judge(console, {**same, "password": "x", "password_keep": "on"}, account)).password == "is set"


async def test_calls_that_are_up_are_said(console: Console, daemon: DaemonProcess, browser_of: Browser):
    await console.database.execute(NEIGHBOURHOOD)
    await trio.to_thread.run_sync(daemon.start)
    assert daemon.ask("authorize", call_id="a", ip="192.0.2.10", dnis="1244")["account_id"] == 176
    form = {**NEW, "id": "176", "name": "rose", "ip": "192.0.2.10", "tech_prefix": "12", "strip_tech_prefix": "on"}
    answer = await (await browser_of("operator")).post("/accounts/check", data={**form, "orig_capacity": "0"})
    said = words(answer.text)
    assert "Calls up now: 1 orig, 0 term. They go on, whatever is saved." in said
    assert "Originator Settings: Capacity 5 → 0" in said


async def test_the_fragment_names_who_shares_the_address_and_who_gets_the_calls(
    console: Console, browser_of: Browser
):
    await console.database.execute(NEIGHBOURHOOD)
    operator = await browser_of("operator")
    answer = await operator.post("/accounts/check", data={**NEW, "ip": "192.0.2.10/24"})
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert "<b>" not in answer.text.replace("</b>", "")
    said = words(answer.text)
    assert "192.0.2.10/24 means 192.0.2.0/24" in said
    assert "Ambiguous from now on." in said
    assert "iris Iris <b> the same: 192.0.2.0/24 — —" in said
    assert "rose Rose inside it: 192.0.2.10 12 —" in said
    assert await console.database.value("SELECT count(*) FROM accounts") == 2, "nothing is saved"


async def test_the_effect_stands_in_a_word_beside_the_buttons(console: Console, browser_of: Browser):
    await console.database.execute(NEIGHBOURHOOD)
    operator = await browser_of("operator")
    for typed, word in (
        ({"ip": "192.0.2.0/24"}, "ambiguous"),
        ({"ip": "192.0.2.20"}, "gains calls"),
        ({"ip": "192.0.2.300"}, "cannot be saved yet"),
    ):
        fragment = (await operator.post("/accounts/check", data=NEW | typed, headers={"hx-request": "true"})).text
        assert word in words(fragment.partition('<span id="verdict" role="status" hx-swap-oob="true">')[2])
        whole = (await operator.post("/accounts/new", data={**NEW, **typed, "do": "check"})).text
        assert word in words(whole.partition('<span id="verdict" role="status">')[2])


async def test_a_fragment_with_faults_leads_to_the_fields(console: Console, browser_of: Browser):
    answer = await (await browser_of("operator")).post("/accounts/check", data={**NEW, "port": "0"})
    assert answer.status_code == 200, "htmx shows what is fine"
    assert '<a href="#f-port">Terminator Settings: Port</a>' in answer.text
    assert "did you mean" in answer.text or "create it first" in answer.text


async def test_what_is_checked_must_be_there(browser_of: Browser):
    operator = await browser_of("operator")
    for account_id in ("9", "x", "1" * 40):
        assert (await operator.post("/accounts/check", data={**NEW, "id": account_id})).status_code == 404
