"""The account form: the article's blocks, errors at their fields, two operators on one account, passwords."""

import re

import httpx
import pytest
import trio

from console.context import Console
from console.store.accounts import get_account
from identd.credentials import KeyRing
from tests.console.conftest import Browser
from tests.console.pages.following import follow
from tests.console.pages.form_values import form_values
from tests.console.pages.page_text import error_at, words
from tests.end_to_end.daemon import DaemonProcess

ROSE = """
INSERT INTO rate_tables (id, name) VALUES (5, 'RT ORIG - Rose'), (6, 'RT; "odd"');
INSERT INTO routing_plans (id, name) VALUES (3, 'DR: Complex LCR');
INSERT INTO gateways (id, name) VALUES (1, 'GW Calls'), (2, 'GW; Trunks');
INSERT INTO clients (id, name) VALUES (12, 'Rose orig'), (13, 'Rose term');
"""
ARTICLE = {
    "client": "Rose orig",
    "name": "New account",
    "ident_by": "ip",
    "ip": "11.11.20.33",
    "strip_tech_prefix": "on",
    "gateways": "#1",
    "status": "active",
    "orig_enabled": "on",
    "orig_rate_table": "RT ORIG - Rose",
    "routing_plan": "DR: Complex LCR",
    "do": "ok",
}
"""As in the article's screenshot of a new account."""


async def created(console: Console, operator: httpx.AsyncClient, **more: str) -> int:
    """The id of the article's account, made through the form."""
    answer = await operator.post("/accounts/new", data={**ARTICLE, **more})
    assert answer.status_code == 303, words(answer.text)
    return int(await console.database.value("SELECT max(id) FROM accounts"))


async def test_the_form_has_the_articles_blocks_and_fields(console: Console, browser_of: Browser):
    await console.database.execute(ROSE)
    said = words((await (await browser_of("operator")).get("/accounts/new")).text)
    general, _, rest = said.partition("Originator Settings")
    originator, _, terminator = rest.partition("Terminator Settings")
    for block, labels in (
        (general, "Client|Name|Ident by|IP|ANI|Tech Prefix|Password|Gateway|Notes"),
        (originator, "Rate Table|Routing Plan|Tags|Capacity|CPS"),
        (terminator, "Rate Table|Tags|Capacity|CPS|Proxy|Protocol|Port"),
    ):
        for label in labels.split("|"):
            assert label in block
    assert said.index(" OK ") < said.index(" Cancel ") < said.index(" Apply ")


async def test_the_articles_new_account_is_made_and_calls_are_judged_by_it_before_the_page_is_drawn(
    console: Console, daemon: DaemonProcess, browser_of: Browser
):
    await console.database.execute(ROSE)
    await trio.to_thread.run_sync(daemon.start)
    operator = await browser_of("operator")
    answer = await operator.post("/accounts/new", data={**ARTICLE, "back": "client=rose"})
    assert answer.headers["location"] == "/accounts?client=rose"
    asked = daemon.ask("identify", ip="11.11.20.33", dnis="4420712345", gateway="GW Calls")
    assert (asked["account"], asked["client"]) == ("New account", "Rose orig")
    assert (asked["rate_table_id"], asked["rate_table_from"]) == (5, "account")
    page = words(await follow(operator, answer))
    assert "Account New account is created." in page
    assert "has not taken it over" not in page
    assert "RT ORIG - Rose" in page


async def test_apply_saves_and_stays(console: Console, browser_of: Browser):
    await console.database.execute(ROSE)
    operator = await browser_of("operator")
    answer = await operator.post("/accounts/new", data={**ARTICLE, "do": "apply", "back": "page=2"})
    account_id = await console.database.value("SELECT id FROM accounts")
    assert answer.headers["location"] == f"/accounts/{account_id}/edit?back=page%3D2"
    page = await follow(operator, answer)
    assert "Account New account is created." in words(page)
    assert '<a class="button" href="/accounts?page=2">Cancel</a>' in page


