"""Names that are typed, against real tables: what they mean, and what they may have meant."""

import pytest

from console.database import Database
from console.objects.references import References
from console.store.references import LOOKED_FOR_MAX, options, references_of, resolve, suggest, suggest_clients

NAMES = """
INSERT INTO identd.clients (id, name, status) VALUES
    (12, 'Rose orig', 'active'), (13, 'Rose term', 'archived'), (14, '#12', 'active'), (15, '100% Iris_1', 'active');
INSERT INTO identd.gateways (id, name) VALUES (1, 'GW Calls'), (2, 'gw;2');
INSERT INTO identd.rate_tables (id, name) VALUES (5, 'RT ORIG - Rose'), (6, 'RT TERM - Rose');
INSERT INTO identd.routing_plans (id, name) VALUES (7, 'DR: Complex LCR');
"""


@pytest.fixture
async def named(store: Database) -> Database:
    """The names of the article, and some that are harder to read."""
    for statement in NAMES.strip().split(";\n"):
        await store.execute(statement)
    return store


async def test_names_and_ids_of_a_form_are_found(named: Database) -> None:
    form = {"client": " Rose orig ", "gateways": 'GW Calls; "gw;2"; #2', "orig_rate_table": "#5",
            "term_rate_table": "RT TERM - Rose", "routing_plan": "DR: Complex LCR", "notes": "Rose term"}  # fmt: skip
    found = await resolve(named, [form])
    assert found.ids == {
        ("client", "Rose orig"): 12, ("gateway", "GW Calls"): 1, ("gateway", "gw;2"): 2, ("gateway", "#2"): 2,
        ("rate_table", "#5"): 5, ("rate_table", "RT TERM - Rose"): 6, ("routing_plan", "DR: Complex LCR"): 7,
    }  # fmt: skip
    assert found.nearest == {}
    assert found.names["rate_table", 5] == "RT ORIG - Rose"


async def test_a_name_that_looks_like_an_id_wins_over_the_id(named: Database) -> None:
    found = await resolve(named, [{"client": "#12"}, {"client": "#13"}])
    assert found.ids == {("client", "#12"): 14, ("client", "#13"): 13}


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [
        ("rose orig", ("Rose orig",)),
        ("Rosé orig", ("Rose orig",)),
        ("Rose", ("Rose orig", "Rose term")),
        ("term", ("Rose term",)),
        ("100%", ("100% Iris_1",)),
        ("Xyz", ()),
        ("#99", ()),
        ("#99999999999999999999", ()),
        ("a\x00b", ()),
        ("\ud800", ()),
        ("x" * 10_000, ()),
        ("%", ("100% Iris_1",)),
    ],
)
async def test_a_slip_is_told_with_the_names_that_may_have_been_meant(
    named: Database, typed: str, nearest: tuple[str, ...]
) -> None:
    found = await resolve(named, [{"client": typed}])
    assert found.ids == {}
    assert set(found.nearest["client", typed]) == set(nearest)


async def test_a_file_that_is_wrong_in_every_line_is_not_looked_up_line_by_line(named: Database) -> None:
    found = await resolve(named, [{"client": f"Rose {n}"} for n in range(1000)])
    assert found.ids == {}
    assert len(found.nearest) == LOOKED_FOR_MAX


async def test_nothing_typed_asks_nothing(named: Database) -> None:
    assert await resolve(named, [{"client": "", "name": "x"}, {}]) == References()


async def test_names_of_ids(named: Database) -> None:
    found = await references_of(named, {"client": [12, 99], "gateway": [2]})
    assert found.names == {("client", 12): "Rose orig", ("gateway", 2): "gw;2"}


async def test_a_list_to_choose_from_is_by_name_and_says_when_there_are_more(named: Database) -> None:
    all_of_them = await options(named, "client")
    assert [(option.name, option.detail) for option in all_of_them.options] == [
        ("#12", ""), ("100% Iris_1", ""), ("Rose orig", ""), ("Rose term", "archived"),
    ]  # fmt: skip
    assert not all_of_them.more
    first = await options(named, "client", 3)
    assert (len(first.options), first.more) == (3, True)


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("rose", ["Rose orig", "Rose term"]),
        ("TERM", ["Rose term"]),
        ("iris_", ["100% Iris_1"]),
        ("_", ["100% Iris_1"]),
        ("\\", []),
        ("", []),
        ("\x00", []),
    ],
)
async def test_clients_are_suggested_while_one_types(named: Database, typed: str, names: list[str]) -> None:
    assert [option.name for option in await suggest_clients(named, typed)] == names


async def test_those_that_begin_so_come_first_and_there_is_a_bound(named: Database) -> None:
    assert [option.name for option in await suggest(named, "rate_table", "r", 1)] == ["RT ORIG - Rose"]
    await named.execute("INSERT INTO identd.gateways (id, name) VALUES (3, 'Calls')")
    assert [option.name for option in await suggest(named, "gateway", "calls")] == ["Calls", "GW Calls"]
