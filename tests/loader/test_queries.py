"""The texts against a real PostgreSQL: cheap where they run all the time."""

from collections.abc import Callable

import pytest

from loader import queries
from loader.rows import change_of
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


def test_new_changes_are_found_by_index_even_before_the_first_analyze(billing: Session) -> None:
    billing("INSERT INTO identd.changes (entity, row_id) SELECT 'accounts', g FROM generate_series(1, 20000) AS g")
    billing(queries.BEGIN_FOLLOWING)
    plan = "\n".join(
        row[0] for row in billing.rows("EXPLAIN " + queries.NEW_CHANGES, "99999", ["12", "13"], "999999")
    )
    billing("COMMIT")
    assert "changes_xid" in plan
    assert "Seq Scan" not in plan
