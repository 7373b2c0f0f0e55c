"""Who changed what when: by client, account, actor and time, page by page, with the names that things had."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from console.database import Database
from console.errors import FieldErrors
from console.objects.audit import OF_ACCOUNTS, AuditEntry, AuditFilter, AuditPage
from console.store import audit
from console.store.audit import audited_actions, audited_actors, list_audit, write_audit

ROWS = """
INSERT INTO identd.clients (id, name) VALUES (1, 'Rose'), (2, 'Lily');
INSERT INTO identd.gateways (id, name) VALUES (5, 'gw-calls');
INSERT INTO identd.accounts (id, client_id, name, ident_by, ani) VALUES
    (10, 1, 'rose_orig', 'ani', '10'), (20, 2, 'lily', 'ani', '20');
INSERT INTO identd.account_gateways VALUES (10, 5);
INSERT INTO identd.account_statistics (account_id, day, direction, amount) VALUES (10, '2026-01-31', 'orig', 1.5)
"""


@pytest.fixture
async def rows(store: Database) -> Database:
    """Rose (1) with the account 10 at a gateway and with statistics, Lily (2) with the account 20."""
    async with store.transaction("billing") as tx:
        for statement in ROWS.split(";"):
            await tx.execute(statement)
    return store


async def _do(db: Database, statement: str, actor: str = "ann") -> None:
    async with db.transaction(actor) as tx:
        await tx.execute(statement)


def _said(page: AuditPage) -> list[tuple[str, str, int | None]]:
    return [(entry.action, entry.entity, entry.entity_id) for entry in page.entries]


async def _newest(db: Database, wanted: AuditFilter | None = None) -> AuditEntry:
    return (await list_audit(db, wanted or AuditFilter())).entries[0]


async def test_a_change_shows_who_what_before_and_after(rows: Database):
    await _do(rows, "UPDATE identd.clients SET orig_capacity = 30, status = 'blocked' WHERE id = 1")
    entry = await _newest(rows)
    assert (entry.actor, entry.action, entry.kind, entry.name) == ("ann", "update", "Client", "Rose")
    assert [(change.column, change.before, change.after) for change in entry.changes] == [
        ("status", "active", "blocked"),
        ("orig_capacity", None, "30"),
    ]


async def test_ids_stand_beside_the_names_that_they_have(rows: Database):
    await _do(rows, "UPDATE identd.accounts SET client_id = 2 WHERE id = 10")
    [change] = (await _newest(rows)).changes
    assert (change.before, change.before_name, change.after, change.after_name) == ("1", "Rose", "2", "Lily")


async def test_what_was_deleted_still_has_its_name(rows: Database):
    await _do(rows, "DELETE FROM identd.accounts WHERE id = 10")
    await _do(rows, "DELETE FROM identd.clients WHERE id = 1")
    page = await list_audit(rows, AuditFilter(account="#10", action="delete", entity="accounts"))
    [entry] = page.entries
    assert entry.name == "rose_orig"
    assert [change.before_name for change in entry.changes if change.column == "client_id"] == ["Rose"]


async def test_money_is_shown_as_it_is_written(rows: Database):
    await _do(rows, "UPDATE identd.clients SET balance = 0.1 WHERE id = 1")
    assert [change.after for change in (await _newest(rows)).changes] == ["0.100000"]


async def test_a_password_never_shows(rows: Database):
    await _do(rows, "UPDATE identd.accounts SET password = 'idp1secret' WHERE id = 10")
    await _do(rows, "UPDATE identd.gateways SET secret_hash = 'sha256$hidden' WHERE id = 5")
    shown = repr(await list_audit(rows, AuditFilter()))
    assert "secret" not in shown.replace("secret_hash", "")
    assert "hidden" not in shown
    assert [change.after for change in (await _newest(rows)).changes] == ["set"]


async def test_a_client_s_history_has_its_accounts_their_gateways_and_their_statistics_and_nobody_else_s(
    rows: Database,
):
    assert _said(await list_audit(rows, AuditFilter(client="Rose"))) == [
        ("insert", "account_statistics", 10),
        ("insert", "account_gateways", 10),
        ("insert", "accounts", 10),
        ("insert", "clients", 1),
    ]


async def test_a_client_s_history_keeps_deleted_accounts_with_all_that_went_with_them(rows: Database):
    await _do(rows, "DELETE FROM identd.accounts WHERE id = 10")
    page = await list_audit(rows, AuditFilter(client="#1", actor="ann"))
    assert sorted(_said(page)) == [
        ("delete", "account_gateways", 10),
        ("delete", "account_statistics", 10),
        ("delete", "accounts", 10),
        ("update", "clients", 1),  # the refund
    ]
    assert _said(await list_audit(rows, AuditFilter(client="Lily", actor="ann"))) == []


async def test_an_account_that_moved_is_in_each_client_s_history_while_it_was_its_own(rows: Database):
    await _do(rows, "UPDATE identd.accounts SET tech_prefix = '1#' WHERE id = 10")
    await _do(rows, "UPDATE identd.accounts SET client_id = 2 WHERE id = 10")
    await _do(rows, "UPDATE identd.accounts SET tech_prefix = '2#' WHERE id = 10")
    await _do(rows, "DELETE FROM identd.account_gateways WHERE account_id = 10")

    def columns(page: AuditPage) -> list[list[str]]:
        return [[change.column for change in entry.changes] for entry in page.entries]

    assert columns(await list_audit(rows, AuditFilter(client="Rose", actor="ann"))) == [
        ["client_id"],
        ["tech_prefix"],
    ]
    assert columns(await list_audit(rows, AuditFilter(client="Lily", actor="ann"))) == [
        ["account_id", "gateway_id"],
        ["tech_prefix"],
        ["client_id"],
    ]


async def test_a_truncated_table_leaves_each_client_its_history(rows: Database):
    await _do(rows, "TRUNCATE identd.accounts CASCADE")
    assert ("truncate", "accounts", 20) in _said(await list_audit(rows, AuditFilter(client="Lily")))


async def test_an_account_s_history_has_its_gateways_and_its_calls(rows: Database):
    async with rows.transaction("ann") as tx:
        await write_audit(tx, "release", "calls", 10, before={"call_id": "a"})
    assert _said(await list_audit(rows, AuditFilter(account="rose_orig"))) == [
        ("release", "calls", 10),
        ("insert", "account_statistics", 10),
        ("insert", "account_gateways", 10),
        ("insert", "accounts", 10),
    ]


async def test_accounts_of_one_name_are_looked_at_together_unless_a_client_is_named(rows: Database):
    await _do(
        rows, "INSERT INTO identd.accounts (id, client_id, name, ident_by, ani) VALUES (30, 1, 'lily', 'ani', '3')"
    )
    both = await list_audit(rows, AuditFilter(account="lily"))
    assert sorted(entry.entity_id or 0 for entry in both.entries) == [20, 30]
    one = await list_audit(rows, AuditFilter(account="lily", client="Rose"))
    assert [entry.entity_id for entry in one.entries] == [30]


async def test_who_was_deleted_is_found_by_name(rows: Database):
    await _do(rows, "DELETE FROM identd.accounts WHERE id = 20")
    await _do(rows, "DELETE FROM identd.clients WHERE id = 2")
    assert _said(await list_audit(rows, AuditFilter(client="Lily")))[0] == ("delete", "clients", 2)
    assert _said(await list_audit(rows, AuditFilter(account="lily")))[0] == ("delete", "accounts", 20)


@pytest.mark.parametrize("wanted", [AuditFilter(client="Rosa"), AuditFilter(account="'; DROP TABLE x; --")])
async def test_a_name_that_never_was_is_said_at_its_field(rows: Database, wanted: AuditFilter):
    with pytest.raises(FieldErrors) as caught:
        await list_audit(rows, wanted)
    assert list(caught.value.errors) == ["client" if wanted.client else "account"]


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (AuditFilter(), 7),
        (AuditFilter(actor="billing"), 7),
        (AuditFilter(actor="bill"), 0),
        (AuditFilter(entity="clients"), 2),
        (AuditFilter(entity="clients", entity_id=2), 1),
        (AuditFilter(action="insert", entity="gateways"), 1),
        (AuditFilter(action="delete"), 0),
        (AuditFilter(client="#99"), 0),
        (AuditFilter(client="99999999999999999"), 0),
        (AuditFilter(since=datetime.now(UTC) + timedelta(days=1)), 0),
        (AuditFilter(until=datetime(2026, 1, 1, tzinfo=UTC)), 0),
        (AuditFilter(client="Rose", until=datetime(2020, 1, 1, tzinfo=UTC)), 0),
        (AuditFilter(client="Rose", entity="accounts", action="insert", actor="billing"), 1),
        (AuditFilter(account="lily", since=datetime(2020, 1, 1, tzinfo=UTC)), 1),
    ],
)
async def test_all_that_is_asked_holds(rows: Database, wanted: AuditFilter, count: int):
    assert len((await list_audit(rows, wanted)).entries) == count


@pytest.mark.parametrize("wanted", [AuditFilter(), AuditFilter(client="Rose"), AuditFilter(account="rose_orig")])
async def test_pages_go_to_the_oldest_and_back_without_a_gap(rows: Database, wanted: AuditFilter):
    def of(size: int, before: int | None = None, after: int | None = None) -> AuditFilter:
        return AuditFilter(client=wanted.client, account=wanted.account, size=size, before=before, after=after)

    everything = [entry.id for entry in (await list_audit(rows, of(50))).entries]
    page = await list_audit(rows, of(2))
    assert page.newer is None
    pages, seen = [page], [entry.id for entry in page.entries]
    while page.older is not None:
        page = await list_audit(rows, of(2, before=page.older))
        pages.append(page)
        seen += [entry.id for entry in page.entries]
    assert seen == everything
    while page.newer is not None:
        pages.pop()
        page = await list_audit(rows, of(2, after=page.newer))
        assert page.entries == pages[-1].entries
    assert len(pages) == 1


async def test_what_is_written_by_hand_has_its_actor_and_holds_whatever_a_switch_said(store: Database):
    async with store.transaction("ann") as tx:
        await write_audit(
            tx,
            "release",
            "calls",
            77,
            before={"call_id": "a\0b\udc80", "seconds": Decimal("1.5"), "since": datetime(2026, 1, 31, tzinfo=UTC)},
        )
    entry = await _newest(store)
    assert (entry.actor, entry.action, entry.kind, entry.account_id) == ("ann", "release", "Call", 77)
    assert {change.column: change.before for change in entry.changes} == {
        "call_id": "a�b?",
        "seconds": "1.5",
        "since": "2026-01-31T00:00:00Z",
    }


async def test_an_entry_without_values_is_one(store: Database):
    async with store.transaction("ann") as tx:
        await write_audit(tx, "login", "console_users", 3)
    assert (await _newest(store)).changes == ()


@pytest.mark.parametrize("client_id", ["'x'", "-1", "1e30", "null", "[1]", '"1; DROP"'])
async def test_a_row_written_by_hand_may_name_any_client(store: Database, client_id: str):
    value = '{"client_id": "x"}' if client_id == "'x'" else f'{{"client_id": {client_id}}}'
    await store.execute(
        "INSERT INTO identd.audit_log (actor, action, entity, entity_id, after) VALUES ('x', 'y', 'accounts', 1, $1)",
        value,
    )
    assert await store.value("SELECT count(*) FROM identd.audit_clients") == 0


async def test_actors_and_actions_are_offered_once_each(rows: Database):
    await _do(rows, "UPDATE identd.clients SET status = 'blocked'")
    assert await audited_actors(rows) == ("ann", "billing")
    assert await audited_actions(rows) == ("insert", "update")


async def test_an_empty_log_is_an_empty_page(store: Database):
    assert await list_audit(store, AuditFilter()) == AuditPage(entries=())
    assert await audited_actors(store) == ()


@pytest.mark.parametrize(
    "wanted",
    [
        AuditFilter(),
        AuditFilter(actor="ann"),
        AuditFilter(action="delete"),
        AuditFilter(entity="clients"),
        AuditFilter(entity="clients", entity_id=1),
        AuditFilter(since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 2, 1, tzinfo=UTC)),
        AuditFilter(before=3),
        AuditFilter(after=3),
        AuditFilter(client="Rose", before=3),
        AuditFilter(account="rose_orig", since=datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
async def test_a_page_is_read_off_the_front_of_an_index_and_nothing_else_is_sorted(
    rows: Database, wanted: AuditFilter
):
    question = audit._Question(wanted, datetime.now(UTC) if wanted.before or wanted.after else None)
    statement = question.statement([1] if wanted.client else None, [10] if wanted.account else None)
    async with rows.transaction("ann", readonly=True) as tx:
        # a table of seven rows is read whole by any planner in its senses
        await tx.execute("SET LOCAL enable_seqscan = off")
        await tx.execute("SET LOCAL enable_bitmapscan = off")
        lines = [row[0] for row in await tx.fetch(f"EXPLAIN {statement}", *question.values)]
    plan = "\n".join(lines)
    assert "Seq Scan" not in plan
    assert plan.count("Index") >= (len(OF_ACCOUNTS) if wanted.account else 1)
    if not wanted.account:
        assert "Sort" not in plan, plan
