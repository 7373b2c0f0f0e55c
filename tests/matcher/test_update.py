"""An update is seen whole or not at all, however it is cut up, and leaves nothing behind."""

from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from matcher.account import Account, Client, Gateway, OrigSide, Reseller, TermSide
from matcher.address import canonical_address, canonical_network
from matcher.attempt import CallAttempt
from matcher.change import (
    AccountPut,
    Change,
    ChangeSet,
    ClientPut,
    GatewayPut,
    ResellerPut,
    RowQuarantined,
    RowRemoved,
)
from matcher.directory import Directory
from matcher.index import Match
from matcher.shelf import accounts_of
from tests.matcher import oracle
from tests.matcher.strategies import accounts, attempts, gateways
from tests.matcher.test_index import as_answer

ids = st.integers(1, 12)
changes = st.one_of(
    accounts(ids).map(AccountPut),
    accounts(ids).map(AccountPut),
    ids.map(lambda row_id: RowRemoved("accounts", row_id)),
)
updates = st.lists(
    st.fixed_dictionaries(
        {
            "full": st.booleans(),
            "slices": st.lists(st.lists(changes, max_size=4), max_size=4),
            "abandoned": st.sampled_from([False, False, False, True]),
            "tidied_by": st.integers(1, 5),
        }
    ),
    max_size=5,
)
calls = st.lists(st.tuples(attempts, gateways), min_size=1, max_size=5)


def everything(directory: Directory) -> set[tuple[Any, ...]]:
    """All that lies in the index, as text that two indexes can be compared by."""
    return {
        (direction, kind, key, tuple(account.id for account in accounts_of(entry)), type(entry).__name__)
        for direction, kind, key, entry in directory.index.entries()
    }


def same_as_built_from(directory: Directory, rows: dict[int, Account]) -> None:
    built = Directory(oracle.proves)
    built.apply(ChangeSet(tuple(AccountPut(account) for account in rows.values()), full=True))
    assert directory.accounts == rows
    assert everything(directory) == everything(built)
    assert directory.statistics() | {"generation": 0} == built.statistics() | {"generation": 0}


def answers(directory: Directory, asked: list[Any]) -> list[oracle.Answer]:
    return [as_answer(directory.index.identify(attempt, gateway)) for attempt, gateway in asked]


@pytest.mark.rule("M8.8", "M2.1", "M3.10")
@settings(max_examples=250, deadline=None)
@given(sets=updates, asked=calls)
def test_any_grouping_of_edits_is_seen_whole_and_ends_as_an_index_built_from_the_final_rows(
    sets: list[dict[str, Any]], asked: list[Any]
) -> None:
    directory = Directory(oracle.proves)
    directory.apply(ChangeSet((), full=True))
    rows: dict[int, Account] = {}

    def expected() -> list[oracle.Answer]:
        return [oracle.answer(list(rows.values()), attempt, gateway) for attempt, gateway in asked]

    for each in sets:
        before = expected()
        update = directory.begin(each["full"])
        after = {} if each["full"] else dict(rows)
        for part in each["slices"]:
            update.stage(part)
            assert answers(directory, asked) == before
            for change in part:
                if isinstance(change, AccountPut):
                    after[change.account.id] = change.account
                else:
                    after.pop(change.id, None)
        while not update.settle(2):
            assert answers(directory, asked) == before
        generation = directory.generation
        if each["abandoned"]:
            update.abandon()
            assert answers(directory, asked) == before
        else:
            update.commit()
            assert directory.generation == generation + (after != rows)
            rows = after
        now = expected()
        assert answers(directory, asked) == now
        while not update.tidy(each["tidied_by"]):
            assert answers(directory, asked) == now
        assert answers(directory, asked) == now
        same_as_built_from(directory, rows)
    directory.apply(ChangeSet((), full=True))
    same_as_built_from(directory, {})


def rose(account_id: int = 1, client_id: int = 1, ip: str = "10.0.0.1", **fields: Any) -> Account:
    networks = (canonical_network(ip)[0],)
    return Account(
        id=account_id, client_id=client_id, name="rose", ident_by="ip", networks=networks, orig=OrigSide(), **fields
    )


