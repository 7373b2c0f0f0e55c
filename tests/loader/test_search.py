"""What migration 0007 keeps beside the accounts is true after whatever is written to them, and by whomever."""

import asyncio
from collections.abc import Callable

import asyncpg
import pytest

from loader.migrate import init_db
from tests.loader.conftest import Session

Connect = Callable[..., Session]


def kept(billing: Session) -> tuple[list[tuple[object, ...]], ...]:
    """Networks, order and total as they are kept."""
    return (
        billing.rows("SELECT account_id, network::text FROM identd.account_networks AS n ORDER BY 1, n.network"),
        billing.rows(
            "SELECT account_id, client_id, client_name, ident_by, address::text, ident FROM identd.account_order"
            " ORDER BY 1"
        ),
        billing.rows("SELECT coalesce(sum(change), 0)::int FROM identd.account_totals"),
    )


def test_networks_are_kept_as_the_daemon_matches_with_them(billing: Session) -> None:
    assert kept(billing)[0] == [(176, "11.11.20.33/32"), (178, "10.1.0.0/16")]
    billing(
        "UPDATE identd.accounts SET ip = '{192.0.2.9/24,192.0.2.0/24,::ffff:198.51.100.7,::ffff:203.0.113.0/120,"
        "::ffff:0:0/95,2001:db8::1/32,::/0,0.0.0.0/0,::ffff:0.0.0.0/96}' WHERE id = 176"
    )
    assert [network for account_id, network in kept(billing)[0] if account_id == 176] == [
        "0.0.0.0/0",
        "192.0.2.0/24",
        "198.51.100.7/32",
        "203.0.113.0/24",
        "::/0",
        "::fffe:0:0/95",
        "2001:db8::/32",
    ]


STATEMENTS = [
    "INSERT INTO identd.accounts (client_id, name, ident_by, ip) SELECT 12, 'n' || n, 'ip',"
    " ARRAY['10.0.0.0'::inet + n, '10.0.0.0/8'] FROM generate_series(1, 50) AS n",
    "UPDATE identd.accounts SET ident_by = 'ani', ip = NULL, ani = '49*' WHERE id = 176",
    "UPDATE identd.accounts SET ip = ip || '192.0.2.0/28'::inet WHERE ident_by = 'ip'",
    "UPDATE identd.accounts SET orig_capacity = 3",
    "UPDATE identd.accounts SET client_id = 13, name = name || id",
    "UPDATE identd.clients SET name = 'Iris the second' WHERE id = 13",
    "UPDATE identd.clients SET balance = balance + 1",
    "UPDATE identd.accounts SET id = 5000 WHERE id = 178",
    "UPDATE identd.accounts SET id = CASE id WHEN 177 THEN 6178 ELSE 6177 END WHERE id IN (177, 5000)",
    "DELETE FROM identd.accounts WHERE name LIKE 'n1%'",
    "INSERT INTO identd.accounts (id, client_id, name, ident_by, ani) VALUES (9, 12, 'x', 'ani', '1')"
    " ON CONFLICT (id) DO UPDATE SET ani = '2'",
    "INSERT INTO identd.accounts (id, client_id, name, ident_by, ani) VALUES (9, 12, 'x', 'ani', '1')"
    " ON CONFLICT (id) DO UPDATE SET ani = '2'",
    "WITH c AS (INSERT INTO identd.clients (name) VALUES ('New') RETURNING id) INSERT INTO identd.accounts"
    " (client_id, name, ident_by, ident_name) SELECT id, 'new', 'name', 'new' FROM c",
    "BEGIN; DELETE FROM identd.accounts; UPDATE identd.clients SET name = name || '!'; ROLLBACK",
    "DELETE FROM identd.accounts WHERE false",
    "TRUNCATE identd.accounts CASCADE",
    "INSERT INTO identd.accounts (client_id, name, ident_by, ani) VALUES (12, 'after', 'ani', '1')",
]


def test_what_is_kept_is_what_the_accounts_would_give_after_each_statement(billing: Session) -> None:
    for statement in STATEMENTS:
        billing(statement)
        found = kept(billing)
        billing("SELECT identd.refill_search()")
        assert found == kept(billing), statement
    assert found[2] == [(1,)]


