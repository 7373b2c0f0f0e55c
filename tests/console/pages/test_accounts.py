"""The table of accounts, as operators read it: the article's columns and search, markers in words, all in the URL."""

import html
import re

import pytest
import trio

from console.context import Console
from console.pages.accounts import BACK_CHARACTERS_MAX, table_url
from tests.console.conftest import Browser
from tests.console.pages.page_text import rows, words
from tests.end_to_end.daemon import DaemonProcess

ARTICLE = """
INSERT INTO rate_tables (id, name) VALUES (5, 'RT ORIG - Rose');
INSERT INTO routing_plans (id, name) VALUES (3, 'DR: Complex LCR');
INSERT INTO gateways (id, name) VALUES (1, 'GW Calls');
INSERT INTO clients (id, name, client_type) VALUES (12, 'Rose orig', 'client'), (13, 'Rose term', 'reseller');
INSERT INTO accounts (id, client_id, name, ident_by, ident_name, proxy, orig_enabled, orig_rate_table_id,
                      routing_plan_id, term_enabled) VALUES
    (176, 12, 'rose_orig', 'name', 'rose_orig', '1', true, 5, 3, false),
    (177, 13, 'rose_term', 'name', 'rose_term', '1', false, NULL, NULL, true);
INSERT INTO accounts (id, client_id, name, ident_by, ip, orig_enabled, orig_rate_table_id, routing_plan_id) VALUES
    (178, 12, 'New account', 'ip', '{11.11.20.33}', true, 5, 3);
INSERT INTO account_gateways VALUES (178, 1);
"""
STATES = """
INSERT INTO clients (id, name, status) VALUES (1, 'Active', 'active'), (2, 'Shut', 'blocked'), (3, 'Old', 'archived');
INSERT INTO accounts (id, client_id, name, ident_by, ip, orig_enabled, status, valid_until) VALUES
    (1, 1, 'plain', 'ip', '{192.0.2.1}', true, 'active', NULL),
    (2, 1, 'is off', 'ip', '{192.0.2.2}', false, 'active', NULL),
    (3, 1, 'is blocked', 'ip', '{192.0.2.3}', true, 'blocked', NULL),
    (4, 2, 'of a blocked client', 'ip', '{192.0.2.4}', true, 'active', NULL),
    (5, 3, 'of an archived client', 'ip', '{192.0.2.5}', true, 'active', NULL),
    (6, 1, 'for a time', 'ip', '{192.0.2.6}', true, 'active', '2027-01-31 18:00+00');
"""
MANY = """
INSERT INTO clients (id, name) VALUES (1, 'One');
INSERT INTO accounts (client_id, name, ident_by, ip, orig_enabled)
    SELECT 1, 'a' || lpad(n::text, 3, '0'), 'ip', ARRAY['10.0.0.0'::inet + n], true FROM generate_series(1, 45) AS n;
"""


async def test_the_columns_are_those_of_the_article(console: Console, browser_of: Browser):
    await console.database.execute(ARTICLE)
    page = (await (await browser_of("operator")).get("/accounts")).text
    heads = [words(head) for head in re.findall(r"<th scope=\"col\".*?</th>", page, re.DOTALL)]
    assert heads[:7] == ["ID", "Client", "Account", "Name / ANI / IP", "Tech Prefix", "Orig Details", "Term Details"]
    assert "Rows 1 – 3 of 3" in words(page)
    rose_orig, rose_term, new_account = rows(page)
    assert rose_orig.startswith("176 Rose orig")
    assert "Name: rose_orig" in rose_orig
    assert "RT: of its own: RT ORIG - Rose" in rose_orig
    assert "RP: of its own: DR: Complex LCR OC: —" in rose_orig
    assert "RT: — TC: — Protocol: — / Proxy: 1 / Port: —" in rose_term
    assert "IP: 11.11.20.33 Gateway: GW Calls" in new_account


