"""The schema keeps its promises to billing: what it refuses, records, audits, gives back, and to whom."""

from collections.abc import Callable

import asyncpg
import pytest

from tests.loader.conftest import Session

Connect = Callable[..., Session]

ACCOUNT = {
    "client_id": "12",
    "name": "'x'",
    "ident_by": "'ip'",
    "ip": "'{192.0.2.1}'",
}
NAMED = {**ACCOUNT, "ident_by": "'name'", "ip": "NULL", "ident_name": "'x'"}
BAD_ACCOUNTS = [
    {"ident_by": "'mac'"},
    {"ip": "NULL"},
    {"ip": "'{}'"},
    {"ip": "ARRAY[NULL]::inet[]"},
    {"ip": "'{{192.0.2.1},{192.0.2.2}}'"},
    {"ip": "(SELECT array_agg('10.0.0.0'::inet + g) FROM generate_series(1, 4097) AS g)"},
    {"ident_name": "'x'"},
    {"ani": "'1'"},
    {"ident_by": "'name'"},
    {"ident_by": "'ani'"},
    {"ident_by": "'ani'", "ip": "NULL", "ani": "''"},
    {"ident_by": "'ani'", "ip": "NULL", "ani": "'+'"},
    {"ident_by": "'name'", "ip": "NULL", "ident_name": "''"},
    {"ident_by": "'name'", "ip": "NULL", "ident_name": "repeat('é', 128)"},
    {"name": "''"},
    {"name": "repeat('x', 256)"},
    {"client_id": "999"},
    {"client_id": "NULL"},
    {"id": "0"},
    {"tech_prefix": "''"},
    {"tech_prefix": "'12 '"},
    {"tech_prefix": "'é'"},
    {"tech_prefix": "E'12\\n'"},
    {"tech_prefix": "repeat('1', 256)"},
    {"port": "0"},
    {"port": "65536"},
    {"protocol": "''"},
    {"proxy": "repeat('x', 256)"},
    {"password": "''::bytea"},
    {"password": "'hunter2'"},
    {"password": "'idp1' || repeat('x', 4093)::bytea"},
    {"status": "'archived'"},
    {"valid_from": "now()", "valid_until": "now() - interval '1 s'"},
    {"orig_capacity": "-1"},
    {"term_capacity": "-1"},
    {"orig_cps": "-0.1"},
    {"orig_cps": "'NaN'"},
    {"term_cps": "'Infinity'"},
    {"cps_burst": "0.5"},
    {"orig_tags": "NULL"},
    {"orig_tags": "ARRAY['']"},
    {"term_tags": "ARRAY[NULL::text]"},
    {"term_tags": "array_fill('x'::text, ARRAY[65])"},
    {"orig_rate_table_id": "999"},
    {"routing_plan_id": "999"},
]
BAD_OTHERS = [
    "identd.resellers (name, status) VALUES ('x', 'archived')",
    "identd.resellers (name, orig_capacity) VALUES ('x', -1)",
    "identd.clients (name, status) VALUES ('x', 'gone')",
    "identd.clients (name, balance) VALUES ('x', 'NaN')",
    "identd.clients (name, credit_limit) VALUES ('x', 'NaN')",
    "identd.clients (name, credit_limit) VALUES ('x', 1e12)",
    "identd.clients (name, low_balance_threshold) VALUES ('x', -1e12)",
    "identd.clients (name, low_balance_capacity) VALUES ('x', -1)",
    "identd.clients (name, orig_cps) VALUES ('x', 'NaN')",
    "identd.clients (name, cps_burst) VALUES ('x', 0)",
    "identd.clients (name, client_type) VALUES ('x', '')",
    "identd.clients (name, reseller_id) VALUES ('x', 99)",
    "identd.gateways (name, addresses) VALUES ('x', '{}')",
    "identd.gateways (name, secret_hash) VALUES ('x', '')",
    "identd.gateways (name, ident_order) VALUES ('x', '{}')",
    "identd.gateways (name, ident_order) VALUES ('x', '{ip,ip}')",
    "identd.gateways (name, ident_order) VALUES ('x', '{ip,mac}')",
    "identd.gateways (name, ident_order) VALUES ('x', ARRAY['ip', NULL])",
    "identd.gateways (name, on_ambiguous) VALUES ('x', 'last')",
    "identd.gateways (name, reserve_seconds) VALUES ('x', 0)",
    "identd.gateways (name, active_seconds) VALUES ('x', 0)",
    "identd.gateways (name, sip_codes) VALUES ('x', '[]')",
    "identd.gateways (name, sip_codes) VALUES ('x', '{\"no_credit\": 200}')",
    "identd.gateways (name, sip_codes) VALUES ('x', '{\"no_credit\": 403.5}')",
    "identd.gateways (name, sip_codes) VALUES ('x', '{\"no_credit\": 486.0}')",
    "identd.gateways (name, sip_codes) VALUES ('x', '{\"no_credit\": 1e5000}')",
    "identd.gateways (name, ident_order) VALUES ('x', '{{name,ip}}')",
    "identd.gateways (name, sip_codes) VALUES ('x', '{\"no_credit\": \"403\"}')",
    "identd.gateways (name, sip_codes) VALUES ('x', '{\"no_such_reason\": 403}')",
    "identd.account_gateways VALUES (176, 99)",
    "identd.account_statistics (account_id, day, direction) VALUES (176, now(), 'both')",
    "identd.account_statistics (account_id, day, direction) VALUES (999, now(), 'orig')",
    "identd.account_statistics (account_id, day, direction, calls) VALUES (176, now(), 'orig', -1)",
]
REFUSALS = (
    asyncpg.CheckViolationError, asyncpg.NotNullViolationError, asyncpg.ForeignKeyViolationError, asyncpg.DataError
)  # fmt: skip


