"""The texts against a real PostgreSQL: cheap where they run all the time."""

from collections.abc import Callable

import pytest

from loader import queries
from loader.rows import change_of
from matcher.address import network_text
from matcher.change import AccountPut, Table
from tests.loader.conftest import Session

Connect = Callable[..., Session]
ALL: tuple[str, list[str], str] = ("0", [], "9999999999")


@pytest.mark.parametrize("table", queries.TABLES)
def test_the_full_read_and_the_catch_up_say_the_same_of_a_row(billing: Session, table: Table) -> None:
    # inet arrives here as asyncpg's own values, which the loader does not use: only sameness is judged
    every = sorted(billing.rows(queries.every_row(table)), key=lambda row: row[0])
    changed = sorted(billing.rows(queries.changed_rows(table), *ALL), key=lambda row: row[0])
    assert every
    if table == "accounts":  # without a gateway: null from one, empty from the other
        every, changed = ([(*row[:17], row[17] or None, *row[18:]) for row in rows] for rows in (every, changed))
    assert every == changed


def test_the_columns_stand_in_the_order_in_which_rows_are_read(billing: Session) -> None:
    billing(
        "INSERT INTO identd.accounts (id, client_id, name, ident_by, ani, valid_from, orig_enabled, orig_cps, "
        "term_enabled, term_capacity, cps_burst) VALUES "
        "(300, 12, 'a', 'ani', '+1*', to_timestamp(1.5), true, 2.5, true, 7, 3)"
    )
    row = next(row for row in billing.rows(queries.every_row("accounts")) if row[0] == 300)
    change = change_of("accounts", row)
    assert isinstance(change, AccountPut)
    account = change.account
    assert account.orig is not None
    assert account.term is not None
    assert (account.ani, account.valid_from, account.orig.cps, account.term.capacity, account.cps_burst) == (
        "1*", 1.5, 2.5, 7, 3.0
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        (queries.NEW_CHANGES, ("99999", ["12", "13"], "999999")),
        (queries.changed_rows("accounts"), ("99999", ["12", "13"], "999999")),
        (queries.LAST_MARK, ("999999",)),
        (queries.MARK_IS_THERE, ("999", 1.0)),
    ],
)
def test_a_poll_finds_its_rows_by_index_even_before_the_first_analyze(
    billing: Session, query: str, parameters: tuple[object, ...]
) -> None:
    billing("INSERT INTO identd.changes (entity, row_id) SELECT 'accounts', g FROM generate_series(1, 20000) AS g")
    billing(queries.BEGIN_FOLLOWING)
    plan = "\n".join(row[0] for row in billing.rows("EXPLAIN " + query, *parameters))
    billing("COMMIT")
    assert "changes_xid" in plan
    assert "Seq Scan" not in plan
    assert query is not queries.LAST_MARK or "Sort" not in plan


def test_the_last_change_is_the_one_of_the_highest_id_as_a_number(billing: Session) -> None:
    billing("INSERT INTO identd.changes (xid, entity) VALUES ('99999', 'x'), ('100000', 'x')")
    assert billing.rows(queries.LAST_MARK, "999999")[0][0] == "100000"


def test_accounts_by_id_say_the_same_with_networks_as_bytes_and_no_password(billing: Session) -> None:
    billing("UPDATE identd.accounts SET ip = '{10.0.0.5/24,2001:db8::1}', password = 'idp1secret' WHERE id = 176")
    rows = billing.rows(queries.accounts_by_id(), [176, 177, 999])
    found = {row[0]: change_of("accounts", row) for row in rows}
    rose, named = found[176], found[177]
    assert len(found) == 2
    assert isinstance(rose, AccountPut)
    assert list(map(network_text, rose.account.networks)) == ["10.0.0.0/24", "2001:db8::1"]
    assert (rose.account.password, rose.account.gateway_ids) == (b"idp1", (1, 2))
    assert isinstance(named, AccountPut)
    assert (named.account.ident_name, named.account.password) == ("rose", None)