async def test_a_form_that_is_opened_and_saved_changes_nothing(console: Console, browser_of: Browser):
    await console.database.execute(ROSE)
    operator = await browser_of("operator")
    account_id = await created(
        console, operator, gateways="#1; #2", orig_rate_table='RT; "odd"', orig_tags='a; "b,c"', orig_cps="2.5",
        notes="one\r\ntwo <b>", valid_from="2026-01-31T18:00:01", tech_prefix="00#", protocol="sip", port="5060",
    )  # fmt: skip
    before = await get_account(console.database, account_id)
    rows = await console.database.value("SELECT count(*) FROM audit_log")
    page = (await operator.get(f"/accounts/{account_id}/edit")).text
    answer = await operator.post(f"/accounts/{account_id}/edit", data=form_values(page))
    assert answer.status_code == 303, words(answer.text)
    assert await get_account(console.database, account_id) == before
    assert await console.database.value("SELECT count(*) FROM audit_log") == rows
    assert before.gateway_ids == (1, 2)
    assert before.notes == "one\ntwo <b>"


async def test_what_is_unchecked_is_off(console: Console, browser_of: Browser):
    await console.database.execute(ROSE)
    operator = await browser_of("operator")
    account_id = await created(console, operator)
    values = form_values((await operator.get(f"/accounts/{account_id}/edit")).text)
    assert values["orig_enabled"] == "on"
    for unchecked in ("orig_enabled", "strip_tech_prefix", "gateways"):
        values.pop(unchecked)
    await operator.post(f"/accounts/{account_id}/edit", data={**values, "gateways": ""})
    account = await get_account(console.database, account_id)
    assert (account.orig_enabled, account.strip_tech_prefix, account.gateway_ids) == (False, False, ())


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("ip", "10.0.0.300", "“10.0.0.300” is no IP address: write 192.0.2.1, or a network such as 10.0.0.0/24"),
        ("client", "Rose ori", "There is no client 'Rose ori': did you mean 'Rose orig' or"),
        ("name", "", "Give the account a name"),
        ("tech_prefix", "12 3", "is no tech prefix"),
        ("port", "70000", "write a whole number from 1 to 65,535"),
        ("orig_capacity", "<b>", "“<b>” does not do"),
        ("valid_until", "soon", "“soon” is no time"),
        ("routing_plan", "none such", "There is no routing plan"),
    ],
)
async def test_an_error_stands_at_its_field_and_what_was_typed_is_kept(
    console: Console, browser_of: Browser, field: str, typed: str, sentence: str
):
    await console.database.execute(ROSE)
    operator = await browser_of("operator")
    answer = await operator.post("/accounts/new", data={**ARTICLE, "orig_tags": "kept", field: typed})
    assert answer.status_code == 422
    assert sentence in error_at(answer.text, field)
    assert f'<a href="#f-{field}">' in answer.text.partition('class="summary"')[2]
    assert 'value="kept"' in answer.text
    assert await console.database.value("SELECT count(*) FROM accounts") == 0


async def test_a_name_that_the_client_has_already_is_an_error_at_the_name(console: Console, browser_of: Browser):
    await console.database.execute(ROSE)
    operator = await browser_of("operator")
    await created(console, operator)
    answer = await operator.post("/accounts/new", data=ARTICLE)
    assert answer.status_code == 422
    assert error_at(answer.text, "name")