def loaded(*changes_: Change) -> Directory:
    directory = Directory(oracle.proves)
    directory.apply(ChangeSet(changes_, full=True))
    return directory


def owner(directory: Directory, ip: str = "10.0.0.1") -> int | None:
    found = directory.index.identify(CallAttempt("orig", "1", canonical_address(ip)), None)
    return found.account.id if isinstance(found, Match) else None


@pytest.mark.rule("M8.8")
def test_an_address_that_moves_has_one_owner_at_every_moment_of_the_update() -> None:
    directory = loaded(AccountPut(rose(1)), AccountPut(rose(2, ip="10.0.0.2")))
    update = directory.begin(full=False)
    update.stage([AccountPut(rose(1, ip="10.0.0.9"))])
    assert owner(directory) == 1
    update.stage([AccountPut(rose(2))])
    assert (owner(directory), owner(directory, "10.0.0.2"), owner(directory, "10.0.0.9")) == (1, 2, None)
    update.commit()
    assert (owner(directory), owner(directory, "10.0.0.2"), owner(directory, "10.0.0.9")) == (2, None, 1)
    while not update.tidy(1):
        assert owner(directory) == 2
    assert directory.index.statistics()["orig_hosts"] == 2


@pytest.mark.rule("M1.12")
def test_the_generation_rises_by_one_with_every_set_that_changes_something_and_with_no_other() -> None:
    directory = loaded(AccountPut(rose()))
    seen = [directory.generation]
    for change_set in (
        ChangeSet((AccountPut(rose(port=5060)), ClientPut(Client(id=1, name="Rose")))),
        ChangeSet((AccountPut(rose(port=5060)),)),
        ChangeSet((RowRemoved("accounts", 77),)),
        ChangeSet((AccountPut(rose()), AccountPut(rose(port=5060)))),
        ChangeSet((RowRemoved("accounts", 1), AccountPut(rose(port=5060)))),
        ChangeSet((ClientPut(Client(id=1, name="Rose", balance_micros=5)),)),
    ):
        directory.apply(change_set)
        seen.append(directory.generation)
    assert seen == [1, 2, 2, 2, 2, 2, 3]


@pytest.mark.rule("M8.3")
def test_a_directory_is_ready_with_its_first_full_set_and_not_before() -> None:
    directory = Directory(oracle.proves)
    directory.apply(ChangeSet((AccountPut(rose(2)),)))
    assert not directory.ready
    update = directory.begin(full=True)
    update.stage([AccountPut(rose(1))])
    assert not directory.ready
    update.commit()
    assert directory.ready
    assert set(directory.accounts) == {1}


@pytest.mark.rule("M8.3")
def test_a_first_load_that_is_abandoned_leaves_a_directory_that_is_empty_and_not_ready() -> None:
    directory = Directory(oracle.proves)
    update = directory.begin(full=True)
    update.stage([AccountPut(rose(number, ip=f"10.0.0.{number}")) for number in range(1, 9)])
    update.stage([GatewayPut(Gateway(id=1, name="gw1"))])
    update.abandon()
    while not update.tidy(2):
        pass
    assert directory.statistics() == Directory(oracle.proves).statistics()
    assert not directory.ready
    directory.apply(ChangeSet((AccountPut(rose()),), full=True))
    assert owner(directory) == 1


def test_an_abandoned_update_of_other_tables_changes_none_of_them() -> None:
    directory = loaded(ClientPut(Client(id=1, name="Rose")), GatewayPut(Gateway(id=1, name="gw1")))
    update = directory.begin(full=False)
    update.stage([ClientPut(Client(id=1, name="Rosa")), GatewayPut(Gateway(id=1, name="gw2"))])
    update.stage([RowQuarantined("clients", 2, "name", "too long"), RowRemoved("gateways", 1)])
    update.abandon()
    assert update.tidy(100)
    assert directory.clients[1].name == "Rose"
    assert set(directory.gateways_by_name) == {"gw1"}
    assert directory.quarantined == {}


