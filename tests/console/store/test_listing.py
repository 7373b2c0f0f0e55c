"""The table of accounts: what is found, in which order, and that rows N to M of T are just that."""

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
import pytest

from console.database import Database, open_database
from console.errors import BusyError
from console.objects.account import AccountDraft, KeepPassword
from console.objects.field_values import moment_text
from console.objects.listing import NETWORKS_SHOWN_MAX, AccountFilter, Paging
from console.store import listing
from console.store.account_search import is_counted
from console.store.accounts import create_account, get_account
from console.store.accounts_bulk import create_accounts
from console.store.listing import count_accounts, export_pages, list_accounts
from identd.credentials import KeyRing
from tests.console.conftest import Browser

SORTS = ("id", "client", "name", "ident", "tech_prefix")

ACCOUNTS: dict[str, dict[str, object]] = {
    "rose_orig": {"client_id": 1, "ident_name": "Rose", "orig_enabled": True, "orig_rate_table_id": 1},
    "rose_term": {"client_id": 1, "ip": ("10.0.0.0/8",), "term_enabled": True, "term_rate_table_id": 2},
    "iris": {"client_id": 2, "ip": ("10.1.0.0/16", "192.0.2.7"), "orig_enabled": True, "tech_prefix": "1234#"},
    "100%_\\": {"client_id": 2, "ani": "+4930", "orig_enabled": True, "routing_plan_id": 1, "tech_prefix": "12"},
    "blocked": {"client_id": 2, "ani": "4930*", "orig_enabled": True, "status": "blocked"},
    "six": {"client_id": 3, "ip": ("2001:db8::/32", "::ffff:198.51.100.0/120"), "orig_enabled": True},
    "off": {"client_id": 3, "ident_name": "100", "orig_tags": ("gold", "Gold"), "gateway_ids": (1,)},
    "vendor": {
        "client_id": 4,
        "ip": ("0.0.0.0/0",),
        "term_enabled": True,
        "term_tags": ("gold",),
        "gateway_ids": (2,),
    },
}


@pytest.fixture
async def store(store: Database) -> Database:
    """With a few accounts, by name."""
    for statement in (
        "INSERT INTO clients (name, client_type, status) VALUES ('Rose', 'client', 'active'),"
        " ('Iris % Söhne', 'client', 'active'), ('Six', 'reseller', 'blocked'), ('Vendor', 'vendor', 'active')",
        "INSERT INTO gateways (name) VALUES ('gw1'), ('gw2')",
        "INSERT INTO rate_tables (name) VALUES ('RT ORIG'), ('RT TERM')",
        "INSERT INTO routing_plans (name) VALUES ('LCR')",
    ):
        await store.execute(statement)
    async with store.transaction("test") as tx:
        for name, columns in ACCOUNTS.items():
            ident_by = "ip" if "ip" in columns else "name" if "ident_name" in columns else "ani"
            draft = msgspec.convert({"name": name, "ident_by": ident_by, **columns}, AccountDraft)
            await create_account(tx, draft, KeepPassword(), KeyRing())
    return store