async def test_two_operators_on_one_account_see_each_others_values_and_decide(console: Console, browser_of: Browser):
    await console.database.execute(ROSE)
    anna, bert = await browser_of("operator"), await browser_of("operator")
    account_id = await created(console, anna)
    path = f"/accounts/{account_id}/edit"
    of_anna, of_bert = form_values((await anna.get(path)).text), form_values((await bert.get(path)).text)
    assert (await bert.post(path, data={**of_bert, "orig_capacity": "7"})).status_code == 303
    mine = {**of_anna, "orig_capacity": "9", "orig_tags": "mine"}
    answer = await anna.post(path, data=mine)
    assert answer.status_code == 409
    said = words(answer.text)
    assert "Somebody else has changed this account since you opened it" in said
    assert "Originator Settings: Capacity 7 9" in said
    assert "Originator Settings: Tags — mine" in said
    assert (await get_account(console.database, account_id)).orig_capacity == 7, "nothing of hers is saved yet"
    again = form_values(answer.text)
    assert again["orig_capacity"] == "9"
    assert (await anna.post(path, data=again)).status_code == 303
    assert (await get_account(console.database, account_id)).orig_capacity == 9


async def test_an_account_that_was_deleted_meanwhile_is_not_found(console: Console, browser_of: Browser):
    await console.database.execute(ROSE)
    operator = await browser_of("operator")
    account_id = await created(console, operator)
    values = form_values((await operator.get(f"/accounts/{account_id}/edit")).text)
    await console.database.execute("DELETE FROM accounts")
    assert (await operator.post(f"/accounts/{account_id}/edit", data=values)).status_code == 404


async def test_check_shows_the_effect_and_saves_nothing(console: Console, browser_of: Browser):
    await console.database.execute(ROSE)
    operator = await browser_of("operator")
    answer = await operator.post(
        "/accounts/new", data={**ARTICLE, "do": "check", "password": "typed", "password_keep": "on"}
    )
    assert answer.status_code == 200
    assert "Calls from 11.11.20.33" in words(answer.text)
    assert form_values(answer.text)["password"] == "typed"
    assert await console.database.value("SELECT count(*) FROM accounts") == 0


async def test_a_new_account_begins_as_another_that_is_there(console: Console, browser_of: Browser):
    await console.database.execute(ROSE)
    operator = await browser_of("operator")
    account_id = await created(console, operator, password="secret", password_keep="on")
    values = form_values((await operator.get(f"/accounts/new?from={account_id}")).text)
    assert (values["client"], values["name"], values["ip"]) == ("Rose orig", "New account (copy)", "11.11.20.33")
    assert (values["id"], values["password"]) == ("", ""), "a password is never copied"
    for nobody in ("9", "x", "9" * 30, "9" * 5000):
        assert (await operator.get(f"/accounts/new?from={nobody}")).status_code == 404


async def test_a_new_account_of_a_client_has_its_name(console: Console, browser_of: Browser):
    await console.database.execute(ROSE)
    operator = await browser_of("operator")
    for given in ("%2313", "Rose%20term"):
        assert form_values((await operator.get(f"/accounts/new?client={given}")).text)["client"] == "Rose term"


async def test_who_may_only_read_sees_the_account_and_no_way_to_change_it(console: Console, browser_of: Browser):
    await console.database.execute(ROSE)
    account_id = await created(console, await browser_of("operator"), password="secret", password_keep="on")
    viewer = await browser_of("viewer")
    page = (await viewer.get(f"/accounts/{account_id}/edit")).text
    form = page.partition('<form class="account"')[2].partition("</form>")[0]
    assert '<fieldset class="columns" disabled>' in form
    assert "<button" not in re.sub(r'<button type="button".*?</button>', "", form)
    assert "New account" in form


# passwords