def test_gateways_are_found_by_name_through_renames_swaps_and_removals() -> None:
    directory = loaded(GatewayPut(Gateway(id=1, name="a")), GatewayPut(Gateway(id=2, name="b")))
    directory.apply(ChangeSet((GatewayPut(Gateway(id=1, name="b")), GatewayPut(Gateway(id=2, name="a")))))
    assert {name: gateway.id for name, gateway in directory.gateways_by_name.items()} == {"b": 1, "a": 2}
    directory.apply(ChangeSet((RowRemoved("gateways", 1), GatewayPut(Gateway(id=3, name="b")))))
    assert {name: gateway.id for name, gateway in directory.gateways_by_name.items()} == {"b": 3, "a": 2}


def test_applied_names_what_was_put_and_what_is_gone() -> None:
    directory = loaded(AccountPut(rose(1)), AccountPut(rose(2, ip="10.0.0.2")), ClientPut(Client(id=1, name="Rose")))
    applied = directory.apply(
        ChangeSet(
            (
                AccountPut(rose(1)),
                RowRemoved("accounts", 2),
                AccountPut(rose(3, ip="10.0.0.3")),
                ClientPut(Client(id=1, name="Rosa")),
                ResellerPut(Reseller(id=9, name="Flora")),
            )
        )
    )
    assert list(applied.account_ids) == [3]
    assert list(applied.removed_account_ids) == [2]
    assert (list(applied.client_ids), list(applied.reseller_ids)) == ([1], [9])


BAD = RowQuarantined("accounts", 1, "port", "is 70000, and the highest is 65535")


@pytest.mark.rule("M8.10")
def test_the_last_good_version_of_a_bad_row_stays_in_force_and_the_next_good_one_heals() -> None:
    directory = loaded(AccountPut(rose(tech_prefix="")))
    generation = directory.generation
    directory.apply(ChangeSet((BAD,)))
    assert owner(directory) == 1
    assert directory.generation == generation
    assert directory.quarantined == {("accounts", 1): BAD}
    directory.apply(ChangeSet((AccountPut(rose(ip="10.0.0.5")),)))
    assert (owner(directory), owner(directory, "10.0.0.5")) == (None, 1)
    assert directory.quarantined == directory.last_good == {}


@pytest.mark.rule("M8.10")
def test_a_bad_row_that_says_blocked_or_off_is_obeyed_in_that_and_forgets_nothing_else() -> None:
    both_ways = rose(term=TermSide())
    directory = loaded(AccountPut(both_ways), ClientPut(Client(id=1, name="Rose")))
    directory.apply(ChangeSet((RowQuarantined("accounts", 1, "port", "bad", blocked=True, term_off=True),)))
    assert directory.accounts[1].blocked
    assert directory.accounts[1].term is None
    assert owner(directory) == 1
    directory.apply(ChangeSet((RowQuarantined("accounts", 1, "port", "bad", orig_off=True),)))
    assert owner(directory) is None
    assert directory.accounts[1] == rose(term=TermSide()).__class__(
        id=1, client_id=1, name="rose", ident_by="ip", networks=both_ways.networks, term=TermSide()
    )
    directory.apply(ChangeSet((BAD, RowQuarantined("clients", 1, "balance", "is NaN", blocked=True))))
    assert directory.accounts[1] == both_ways
    assert directory.clients[1].blocked


@pytest.mark.rule("M8.10")
def test_a_bad_row_that_was_never_good_matches_nobody_and_costs_the_others_nothing() -> None:
    directory = loaded(BAD, AccountPut(rose(2)))
    assert owner(directory) == 2
    assert set(directory.quarantined) == {("accounts", 1)}
    directory.apply(ChangeSet((RowRemoved("accounts", 1),)))
    assert directory.quarantined == {}


GROUPED: list[tuple[str, list[Change], bool]] = [
    ("put then bad", [AccountPut(rose(port=5060)), BAD], True),
    ("bad then put", [BAD, AccountPut(rose(port=5060))], False),
    ("removed then bad", [RowRemoved("accounts", 1), BAD], True),
    ("bad then removed", [BAD, RowRemoved("accounts", 1)], False),
    ("removed then bad, of one that was bad before", [BAD, RowRemoved("accounts", 1), BAD], True),
]


