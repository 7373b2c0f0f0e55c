"""Taking an account out of use: deactivating is offered first, and deleting says with figures what it does."""

import pytest
import trio

from console.context import Console
from tests.console.conftest import Browser
from tests.console.pages.following import follow
from tests.console.pages.page_text import error_at, hidden, words
from tests.end_to_end.daemon import DaemonProcess

ROSE = """
INSERT INTO clients (id, name, balance) VALUES (12, 'Rose <orig>', -4.50);
INSERT INTO accounts (id, client_id, name, ident_by, ip, orig_enabled, orig_capacity) VALUES
    (176, 12, 'rose & co', 'ip', '{192.0.2.10}', true, 5);
INSERT INTO account_statistics (account_id, day, direction, calls, seconds, amount) VALUES
    (176, '2026-01-30', 'orig', 1200, 90061, 100.25), (176, '2026-01-31', 'orig', 34, 10, 1.75);
"""
PATH = "/accounts/176/delete"


async def test_the_page_says_what_a_delete_does_with_this_accounts_figures(console: Console, browser_of: Browser):
    await console.database.execute(ROSE)
    page = (await (await browser_of("operator")).get(PATH)).text
    said = words(page)
    assert "Its statistics are removed: 1,234 calls, 1 d 1:01:11, of 2 days (2026-01-30 to 2026-01-31)." in said
    assert "102.00 is given back to Rose <orig>: the balance goes from -4.50 to 97.50 ." in said
    assert "Whether calls are up is not known: the daemon does not answer." in said
    assert said.index("Deactivate instead?") < said.index("for good"), "what the article recommends stands first"


async def test_deleting_gives_the_amount_back_and_removes_the_statistics(console: Console, browser_of: Browser):
    await console.database.execute(ROSE)
    operator = await browser_of("operator")
    etag = hidden((await operator.get(PATH)).text, "etag")
    answer = await operator.post(PATH, data={"etag": etag, "confirm": " rose & co ", "back": "client=rose&page=3"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/accounts?client=rose&page=3")
    said = await follow(operator, answer)
    assert "Account rose &amp; co is deleted. 102.00 went back to the balance of Rose &lt;orig&gt;." in said
    assert "The daemon has not taken it over yet" in said, "it is away"
    assert await console.database.value("SELECT balance::text FROM clients") == "97.500000"
    assert await console.database.value("SELECT count(*) FROM account_statistics") == 0
    actors = await console.database.fetch("SELECT DISTINCT actor FROM audit_log WHERE action = 'delete'")
    assert [row["actor"] for row in actors] == ["operator0"]


@pytest.mark.parametrize(
    ("charged", "asks", "answers"),
    [
        ("0.004", "0.004 is given back to Rose: the balance goes from 0.000001 to 0.004001 .",
         "0.004 went back to the balance of Rose."),
        ("-1234.5", "1,234.50 is taken from Rose: the balance goes from 0.000001 to -1,234.499999 .",
         "1,234.50 was taken from the balance of Rose."),
        ("0", "Nothing was charged to it: the balance of Rose stays at 0.000001.", "Account a is deleted."),
    ],
)  # fmt: skip
async def test_money_is_said_to_the_last_digit(
    console: Console, browser_of: Browser, charged: str, asks: str, answers: str
):
    await console.database.execute(
        f"""INSERT INTO clients (id, name, balance) VALUES (12, 'Rose', 0.000001);
        INSERT INTO accounts (id, client_id, name, ident_by, ani) VALUES (176, 12, 'a', 'ani', '1');
        INSERT INTO account_statistics (account_id, day, direction, amount)
            VALUES (176, '2026-01-30', 'orig', {charged})"""
    )
    operator = await browser_of("operator")
    page = (await operator.get(PATH)).text
    assert asks in words(page)
    answer = await operator.post(PATH, data={"etag": hidden(page, "etag"), "confirm": "a"})
    assert answers in words(await follow(operator, answer))


@pytest.mark.parametrize("typed", ["", "rose", "Rose & Co", "176"])
async def test_without_its_name_nothing_is_deleted(console: Console, browser_of: Browser, typed: str):
    await console.database.execute(ROSE)
    operator = await browser_of("operator")
    etag = hidden((await operator.get(PATH)).text, "etag")
    answer = await operator.post(PATH, data={"etag": etag, "confirm": typed})
    assert answer.status_code == 422
    assert error_at(answer.text, "confirm") == "Type the account's name, rose & co, to delete it"
    assert await console.database.value("SELECT count(*) FROM accounts") == 1


@pytest.mark.parametrize("path", [PATH, "/accounts/176/deactivate"])
async def test_what_somebody_else_changed_meanwhile_is_looked_at_again(
    console: Console, browser_of: Browser, path: str
):
    await console.database.execute(ROSE)
    operator = await browser_of("operator")
    before = hidden((await operator.get(PATH)).text, "etag")
    await console.database.execute("UPDATE accounts SET orig_capacity = 6")
    answer = await operator.post(path, data={"etag": before, "confirm": "rose & co"})
    assert answer.status_code == 409
    assert "Somebody else changed this account in the meantime." in words(answer.text)
    assert hidden(answer.text, "etag") != before
    assert await console.database.value("SELECT count(*) FROM accounts WHERE orig_enabled") == 1


async def test_deactivating_turns_both_directions_off_and_calls_that_are_up_go_on(
    console: Console, daemon: DaemonProcess, browser_of: Browser
):
    await console.database.execute(ROSE)
    await trio.to_thread.run_sync(daemon.start)
    asked = {"ip": "192.0.2.10", "dnis": "4420712345"}
    assert daemon.ask("authorize", call_id="a", **asked)["decision"] == "grant"
    operator = await browser_of("operator")
    page = (await operator.get(PATH)).text
    assert "1 call is up now. It goes on, and counts at client and reseller until it ends." in words(page)
    answer = await operator.post("/accounts/176/deactivate", data={"etag": hidden(page, "etag")})
    assert answer.headers["location"] == "/accounts"
    assert daemon.ask("authorize", call_id="b", **asked)["reason"] == "unknown_source", "before the page has redrawn"
    assert daemon.status()["calls"] == 1
    said = words(await follow(operator, answer))
    assert "is off in both directions. Calls that are up go on." in said
    assert "The daemon has not taken it over yet" not in said
    assert "The account is deactivated already" in (await operator.get(PATH)).text


async def test_an_account_that_is_gone_is_not_found(browser_of: Browser):
    operator = await browser_of("operator")
    for number in (1, 2**63 - 1, 2**63, 10**30):
        assert (await operator.get(f"/accounts/{number}/delete")).status_code == 404
        assert (await operator.post(f"/accounts/{number}/delete", data={"confirm": "x"})).status_code == 404
        assert (await operator.post(f"/accounts/{number}/deactivate", data={})).status_code == 404