async def test_a_password_is_shown_on_asking_once_and_each_time_is_in_the_audit_log(
    console: Console, browser_of: Browser
):
    await console.database.execute(ROSE)
    operator = await browser_of("operator")
    account_id = await created(console, operator, password="pass <word>", password_keep="on")
    assert "pass &lt;word&gt;" not in (await operator.get(f"/accounts/{account_id}/edit")).text
    shown = await operator.post(f"/accounts/{account_id}/password", headers={"hx-request": "true"})
    assert '<code id="stored-password">pass &lt;word&gt;</code>' in shown.text
    assert "<html" not in shown.text
    assert shown.headers["cache-control"] == "no-store"
    whole = await operator.post(f"/accounts/{account_id}/password", data={"name": "renamed", "ident_by": "ip"})
    assert "pass &lt;word&gt;" in whole.text
    assert 'value="renamed"' in whole.text, "what was typed is kept"
    log = await console.database.fetch("SELECT actor, after::text FROM audit_log WHERE action = 'reveal'")
    assert [row["actor"] for row in log] == ["operator0", "operator0"]
    everything = await console.database.value("SELECT string_agg(l::text, '') FROM audit_log AS l")
    assert "pass <word>" not in everything
    for role in ("viewer", "auditor"):
        other = await browser_of(role)  # type: ignore[arg-type]
        assert (await other.post(f"/accounts/{account_id}/password")).status_code == 403


async def test_a_password_that_cannot_be_shown_is_said_to_be_so(console: Console, browser_of: Browser):
    await console.database.execute(ROSE)
    operator = await browser_of("operator")
    account_id = await created(
        console, operator, ident_by="name", ident_name="rose", password="secret", password_realms="example.net"
    )
    shown = await operator.post(f"/accounts/{account_id}/password")
    assert "It cannot be shown: it is kept as HA1 only" in words(shown.text)
    assert "Password is set" in words(shown.text)


async def test_a_password_stays_is_replaced_or_is_removed(console: Console, browser_of: Browser):
    await console.database.execute(ROSE)
    operator = await browser_of("operator")
    account_id = await created(console, operator, password="one", password_keep="on")
    path = f"/accounts/{account_id}/edit"
    kept = await console.database.value("SELECT password FROM accounts")
    await operator.post(path, data=form_values((await operator.get(path)).text))
    assert await console.database.value("SELECT password FROM accounts") == kept
    await operator.post(path, data={**form_values((await operator.get(path)).text), "password": "two"})
    assert await console.database.value("SELECT password FROM accounts") != kept
    await operator.post(path, data={**form_values((await operator.get(path)).text), "password_remove": "on"})
    assert await console.database.value("SELECT password FROM accounts") is None


async def test_a_password_is_generated_without_script(console: Console, browser_of: Browser):
    await console.database.execute(ROSE)
    operator = await browser_of("operator")
    pages = [(await operator.post("/accounts/new", data={**ARTICLE, "do": "generate"})).text for _ in range(2)]
    made = [form_values(page)["password"] for page in pages]
    assert len(set(made)) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{20}", password) for password in made)
    assert await console.database.value("SELECT count(*) FROM accounts") == 0


async def test_without_a_key_a_password_cannot_be_kept_so_that_it_is_shown_again(
    console: Console, browser_of: Browser
):
    await console.database.execute(ROSE)
    console.keys = KeyRing()
    operator = await browser_of("operator")
    assert "There is no key to seal it with" in words((await operator.get("/accounts/new")).text)
    answer = await operator.post("/accounts/new", data={**ARTICLE, "password": "x", "password_keep": "on"})
    assert answer.status_code == 422
    assert "credentials.key_file" in words(answer.text)


# suggestions


async def test_clients_are_suggested_as_they_are_typed(console: Console, browser_of: Browser):
    await console.database.execute(ROSE + "INSERT INTO clients (name, status) VALUES ('Rose \"<b>\"', 'archived');")
    viewer = await browser_of("viewer")
    for query in ("q=ROSE", "client=rose"):
        answer = await viewer.get(f"/clients/suggest?{query}")
        assert answer.text.count("<option") == 3
        assert '<option value="Rose &#34;&lt;b&gt;&#34;">archived</option>' in answer.text
    assert (await viewer.get("/clients/suggest?q=%25&client=%00")).text.count("<option") == 0
    assert (await viewer.get("/clients/suggest")).status_code == 200