def test_the_total_is_of_what_a_reader_sees_while_others_write(
    billing: Session, connect: Connect, database: str
) -> None:
    writers = [connect(database) for _ in range(2)]
    for writer in writers:
        writer("BEGIN")
        writer(
            "INSERT INTO identd.accounts (client_id, name, ident_by, ani)"
            " VALUES (12, 'by ' || pg_backend_pid(), 'ani', '1')"
        )
    assert kept(billing)[2] == [(3,)]
    billing("SELECT identd.sum_account_totals()")  # waits for nobody
    writers[0]("COMMIT")
    assert kept(billing)[2] == [(4,)]
    writers[1]("ROLLBACK")
    billing("SELECT identd.sum_account_totals()")
    assert (kept(billing)[2], billing.one("SELECT count(*) FROM identd.account_totals")) == ([(4,)], 1)


def test_rows_of_the_total_are_added_up_now_and_then(billing: Session) -> None:
    billing(
        "DO $$ BEGIN FOR n IN 1..2000 LOOP INSERT INTO identd.accounts (client_id, name, ident_by, ani)"
        " VALUES (12, 'n' || n, 'ani', n); END LOOP; END $$"
    )
    assert kept(billing)[2] == [(2003,)]
    assert billing.one("SELECT count(*) FROM identd.account_totals") < 1900


def test_an_account_that_moves_while_its_client_is_renamed_has_the_name_of_its_client(
    billing: Session, database: str
) -> None:
    async def move_while_renaming() -> None:
        mover, renamer = await asyncpg.connect(database), await asyncpg.connect(database)
        await mover.execute("BEGIN")
        await mover.execute("UPDATE identd.accounts SET client_id = 13 WHERE id = 176")
        await mover.execute(
            "INSERT INTO identd.accounts (client_id, name, ident_by, ani) VALUES (12, 'x', 'ani', '1')"
        )
        # waits for the new account of its client
        renaming = asyncio.create_task(renamer.execute("UPDATE identd.clients SET name = 'Rosa' WHERE id = 12"))
        waits = "SELECT cardinality(pg_blocking_pids($1)) > 0 FROM pg_sleep(0.01)"
        while not await mover.fetchval(waits, renamer.get_server_pid()):
            pass
        await mover.execute("COMMIT")
        await asyncio.wait_for(renaming, 20)
        await mover.close()
        await renamer.close()

    asyncio.run(move_while_renaming())
    names = billing.rows(
        "SELECT s.client_name, c.name FROM identd.account_order AS s JOIN identd.accounts AS a ON a.id = s.account_id"
        " JOIN identd.clients AS c ON c.id = a.client_id ORDER BY s.account_id"
    )
    assert names == [("Iris", "Iris"), ("Rosa", "Rosa"), ("Iris", "Iris"), ("Rosa", "Rosa")]


@pytest.mark.parametrize("is_renamed_first", [True, False])
def test_an_account_that_changes_while_its_client_is_renamed_has_the_new_name(
    billing: Session, database: str, is_renamed_first: bool
) -> None:
    change = "UPDATE identd.accounts SET ip = '{192.0.2.77}' WHERE id = 176"
    rename = "UPDATE identd.clients SET name = 'Rosa' WHERE id = 12"
    first, second = (rename, change) if is_renamed_first else (change, rename)

    async def change_and_rename() -> None:
        one, other = await asyncpg.connect(database), await asyncpg.connect(database)
        await one.execute("BEGIN")
        await one.execute(first)
        waiting = asyncio.create_task(other.execute(second))
        waits = "SELECT cardinality(pg_blocking_pids($1)) > 0 FROM pg_sleep(0.01)"
        for _ in range(500):
            if waiting.done() or await one.fetchval(waits, other.get_server_pid()):
                break
        await one.execute("COMMIT")
        await asyncio.wait_for(waiting, 20)
        await one.close()
        await other.close()

    asyncio.run(change_and_rename())
    found = kept(billing)
    assert (176, 12, "Rosa", "ip", "192.0.2.77/32", None) in found[1]
    billing("SELECT identd.refill_search()")
    assert found == kept(billing)