async def test_a_row_leads_to_its_clients_accounts_profile_and_history(console: Console, browser_of: Browser):
    await console.database.execute(ARTICLE)
    operator = await browser_of("operator")
    page = (await operator.get("/accounts")).text
    for link in ("/accounts?client_id=12", "/clients/12", "/audit?client_id=12", "/accounts/176/delete"):
        assert f'href="{link}"' in page
    only = (await operator.get("/accounts?client_id=12")).text
    assert len(rows(only)) == 2
    assert "Shown: Client: Rose orig Show all" in words(only)


async def test_a_viewer_sees_no_button_that_does_not_open(console: Console, browser_of: Browser):
    await console.database.execute(ARTICLE)
    page = (await (await browser_of("viewer")).get("/accounts")).text
    for closed in ("/accounts/new", "/accounts/import", "/delete", "/audit", "/people"):
        assert f'href="{closed}' not in page.replace("/accounts/176", "").replace("/accounts/177", "")
    assert 'href="/accounts/export"' in page


@pytest.mark.parametrize(
    ("account_id", "marks"),
    [(1, []), (2, ["off"]), (3, ["blocked"]), (4, ["client blocked"]), (5, ["client archived"]),
     (6, ["until 2027-01-31 18:00:00"])],
)  # fmt: skip
async def test_markers_are_words(console: Console, browser_of: Browser, account_id: int, marks: list[str]):
    await console.database.execute(STATES)
    page = (await (await browser_of("viewer")).get(f"/accounts?q={account_id}")).text
    assert [words(mark) for mark in re.findall(r'<span class="mark.*?</span>', page)] == marks


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=178", [178]),
        ("q=TERM", [177]),
        ("ident=11.11.20.33", [178]),
        ("ident=11.11.0.0/16", [178]),
        ("orig=true", [176, 178]),
        ("term=true", [177]),
        ("orig_rate_table_id=5&routing_plan_id=3", [176, 178]),
        ("client_type=reseller", [177]),
        ("client=rose+t", [177]),
        ("gateway_id=1", [178]),
        ("sort=name&descending=true", [177, 176, 178]),
        ("q=nobody", []),
        ("page=99", [176, 177, 178]),
        ("page=x&size=7&sort=;drop&orig=maybe&client_id=abc&nonsense=1", [176, 177, 178]),
        ("q=%27%3B%20DROP%20TABLE%20accounts%3B--", []),
        ("ident=%00&q=%25", []),
    ],
)
async def test_the_search_is_what_the_url_says(console: Console, browser_of: Browser, query: str, found: list[int]):
    await console.database.execute(ARTICLE)
    answer = await (await browser_of("viewer")).get(f"/accounts?{query}")
    assert answer.status_code == 200
    assert [int(row.split()[0]) for row in rows(answer.text) if row[0].isdigit()] == found


async def test_the_advanced_search_has_the_articles_fields_and_holds_what_was_asked(
    console: Console, browser_of: Browser
):
    await console.database.execute(ARTICLE)
    page = (await (await browser_of("viewer")).get("/accounts?ident=%3Cb%3E&orig=true&routing_plan_id=3")).text
    search = page.partition('<details class="advanced" open>')[2].partition("</details>")[0]
    for label in ("Name / ANI / IP", "Tech Prefix", "Origination", "Orig Rate Table", "Routing Plan", "Tags",
                  "Termination", "Term Rate Table", "Client Type", "Client"):  # fmt: skip
        assert re.search(rf"<label[^>]*>(<input[^>]*>)?\s*{label}", search), label
    assert 'value="&lt;b&gt;"' in search
    assert 'name="orig" value="true" checked' in search
    assert '<option value="3" selected>' in search
    assert '<a class="button" href="/accounts">Reset</a>' in search


async def test_pages_keep_the_search_and_the_order(console: Console, browser_of: Browser):
    await console.database.execute(MANY)
    viewer = await browser_of("viewer")
    page = (await viewer.get("/accounts?client=one&sort=name&descending=true&page=2")).text
    assert "Rows 21 – 40 of 45" in words(page)
    assert rows(page)[0].startswith("25 ")
    assert 'rel="next" href="/accounts?client=one&amp;sort=name&amp;descending=true&amp;size=20&amp;page=3"' in page
    assert 'aria-sort="descending"' in page
    last = (await viewer.get("/accounts?page=3")).text
    assert "Rows 41 – 45 of 45" in words(last)
    assert 'rel="next"' not in last
    assert "Rows 1 – 45 of 45" in words((await viewer.get("/accounts?size=50")).text)