def insert(columns: dict[str, str]) -> str:
    return f"identd.accounts ({', '.join(columns)}) VALUES ({', '.join(columns.values())})"


@pytest.mark.rule("M1.5")
def test_what_the_daemon_would_have_to_quarantine_is_refused(billing: Session) -> None:
    accepted = []
    for values in [insert({**ACCOUNT, **bad}) for bad in BAD_ACCOUNTS] + BAD_OTHERS:
        try:
            billing(f"INSERT INTO {values}")
        except REFUSALS:
            continue
        accepted.append(values)
    assert accepted == []


@pytest.mark.rule("M2.12", "M2.14")
def test_what_the_contract_allows_is_accepted(billing: Session) -> None:
    for number, good in enumerate(
        [
            {**ACCOUNT, "ip": "'{192.0.2.1/24,2001:db8::/32,::ffff:10.0.0.1}'", "tech_prefix": "'1234#*+aZ'"},
            {**ACCOUNT, "ip": "(SELECT array_agg('10.0.0.0'::inet + g) FROM generate_series(1, 4096) AS g)"},
            {
                **NAMED,
                "ident_name": "repeat('é', 127)",
                "password": "'idp1' || repeat('x', 4092)::bytea",
                "port": "65535",
            },
            {**ACCOUNT, "ident_by": "'ani'", "ip": "NULL", "ani": "'+49*'"},
            {**ACCOUNT, "ident_by": "'ani'", "ip": "NULL", "ani": "'*'", "orig_capacity": "0", "orig_cps": "0"},
            {**ACCOUNT, "valid_from": "'-infinity'", "valid_until": "'infinity'", "orig_tags": "'{a,b}'"},
        ]
    ):
        billing("INSERT INTO " + insert({**good, "name": f"'name {number}'"}))
    billing(
        "INSERT INTO identd.gateways (name, ident_order, sip_codes) VALUES ('x', '{ani}', '{\"no_credit\": 4.86e2}')"
    )
    assert billing.one("SELECT array_to_string(ident_order, ',') FROM identd.gateways WHERE id = 1") == "name,ip,ani"
    assert billing.rows("SELECT reserve_seconds, active_seconds, on_ambiguous FROM identd.gateways WHERE id = 1") == [
        (120, 14400, "first")
    ]


@pytest.mark.parametrize(
    "values",
    [
        "identd.resellers (name) VALUES ('North')",
        "identd.clients (name) VALUES ('Rose')",
        "identd.gateways (name) VALUES ('gw1')",
        insert({**ACCOUNT, "name": "'rose_orig'"}),
    ],
)
def test_a_name_is_used_once_and_an_account_s_once_in_its_client(billing: Session, values: str) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        billing(f"INSERT INTO {values}")
    billing("INSERT INTO " + insert({**ACCOUNT, "client_id": "13", "name": "'rose_orig'"}))


def test_one_statement_rings_once_and_records_every_row_with_its_transaction(billing: Session) -> None:
    rung: list[str] = []
    billing._runner.run(billing.connection.add_listener("identd", lambda *heard: rung.append(heard[3])))
    billing("DELETE FROM identd.changes")
    billing("UPDATE identd.accounts SET orig_capacity = 3")
    billing("SELECT 1")
    assert rung == [""]
    recorded = billing.rows("SELECT entity, row_id FROM identd.changes ORDER BY row_id")
    assert recorded == [("accounts", 176), ("accounts", 177), ("accounts", 178)]
    assert billing.one("SELECT count(DISTINCT xid) FROM identd.changes") == 1
    billing("UPDATE identd.accounts SET orig_capacity = 3 WHERE id = 9999")
    billing("SELECT 1")
    assert rung == [""]