FOUND: list[tuple[AccountFilter, str]] = [
    (AccountFilter(q="rose"), "rose_orig rose_term"),
    (AccountFilter(q="ROSE"), "rose_orig rose_term"),
    (AccountFilter(q="ri"), ""),
    (AccountFilter(q="ro"), "rose_orig rose_term"),
    (AccountFilter(q="söhn"), "iris 100%_\\ blocked"),
    (AccountFilter(q="2"), "rose_term"),
    (AccountFilter(q="493"), "100%_\\ blocked"),
    (AccountFilter(q="100%"), "100%_\\"),
    (AccountFilter(q="0%_"), ""),
    (AccountFilter(q="100__"), ""),
    (AccountFilter(q="100%_\\"), "100%_\\"),
    (AccountFilter(q="%"), ""),
    (AccountFilter(q="'; DROP TABLE identd.accounts; --"), ""),
    (AccountFilter(q="\0"), ""),
    (AccountFilter(q="\ud800"), ""),
    (AccountFilter(q="9" * 30), ""),
    (AccountFilter(q="100"), "100%_\\ off"),
    (AccountFilter(ident="10.1.2.3"), "rose_term iris vendor"),
    (AccountFilter(ident="10.1.2"), "rose_term iris vendor"),
    (AccountFilter(ident="192.0.2.7"), "iris vendor"),
    (AccountFilter(ident="::ffff:192.0.2.7"), "iris vendor"),
    (AccountFilter(ident="10.0.0.0/8"), "rose_term iris vendor"),
    (AccountFilter(ident="198.51.100.200"), "six vendor"),
    (AccountFilter(ident="2001:db8:1::1"), "six"),
    (AccountFilter(ident="2001:db8:"), "six"),
    (AccountFilter(ident="::/0"), "six"),
    (AccountFilter(ident="10.0.0.300"), ""),
    (AccountFilter(ident="rose"), "rose_orig"),
    (AccountFilter(ident="+49"), "100%_\\ blocked"),
    (AccountFilter(ident="+4930"), "100%_\\ blocked"),
    (AccountFilter(ident="+4930*"), "blocked"),
    (AccountFilter(ident="+930"), "100%_\\ blocked"),
    (AccountFilter(ident="+rose"), ""),
    (AccountFilter(ident="+"), ""),
    (AccountFilter(ident="4930"), "100%_\\ blocked"),
    (AccountFilter(q="10.1.2.3", ident="rose"), ""),
    (AccountFilter(q="iris", ident="10.1.2.3"), "iris"),
    (AccountFilter(tech_prefix="12"), "iris 100%_\\"),
    (AccountFilter(tech_prefix="1234#"), "iris"),
    (AccountFilter(tech_prefix="1_"), ""),
    (AccountFilter(tech_prefix="\0"), ""),
    (AccountFilter(orig=True), "rose_orig iris 100%_\\ blocked six"),
    (AccountFilter(orig=False), "rose_term off vendor"),
    (AccountFilter(term=True), "rose_term vendor"),
    (AccountFilter(orig=False, term=False), "off"),
    (AccountFilter(orig_rate_table_id=1), "rose_orig"),
    (AccountFilter(term_rate_table_id=2), "rose_term"),
    (AccountFilter(routing_plan_id=1), "100%_\\"),
    (AccountFilter(orig_tags=("gold",)), "off"),
    (AccountFilter(orig_tags=("gold", "Gold")), "off"),
    (AccountFilter(orig_tags=("gold", "silver")), ""),
    (AccountFilter(orig_tags=("\0",)), ""),
    (AccountFilter(term_tags=("gold",)), "vendor"),
    (AccountFilter(client_type="client"), "rose_orig rose_term iris 100%_\\ blocked"),
    (AccountFilter(client_type="\0"), ""),
    (AccountFilter(client="ose"), "rose_orig rose_term"),
    (AccountFilter(client="% S"), "iris 100%_\\ blocked"),
    (AccountFilter(client_id=3), "six off"),
    (AccountFilter(client_id=2**63 - 1), ""),
    (AccountFilter(gateway_id=2), "vendor"),
    (AccountFilter(state="on"), "rose_orig rose_term iris 100%_\\ vendor"),
    (AccountFilter(state="off"), "off"),
    (AccountFilter(state="blocked"), "blocked six off"),
    (AccountFilter(state="blocked", orig=True, q="six", client_type="reseller"), "six"),
]


async def _names(store: Database, wanted: AccountFilter, paging: Paging) -> list[str]:
    return [row.name for row in (await list_accounts(store, wanted, paging)).rows]


async def test_a_filter_finds_what_it_says(store: Database) -> None:
    found = [(wanted, " ".join(await _names(store, wanted, Paging()))) for wanted, _ in FOUND]
    assert found == FOUND


async def test_count_and_export_find_the_same(store: Database) -> None:
    for wanted, names in [*FOUND, (AccountFilter(), " ".join(ACCOUNTS))]:
        assert await count_accounts(store, wanted) == len(names.split())
        async with store.transaction("", isolation="repeatable_read", readonly=True) as tx:
            pages = [page async for page in export_pages(tx, wanted, rows=2)]
        assert " ".join(account.name for page in pages for account in page) == names
        assert all(len(page) <= 2 for page in pages)
    assert pages[0][0] == await get_account(store, 1)