def test_a_balance_that_is_written_does_not_wait_for_an_account_that_changes(
    billing: Session, connect: Connect, database: str
) -> None:
    writer = connect(database)
    writer("BEGIN")
    writer("UPDATE identd.accounts SET ip = '{192.0.2.77}' WHERE id = 176")
    billing("SET lock_timeout = '5s'")
    billing("UPDATE identd.clients SET balance = balance + 1 WHERE id = 12")
    writer("COMMIT")


def test_a_plan_for_one_row_is_not_used_for_many(billing: Session) -> None:
    for statement in (
        "UPDATE identd.accounts SET ip = '{192.0.2.1}' WHERE id = 176",
        "INSERT INTO identd.accounts (client_id, name, ident_by, ip) VALUES (12, 'x', 'ip', '{192.0.2.1}')",
        "DELETE FROM identd.accounts WHERE name = 'x'",
        "SET statement_timeout = '30s'",  # a square of 20,000 rows takes minutes
        "INSERT INTO identd.accounts (client_id, name, ident_by, ip) SELECT 12, 'n' || n, 'ip',"
        " ARRAY['10.0.0.0'::inet + n] FROM generate_series(1, 20000) AS n",
        "UPDATE identd.accounts SET orig_capacity = 1",
        "UPDATE identd.accounts SET ip = ip || '192.0.2.1'::inet WHERE ident_by = 'ip'",
        "DELETE FROM identd.accounts WHERE name LIKE 'n%'",
    ):
        billing(statement)
    assert kept(billing)[2] == [(3,)]


def test_rows_written_past_the_triggers_are_found_after_a_refill(billing: Session) -> None:
    billing("SET session_replication_role = replica")
    billing("DELETE FROM identd.accounts WHERE id = 177")
    billing("UPDATE identd.accounts SET ip = '{192.0.2.1}'")
    billing("SELECT identd.refill_search()")
    networks, order, total = kept(billing)
    assert networks == [(176, "192.0.2.1/32"), (178, "192.0.2.1/32")]
    assert ([row[0] for row in order], total) == ([176, 178], [(2,)])


def test_only_the_triggers_write_it(billing: Session, connect: Connect, database: str) -> None:
    console = connect(database, role="identd_console")
    for statement in (
        "DELETE FROM identd.account_networks",
        "INSERT INTO identd.account_totals VALUES (1)",
        "UPDATE identd.account_order SET client_name = 'x'",
        "SELECT identd.refill_search()",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            console(statement)
    before = kept(billing)
    console("UPDATE identd.accounts SET ip = '{192.0.2.1}' WHERE id = 176")
    assert kept(billing) != before


def test_the_owner_of_a_database_needs_no_superuser(
    empty_database: str, database_template: str, connect: Connect
) -> None:
    superuser = connect(empty_database)
    name = superuser.one("SELECT current_database()")
    superuser("CREATE ROLE identd_test_owner")
    try:
        superuser(f'ALTER DATABASE "{name}" OWNER TO identd_test_owner')
        separator = "&" if "?" in empty_database else "?"
        assert "0007_search" in init_db(f"{empty_database}{separator}role=identd_test_owner")
        assert superuser.one("SELECT count(*) FROM pg_indexes WHERE indexname = 'accounts_texts'") == 1
    finally:
        superuser(f'ALTER DATABASE "{name}" OWNER TO CURRENT_USER')
        superuser("REASSIGN OWNED BY identd_test_owner TO CURRENT_USER; DROP OWNED BY identd_test_owner")
        superuser("DROP ROLE identd_test_owner")


def test_an_extension_that_is_there_already_is_used_where_it_is(empty_database: str, connect: Connect) -> None:
    dba = connect(empty_database)
    dba("CREATE SCHEMA extensions; CREATE EXTENSION pg_trgm SCHEMA extensions")
    init_db(empty_database)
    assert "extensions.gin_trgm_ops" in dba.one("SELECT indexdef FROM pg_indexes WHERE indexname = 'accounts_texts'")