async def test_what_the_daemon_knows_stands_beside_it(console: Console, daemon: DaemonProcess, browser_of: Browser):
    await console.database.execute(
        """
        INSERT INTO clients (id, name) VALUES (1, 'One'), (2, 'Two');
        INSERT INTO accounts (id, client_id, name, ident_by, ip, orig_enabled, orig_capacity) VALUES
            (1, 1, 'first', 'ip', '{192.0.2.1}', true, 1000), (2, 2, 'second', 'ip', '{192.0.2.1}', true, NULL);
        """
    )
    await trio.to_thread.run_sync(daemon.start)
    assert daemon.ask("authorize", call_id="a", ip="192.0.2.1", dnis="44")["account_id"] == 1
    page = (await (await browser_of("viewer")).get("/accounts")).text
    first, second = rows(page)
    assert "orig 1 / 1,000" in first
    assert re.search(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d", first)
    assert "ambiguous with 2" in first
    assert "orig 0 — " in f"{second} "
    assert "The daemon does not answer" not in words(page.replace("hidden>", "").partition('id="live-away"')[0])


async def test_while_the_daemon_is_away_the_page_says_so_and_shows_what_the_database_knows(
    console: Console, browser_of: Browser
):
    await console.database.execute(ARTICLE)
    await console.database.execute(
        "INSERT INTO account_statistics (account_id, day, direction, calls) VALUES (176, '2026-01-31', 'orig', 3)"
    )
    page = (await (await browser_of("viewer")).get("/accounts")).text
    assert "The daemon does not answer: calls up, last calls and its markers are not known now." in words(page)
    assert "orig —" in rows(page)[0]
    assert "2026-01-31" in rows(page)[0], "the last day that billing has counted"


async def test_an_empty_table_says_what_to_do(browser_of: Browser):
    assert "There is no account yet. Create the first one" in words(
        (await (await browser_of("operator")).get("/accounts")).text
    )
    answer = await (await browser_of("viewer")).get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/accounts")


async def test_names_are_text_wherever_they_stand(console: Console, browser_of: Browser):
    evil = "<script>alert(1)</script>\"'"
    await console.database.execute("INSERT INTO clients (id, name) VALUES (1, $1)", evil)
    await console.database.execute(
        "INSERT INTO accounts (client_id, name, ident_by, ident_name, tech_prefix, proxy, protocol, orig_tags, "
        "orig_enabled, term_enabled) VALUES (1, $1, 'name', $1, '1', $1, $1, ARRAY[$1], true, true)",
        evil,
    )
    page = (await (await browser_of("admin")).get("/accounts?q=script&client_id=1&client=%3Cscript%3E")).text
    assert len(rows(page)) == 1
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;" in page


@pytest.mark.parametrize(
    ("back", "url"),
    [
        ("", "/accounts"),
        ("client=rose&page=2", "/accounts?client=rose&page=2"),
        ("//evil.example/", "/accounts"),
        ("x=\r\nSet-Cookie: a=b", "/accounts?x=%0D%0ASet-Cookie%3A+a%3Db"),
        ("q=%3Cb%3E", "/accounts?q=%3Cb%3E"),
    ],
)
def test_the_way_back_is_always_the_table(back: str, url: str):
    assert table_url(back) == url


def test_the_way_back_is_not_endless():
    assert len(table_url("q=" + "x" * 100_000)) < BACK_CHARACTERS_MAX + 100


async def test_a_new_account_like_another_comes_back_to_the_same_part_of_the_table(
    console: Console, browser_of: Browser
):
    await console.database.execute(ARTICLE)
    operator = await browser_of("operator")
    for page in ("/accounts?q=rose&size=50", "/accounts/176/edit?back=q%3Drose%26size%3D50"):
        link = re.search(r'href="(/accounts/new\?from=176[^"]*)"', (await operator.get(page)).text)
        assert link is not None
        form = (await operator.get(html.unescape(link[1]))).text
        assert 'href="/accounts?q=rose&amp;size=50">Cancel' in form
