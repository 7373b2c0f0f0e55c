"""Who stands around an account, in a real table: overlapping networks, names and numbers, most important first."""

from typing import Any

import pytest

from console.database import Database
from console.objects.account import AccountDraft, KeepPassword
from console.objects.matched_account import ClientFacts, matched
from console.store.accounts import create_account
from console.store.neighbours import NEIGHBOURS_MAX, neighbours
from identd.credentials import KeyRing
from matcher.account import IdentType

CLIENTS = """
INSERT INTO identd.resellers (id, name, status) VALUES (1, 'North', 'blocked');
INSERT INTO identd.rate_tables (id, name) VALUES (5, 'RT');
INSERT INTO identd.clients (id, name, status, reseller_id, balance, credit_limit, orig_rate_table_id) VALUES
    (12, 'Rose', 'active', NULL, 0, NULL, 5), (13, 'Iris', 'archived', 1, -5, 5, NULL);
INSERT INTO identd.gateways (id, name) VALUES (1, 'GW Calls');
"""


@pytest.fixture
async def clients(store: Database) -> Database:
    """Two clients and a gateway."""
    for statement in CLIENTS.strip().split(";\n"):
        await store.execute(statement)
    return store


def draft(name: str, client_id: int = 12, **columns: Any) -> AccountDraft:
    ident_by: IdentType = "ip" if "ip" in columns else "name" if "ident_name" in columns else "ani"
    return AccountDraft(client_id=client_id, name=name, ident_by=ident_by, **{"orig_enabled": True, **columns})


async def put(db: Database, *drafts: AccountDraft) -> list[int]:
    async with db.transaction("test") as tx:
        return [await create_account(tx, one, KeepPassword(), KeyRing()) for one in drafts]


async def names_around(db: Database, one: AccountDraft, account_id: int | None = None) -> list[str]:
    return [account.name for account in (await neighbours(db, one, account_id)).accounts]


async def test_networks_that_equal_cover_or_lie_within_are_found_in_this_order(clients: Database) -> None:
    await put(
        clients,
        draft("within", ip=("10.0.0.9", "172.16.0.1")),
        draft("wider", ip=("10.0.0.0/8",)),
        draft("beside", ip=("10.0.1.0/24", "::/0")),
        draft("off", ip=("10.0.0.0/24",), orig_enabled=False),
        draft("same", ip=("10.0.0.0/24",)),
        draft("same prefix", ip=("10.0.0.0/24",), tech_prefix="12"),
        draft("a name", ident_name="10.0.0.0/24"),
    )
    asked = draft("new", ip=("10.0.0.0/24",), tech_prefix="12")
    assert await names_around(clients, asked) == ["same prefix", "same", "wider", "within", "off"]
    assert await names_around(clients, draft("new", ip=("2001:db8::1",))) == ["beside"]


async def test_an_account_is_not_its_own_neighbour_and_where_it_was_counts_too(clients: Database) -> None:
    rose, _, _ = await put(
        clients, draft("rose", ip=("10.0.0.1",)), draft("old", ip=("10.0.0.1",)), draft("new", ip=("10.0.0.2",))
    )
    found = await neighbours(clients, draft("rose", ip=("10.0.0.2",)), rose)
    assert {account.name for account in found.accounts} == {"old", "new"}
    assert found.own == matched(draft("rose", ip=("10.0.0.1",)), rose)


async def test_mapped_addresses_are_the_same_place(clients: Database) -> None:
    await clients.execute(
        "INSERT INTO accounts (client_id, name, ident_by, ip) VALUES (12, 'mapped', 'ip', '{::ffff:10.0.0.7/120}')"
    )
    assert await names_around(clients, draft("new", ip=("10.0.0.1",))) == ["mapped"]


async def test_a_name_is_the_same_with_its_case_only(clients: Database) -> None:
    await put(clients, draft("a", ident_name="rose"), draft("b", ident_name="Rose"), draft("c", ani="rose"))
    assert await names_around(clients, draft("new", ident_name="rose")) == ["a"]


@pytest.mark.parametrize(
    ("ani", "found"),
    [
        ("442079", ["exact", "plus", "short", "all"]),
        ("+44*", ["short", "all", "exact", "plus", "long"]),
        ("4420*", ["all", "short", "exact", "plus"]),
        ("1", ["all"]),
        ("*", ["all", "exact", "plus", "short", "long", "percent"]),
        ("%*", ["all", "percent"]),
    ],
)
async def test_numbers_and_prefixes_that_meet_are_found_with_or_without_plus(
    clients: Database, ani: str, found: list[str]
) -> None:
    numbers = {"exact": "442079", "plus": "+442079", "short": "44*", "long": "+4415*", "all": "*", "percent": "%1"}
    await put(clients, *(draft(name, ani=text) for name, text in numbers.items()))
    assert sorted(await names_around(clients, draft("new", ani=ani))) == sorted(found)


async def test_who_they_belong_to_and_which_gateways_they_name(clients: Database) -> None:
    await put(clients, draft("iris", 13, ip=("10.0.0.1",), gateway_ids=(1,)))
    found = await neighbours(clients, draft("new", ip=("10.0.0.1",)))
    assert found.clients == {
        12: ClientFacts(id=12, name="Rose", orig_rate_table_id=5),
        13: ClientFacts(
            id=13, name="Iris", status="archived", without_credit=True, reseller="North", reseller_blocked=True
        ),
    }
    assert found.gateways == {1: "GW Calls"}


async def test_more_than_anyone_reads_is_counted(clients: Database) -> None:
    await clients.execute(
        "INSERT INTO accounts (client_id, name, ident_by, ip, orig_enabled) "
        "SELECT 12, 'a' || g, 'ip', '{10.0.0.1}', true FROM generate_series(1, 250) AS g"
    )
    found = await neighbours(clients, draft("new", ip=("10.0.0.1",)))
    assert (len(found.accounts), found.more, found.many) == (NEIGHBOURS_MAX, 50, False)
    assert found.accounts[0].name == "a1"


async def test_a_row_that_the_daemon_cannot_use_is_named_apart(clients: Database) -> None:
    await put(clients, draft("bad", ip=("10.0.0.1",)))
    await clients.execute("ALTER TABLE accounts DROP CONSTRAINT accounts_port_is_1_to_65535")
    await clients.execute("UPDATE accounts SET port = 0")
    found = await neighbours(clients, draft("new", ip=("10.0.0.1",)))
    assert found.accounts == ()
    assert len(found.unusable) == 1


async def test_an_account_that_is_gone_counts_as_new(clients: Database) -> None:
    assert (await neighbours(clients, draft("new", ip=("10.0.0.1",)), 99)).own is None


SAVED = [
    draft("a", ip=("10.0.0.0/24", "2001:db8::/32"), tech_prefix="1#", protocol="SIP", port=5060, proxy="p",
          gateway_ids=(1,), orig_rate_table_id=5, orig_tags=("x", "y"), orig_capacity=1, orig_cps=0.5, cps_burst=2.0),
    draft("b", ident_name="rose", term_enabled=True, term_capacity=0, term_tags=("z",), strip_tech_prefix=False),
    draft("c", ani="+44*", orig_enabled=False, status="blocked"),
]  # fmt: skip


@pytest.mark.parametrize("saved", SAVED)
async def test_what_the_effect_is_judged_by_is_what_the_daemon_reads_once_it_is_saved(
    clients: Database, saved: AccountDraft
) -> None:
    (account_id,) = await put(clients, saved)
    assert (await neighbours(clients, saved, account_id)).own == matched(saved, account_id)