@pytest.mark.rule("M8.10")
@pytest.mark.parametrize(("edits", "quarantined"), [row[1:] for row in GROUPED], ids=[row[0] for row in GROUPED])
def test_bad_rows_in_one_set_end_as_they_do_one_set_each(edits: list[Change], quarantined: bool) -> None:
    together, apart = loaded(AccountPut(rose())), loaded(AccountPut(rose()))
    together.apply(ChangeSet(tuple(edits)))
    for edit in edits:
        apart.apply(ChangeSet((edit,)))
    assert together.accounts == apart.accounts
    assert together.quarantined == apart.quarantined
    assert together.last_good == apart.last_good
    assert bool(together.quarantined) == quarantined


@pytest.mark.rule("M8.10", "M3.12")
def test_a_first_load_may_bring_a_bad_row_with_its_last_good_version() -> None:
    directory = Directory(oracle.proves)
    update = directory.begin(full=True)
    update.stage([AccountPut(rose(term=TermSide())), AccountPut(rose(2, client_id=2, ip="10.0.0.0/8"))])
    update.stage([RowQuarantined("accounts", 1, "port", "bad", blocked=True, term_off=True)])
    update.commit()
    assert update.tidy(1)
    assert owner(directory) == 1
    assert directory.accounts[1].blocked
    assert directory.accounts[1].term is None
    assert directory.last_good == {("accounts", 1): rose(term=TermSide())}
    assert directory.index.statistics()["term_hosts"] == 0
    directory.apply(ChangeSet((BAD,)))
    assert directory.accounts[1] == rose(term=TermSide())


@pytest.mark.rule("M8.10")
def test_a_full_set_names_its_bad_rows_and_forgets_those_that_it_does_not_name() -> None:
    directory = loaded(AccountPut(rose(1)), AccountPut(rose(2, ip="10.0.0.2")))
    other = RowQuarantined("accounts", 3, "port", "bad")
    directory.apply(ChangeSet((BAD, other)))
    directory.apply(ChangeSet((BAD,), full=True))
    assert set(directory.accounts) == {1}
    assert set(directory.quarantined) == {("accounts", 1)}


@pytest.mark.rule("M8.10")
def test_very_many_rows_go_bad_and_heal_in_slices_of_which_each_is_short() -> None:
    many = range(1, 301)
    directory = loaded(*(AccountPut(rose(number, ip=f"10.0.{number % 200}.{number % 100}")) for number in many))
    held = dict(directory.accounts)

    def tidied(changes_: list[Change], abandon: bool = False) -> list[int]:
        """How many rows are in quarantine after each slice."""
        update = directory.begin(full=False)
        update.stage(changes_)
        update.abandon() if abandon else update.commit()
        counts = []
        done = False
        while not done:
            done = update.tidy(100)
            counts.append(len(directory.quarantined))
            assert sum(directory.quarantined_counts.values()) == counts[-1]
        return counts

    bad: list[Change] = [
        RowQuarantined("accounts", number, "port" if number % 3 else "ani", "bad") for number in many
    ]
    assert set(tidied(bad, abandon=True)) == {0}
    assert tidied(bad)[:3] == [100, 200, 300]
    assert directory.quarantined_counts == {("accounts", "port"): 200, ("accounts", "ani"): 100}
    assert directory.last_good == {("accounts", number): account for number, account in held.items()}
    assert tidied([RowQuarantined("accounts", number, "ani", "bad") for number in many])[-1] == 300
    assert directory.quarantined_counts == {("accounts", "ani"): 300}
    good: list[Change] = [AccountPut(account) for account in held.values()]
    assert tidied(good)[:3] == [200, 100, 0]
    assert directory.quarantined_counts == directory.last_good == {}


MISUSE: list[tuple[str, Callable[[Directory], object]]] = [
    ("two at once", lambda directory: (directory.begin(False), directory.begin(False))),
    ("tidied before its end", lambda directory: directory.begin(False).tidy(1)),
    ("staged after its end", lambda directory: _committed(directory).stage([])),
    ("committed twice", lambda directory: _committed(directory).commit()),
]


def _committed(directory: Directory) -> Any:
    update = directory.begin(False)
    update.commit()
    return update


@pytest.mark.parametrize("misuse", [row[1] for row in MISUSE], ids=[row[0] for row in MISUSE])
def test_an_update_used_out_of_order_is_a_bug_that_shows(misuse: Callable[[Directory], object]) -> None:
    with pytest.raises(AssertionError):
        misuse(loaded())