async def test_a_search_that_finds_too_much_finds_the_same_row_by_row(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "FOUND_MAX", 1)
    monkeypatch.setattr(listing, "SORTING_MS_MAX", 10_000)
    orders = itertools.cycle(itertools.product(SORTS, (False, True)))
    whole = {
        order: await _names(store, AccountFilter(), Paging(sort=order[0], descending=order[1]))
        for order in itertools.product(SORTS, (False, True))
    }
    for wanted, names in FOUND:
        found = names.split()
        for sort, descending in itertools.islice(orders, 3):
            page = await list_accounts(store, wanted, Paging(sort=sort, descending=descending))
            shown = len(found) if is_counted(wanted) else min(1, len(found))
            assert (page.total, page.has_more, page.is_sorted) == (shown, len(found) > shown, True)
            in_order = [name for name in whole[sort, descending] if name in found]
            assert [row.name for row in page.rows] == in_order[:shown]


async def test_too_much_in_the_wrong_order_is_shown_as_far_as_it_goes_and_said(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.execute("UPDATE clients SET name = 'Rose ' || id")
    monkeypatch.setattr(listing, "FOUND_MAX", 3)
    monkeypatch.setattr(listing, "SORTING_MS_MAX", 1)
    monkeypatch.setattr(listing, "where_of", lambda *_: "pg_sleep(0.2) IS NOT NULL")
    page = await list_accounts(store, AccountFilter(q="rose"), Paging(sort="name"))
    assert (page.total, page.has_more, page.is_sorted) == (3, True, False)
    assert [row.name for row in page.rows] == sorted(row.name for row in page.rows)
    assert (page.first, page.last) == (1, 3)


@pytest.mark.parametrize("is_sorting_in_time", [True, False])
async def test_every_page_of_a_client_a_gateway_or_what_is_on_can_be_reached(
    store: Database, monkeypatch: pytest.MonkeyPatch, is_sorting_in_time: bool
) -> None:
    await store.execute(
        "INSERT INTO accounts (client_id, name, ident_by, ani, orig_enabled) SELECT 1 + n % 2, 'n' || n * 7919 % 100,"
        " 'ani', n % 7, n % 3 > 0 FROM generate_series(1, 90) AS n"
    )
    await store.execute("INSERT INTO account_gateways SELECT id, 1 FROM accounts WHERE name LIKE 'n%' AND id % 5 > 0")
    monkeypatch.setattr(listing, "FOUND_MAX", 20)
    monkeypatch.setattr(listing, "SORTING_MS_MAX", 10_000 if is_sorting_in_time else 1)
    if not is_sorting_in_time:
        monkeypatch.setattr(listing, "where_of", lambda *_: "pg_sleep(0.2) IS NOT NULL")
    for wanted, condition in (
        (AccountFilter(client_id=2), "client_id = 2"),
        (AccountFilter(gateway_id=1), "id IN (SELECT account_id FROM account_gateways WHERE gateway_id = 1)"),
        (AccountFilter(orig=True), "orig_enabled"),
        (AccountFilter(state="on", term=False), "orig_enabled AND NOT term_enabled AND status = 'active'"
         " AND client_id IN (SELECT id FROM clients WHERE status = 'active')"),
    ):  # fmt: skip
        expected = await store.value(f"SELECT ARRAY(SELECT id FROM accounts WHERE {condition} ORDER BY name, id)")
        assert len(expected) > 40
        for descending in (False, True):
            rows: list[int] = []
            for number in range(1, 2 + len(expected) // 20):
                page = await list_accounts(
                    store, wanted, Paging(page=number, size=20, sort="name", descending=descending)
                )
                assert (page.total, page.has_more, page.is_sorted) == (len(expected), False, True)
                assert (page.first, page.last) == (len(rows) + 1, len(rows) + len(page.rows))
                rows += [row.id for row in page.rows]
            assert rows == expected[:: -1 if descending else 1]


async def test_clients_that_have_no_account_keep_nobody_from_being_found(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.execute("UPDATE clients SET name = 'zz Rose' WHERE id = 1")
    await store.execute("INSERT INTO clients (name) SELECT 'a Rose ' || n FROM generate_series(1, 30) AS n")
    monkeypatch.setattr(listing, "FOUND_MAX", 3)
    for wanted in (AccountFilter(q="a rose"), AccountFilter(client="a rose")):
        assert await _names(store, wanted, Paging()) == []
    for wanted in (AccountFilter(q="rose"), AccountFilter(client="rose"), AccountFilter(client="rose", orig=True)):
        page = await list_accounts(store, wanted, Paging())
        assert [row.name for row in page.rows] == ["rose_orig", "rose_term"][: page.total]
        assert (page.total, page.has_more) == (1 if wanted.orig else 2, False)


async def test_counting_that_takes_too_long_ends_where_other_searches_do(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "FOUND_MAX", 2)
    monkeypatch.setattr(listing, "COUNTING_MS_MAX", 1)
    monkeypatch.setattr(listing, "others_of", lambda _: ["pg_sleep(0.2) IS NOT NULL"])
    page = await list_accounts(store, AccountFilter(orig=True), Paging(page=9))
    assert (page.total, page.has_more, [row.name for row in page.rows]) == (2, True, ["rose_orig", "iris"])


async def test_a_search_that_takes_too_long_is_a_page_that_says_so(
    store: Database, browser_of: Browser, key_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_PREPARE", "SELECT set_config('statement_timeout', '1', true)")
    monkeypatch.setattr(listing, "branches_of", lambda *_: ["pg_sleep(0.2) IS NOT NULL"])
    with pytest.raises(BusyError, match="takes too long"):
        await list_accounts(store, AccountFilter(q="12"), Paging())
    page = await (await browser_of("viewer")).get("/accounts?q=12")
    assert (page.status_code, "This search takes too long" in page.text) == (409, True)
    answer = await (await key_of("viewer")).get("/api/v1/accounts?q=12")
    assert (answer.status_code, "This search takes too long" in answer.text) == (503, True)


def _sorted(sort: str, rows: Iterable[listing.AccountRow]) -> list[int]:
    def key(row: listing.AccountRow) -> tuple[object, ...]:
        return {
            "id": (),
            "client": (row.client.encode(),),
            "name": (row.name.encode(),),
            "tech_prefix": (row.tech_prefix is None, (row.tech_prefix or "").encode()),
            "ident": (row.ident_by, (row.ident_name or row.ani or "").encode()),
        }[sort] + (row.id,)

    return [row.id for row in sorted(rows, key=key)]


@pytest.mark.parametrize("sort", SORTS)
async def test_pages_in_both_directions_are_the_whole_in_order(store: Database, sort: listing.SortKey) -> None:
    async with store.transaction("test") as tx:
        drafts = [
            AccountDraft(client_id=1 + n % 4, name=f"a{n * 7919 % 50}", ident_by="name", ident_name=f"x{n % 3}",
                         tech_prefix=(None, "1", "22")[n % 3])
            for n in range(50)
        ]  # fmt: skip
        await create_accounts(tx, [(draft, KeepPassword()) for draft in drafts], KeyRing())
    for wanted, total in ((AccountFilter(), 58), (AccountFilter(orig=False), 53)):
        whole = (await list_accounts(store, wanted, Paging(size=500, sort=sort))).rows
        assert [row.id for row in whole if not row.ip] == _sorted(sort, (row for row in whole if not row.ip))
        for descending in (False, True):
            rows: list[int] = []
            for number in itertools.count(1):
                page = await list_accounts(
                    store, wanted, Paging(page=number, size=20, sort=sort, descending=descending)
                )
                if page.paging.page < number:
                    break
                assert (page.first, page.last, page.total) == (len(rows) + 1, len(rows) + len(page.rows), total)
                rows += [row.id for row in page.rows]
            assert page.pages == 3
            assert rows == [row.id for row in whole][:: -1 if descending else 1]


async def test_addresses_are_sorted_as_numbers(store: Database) -> None:
    names = await _names(store, AccountFilter(), Paging(sort="ident"))
    assert names == ["100%_\\", "blocked", "vendor", "rose_term", "iris", "six", "off", "rose_orig"]


async def test_an_empty_database_has_one_empty_page(database: str, store: Database) -> None:
    await store.execute("DELETE FROM accounts")
    page = await list_accounts(store, AccountFilter(), Paging(page=9))
    assert (page.rows, page.total, page.first, page.last, page.pages, page.paging.page) == ((), 0, 0, 0, 1, 1)


async def test_a_row_has_what_the_table_shows(store: Database) -> None:
    await store.execute(
        "INSERT INTO account_statistics (account_id, day, direction, calls, refused) VALUES"
        " (1, '2026-01-01', 'orig', 1, 0), (1, '2026-01-02', 'term', 2, 0), (1, '2026-01-03', 'orig', 0, 5)"
    )
    networks = tuple(f"192.0.2.{n}" for n in range(20))
    await store.execute("UPDATE accounts SET ip = $1::text[]::inet[] WHERE id = 3", list(networks))
    rows = {row.name: row for row in (await list_accounts(store, AccountFilter(), Paging())).rows}
    rose = rows["rose_orig"]
    assert (rose.client, rose.client_type, rose.orig_rate_table, rose.routing_plan) == (
        "Rose",
        "client",
        "RT ORIG",
        None,
    )
    assert str(rose.last_day) == "2026-01-02"
    assert (rows["rose_term"].ip, rows["rose_term"].networks, rows["rose_term"].last_day) == (
        ("10.0.0.0/8",),
        1,
        None,
    )
    assert (rows["iris"].ip, rows["iris"].networks) == (networks[:NETWORKS_SHOWN_MAX], 20)
    assert rows["six"].ip == ("2001:db8::/32", "198.51.100.0/24")
    assert rows["off"].gateways == ("gw1",)
    assert [name for name, row in rows.items() if row.is_off] == ["off"]


@pytest.mark.parametrize("since", ["-infinity", "0044-03-15 BC", "0001-01-01 BC", "infinity", "20000-01-01"])
async def test_a_row_with_a_time_that_python_has_not_is_listed_exported_and_sent(
    store: Database, browser_of: Browser, key_of: Browser, since: str
) -> None:
    await store.execute("UPDATE accounts SET valid_from = $1::text::timestamptz WHERE id = 3", since)
    await store.execute("UPDATE accounts SET valid_until = 'infinity' WHERE id = 4")
    rows = (await list_accounts(store, AccountFilter(), Paging())).rows
    end = datetime.max if since in ("infinity", "20000-01-01") else datetime.min
    assert (rows[2].valid_from, rows[3].valid_until) == (end.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    page, program = await browser_of("operator"), await key_of("operator")
    said = {}
    for asked, path in (
        (page, "/accounts"), (page, "/accounts/3/edit"), (page, "/accounts/3/delete"), (page, "/accounts/export"),
        (program, "/api/v1/accounts"), (program, "/api/v1/accounts/3"),
    ):  # fmt: skip
        answer = await asked.get(path)
        assert answer.status_code == 200, path
        said[path] = answer.text
    text = moment_text(end)
    assert f'"valid_from":"{text}"' in said["/api/v1/accounts/3"]
    assert said["/accounts/export"].count("\n") == 1 + len(ACCOUNTS)
    assert f'"{text}"' in said["/accounts/export"]


async def test_the_role_of_the_console_may_do_all_of_this(store: Database, database: str) -> None:
    separator = "&" if "?" in database else "?"
    async with open_database(f"{database}{separator}role=identd_console", 1) as console:
        assert await console.value("SELECT current_user") == "identd_console"
        async with console.transaction("anna") as tx:
            await create_accounts(
                tx,
                [(AccountDraft(client_id=1, name="x", ident_by="name", ident_name="x"), KeepPassword())],
                KeyRing(),
            )
        assert (await list_accounts(console, AccountFilter(), Paging())).total == len(ACCOUNTS) + 1
        assert await _names(console, AccountFilter(q="10.1.2.3"), Paging(sort="client")) == [
            "iris",
            "rose_term",
            "vendor",
        ]