def test_changes_of_a_binding_are_changes_of_its_account(billing: Session) -> None:
    billing("DELETE FROM identd.changes")
    billing("DELETE FROM identd.account_gateways")
    assert billing.rows("SELECT entity, row_id FROM identd.changes") == [("accounts", 176)]


STATISTICS = """
INSERT INTO identd.account_statistics (account_id, day, direction, amount) VALUES
    (176, '2026-01-01', 'orig', 1.5), (176, '2026-01-02', 'orig', 2.25), (177, '2026-01-01', 'term', 4),
    (178, '2026-01-01', 'orig', 8.000001)
"""


@pytest.mark.rule("M8.14")
@pytest.mark.parametrize(
    ("sql", "rose", "iris"),
    [
        ("DELETE FROM identd.accounts WHERE id = 176", "104.000000", "0.000000"),
        ("DELETE FROM identd.accounts", "108.000000", "8.000001"),
        ("TRUNCATE identd.accounts CASCADE", "108.000000", "8.000001"),
        (
            "WITH d AS (DELETE FROM identd.accounts WHERE id <> 177 RETURNING 1) SELECT * FROM d",
            "104.000000",
            "8.000001",
        ),
        ("BEGIN; DELETE FROM identd.accounts; ROLLBACK", "100.250000", "0.000000"),
        ("DELETE FROM identd.account_statistics", "100.250000", "0.000000"),
        ("SET ROLE identd_console; DELETE FROM identd.accounts WHERE id = 177; RESET ROLE", "104.250000", "0.000000"),
    ],
)
def test_deleting_accounts_gives_back_what_was_charged(billing: Session, sql: str, rose: str, iris: str) -> None:
    billing(STATISTICS)
    billing(sql)
    balances = dict(billing.rows("SELECT id, balance::text FROM identd.clients"))
    assert balances == {12: rose, 13: iris}
    orphans = (
        "SELECT count(*) FROM identd.account_statistics WHERE account_id NOT IN (SELECT id FROM identd.accounts)"
    )
    assert billing.one(orphans) == 0


@pytest.mark.rule("M8.14")
def test_a_refund_is_in_the_audit_log_with_the_deletion(billing: Session) -> None:
    billing(STATISTICS)
    billing("SET identd.actor = 'clerk'")
    billing("DELETE FROM identd.accounts WHERE id = 176")
    written = billing.rows(
        "SELECT action, entity, entity_id FROM identd.audit_log WHERE actor = 'clerk' ORDER BY 1, 2, 3"
    )
    assert written == [
        ("delete", "account_gateways", 176),
        ("delete", "account_gateways", 176),
        ("delete", "account_statistics", 176),
        ("delete", "account_statistics", 176),
        ("delete", "accounts", 176),
        ("update", "clients", 12),
    ]


def test_a_client_with_accounts_and_a_bound_gateway_cannot_be_deleted(billing: Session) -> None:
    for sql in ("DELETE FROM identd.clients WHERE id = 12", "DELETE FROM identd.gateways WHERE id = 2"):
        # PostgreSQL 18 tells RESTRICT from other foreign keys
        with pytest.raises((asyncpg.ForeignKeyViolationError, asyncpg.RestrictViolationError)):
            billing(sql)


def test_every_change_is_audited_with_its_actor_and_what_differs(billing: Session, connect: Connect) -> None:
    billing("UPDATE identd.clients SET balance = 7, name = name WHERE id = 12")
    billing("UPDATE identd.clients SET name = name")
    newest = (
        "SELECT actor, action, entity, entity_id, before::text, after::text FROM identd.audit_log ORDER BY id DESC"
    )
    role = billing.one("SELECT session_user")
    assert billing.rows(newest)[0] == (
        role, "update", "clients", 12, '{"balance": 100.250000}', '{"balance": 7.000000}'
    )  # fmt: skip
    billing("SET ROLE identd_console; INSERT INTO identd.rate_tables (name) VALUES ('RT'); RESET ROLE")
    assert billing.rows(newest)[0][:3] == ("identd_console", "insert", "rate_tables")


def test_no_secret_reaches_the_audit_log(billing: Session) -> None:
    billing("UPDATE identd.accounts SET password = 'idp1 hidden one' WHERE id = 177")
    billing("UPDATE identd.accounts SET password = 'idp1 hidden two' WHERE id = 177")
    billing("UPDATE identd.gateways SET secret_hash = 'hidden three'")
    billing("DELETE FROM identd.accounts")
    billing("INSERT INTO identd.gateways (name, secret_hash) VALUES ('gw3', 'hidden four')")
    billing("BEGIN; TRUNCATE identd.gateways CASCADE; COMMIT")
    text = billing.one("SELECT string_agg(concat(before, after), ' ') FROM identd.audit_log")
    assert "hidden" not in text
    assert b"hidden".hex() not in text
    seen = billing.rows(
        "SELECT before ->> 'password', after ->> 'password' FROM identd.audit_log "
        "WHERE action = 'update' AND entity = 'accounts' ORDER BY id"
    )
    assert seen == [(None, "set"), ("set", "changed")]


@pytest.mark.parametrize("sql", ["UPDATE {} SET actor = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_audit_log_is_never_changed_not_even_by_its_owner(billing: Session, sql: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="never changed"):
        billing(sql.format("identd.audit_log"))


TABLES = [
    "resellers", "clients", "rate_tables", "routing_plans", "gateways", "accounts", "account_gateways",
    "account_statistics", "audit_log", "changes", "changes_horizon", "migrations",
]  # fmt: skip
READABLE = {
    "resellers",
    "clients",
    "gateways",
    "accounts",
    "account_gateways",
    "changes",
    "changes_horizon",
    "migrations",
}


def denied(session: Session, sql: str) -> bool:
    try:
        session(sql)
    except asyncpg.InsufficientPrivilegeError:
        return True
    except asyncpg.PostgresError:
        return False
    return False


def test_the_reader_reads_what_decides_and_can_do_nothing_else(billing: Session) -> None:
    billing("SET ROLE identd_reader")
    readable = {table for table in TABLES if not denied(billing, f"SELECT * FROM identd.{table}")}
    assert readable == READABLE
    for sql in ("INSERT INTO {} DEFAULT VALUES", "DELETE FROM {}", "TRUNCATE {} CASCADE"):
        assert all(denied(billing, sql.format(f"identd.{table}")) for table in TABLES), sql
    for sql in ("CREATE TABLE identd.x ()", "CREATE SCHEMA x", "SELECT identd.prune_changes(1)", "CREATE ROLE x"):
        assert denied(billing, sql), sql
    grants = "SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = 'identd_reader' "
    billing("RESET ROLE")
    assert billing.one(grants + "AND privilege_type <> 'SELECT'") == 0


def test_the_console_edits_what_operators_edit_and_only_adds_to_the_audit_log(billing: Session) -> None:
    grants = dict(
        billing.rows(
            "SELECT table_name::text, string_agg(left(privilege_type, 1), '' ORDER BY privilege_type) "
            "FROM information_schema.role_table_grants WHERE grantee = 'identd_console' GROUP BY 1"
        )
    )
    edited = dict.fromkeys(
        ["resellers", "clients", "rate_tables", "routing_plans", "gateways", "accounts", "account_gateways"], "DISU"
    )
    people = dict.fromkeys(["users", "links", "sessions", "keys", "key_uses", "codes", "delays", "sites"], "DISU")
    own = {f"console_{table}": privileges for table, privileges in people.items()}
    kept_by_triggers = dict.fromkeys(["account_networks", "account_order", "account_totals", "audit_clients"], "S")
    under_way = dict.fromkeys(["imports", "import_lines", "import_parts", "api_requests"], "DISU")
    history = {"account_statistics": "S", "migrations": "S", "audit_log": "IS"}
    assert grants == {**edited, **own, **kept_by_triggers, **under_way, **history}


def test_pruning_takes_only_what_every_reader_of_the_last_day_has_seen(billing: Session, connect: Connect) -> None:
    open_for_days = connect(billing.dsn)
    open_for_days("BEGIN; UPDATE identd.clients SET balance = 1 WHERE id = 12")
    for _ in range(3):
        billing("UPDATE identd.changes_horizon SET next_at = now()")
        billing("UPDATE identd.accounts SET notes = notes || 'x' WHERE id = 176")
    xid = open_for_days.one("SELECT pg_current_xact_id()::text::bigint")
    assert billing.one("SELECT pruned_below::text::bigint FROM identd.changes_horizon") <= xid
    open_for_days("COMMIT")
    assert (
        billing.one("SELECT count(*) FROM identd.changes WHERE entity = 'clients' AND xid::text = $1", str(xid)) == 1
    )
    below = "SELECT count(*) FROM identd.changes, identd.changes_horizon WHERE xid < pruned_below"
    assert billing.one(below) == 0
