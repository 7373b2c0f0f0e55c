"""What imports start from: two clients, a vendor, gateways, rate tables, a routing plan, and some accounts."""

import pytest

from console.database import Database

STOCK = """
INSERT INTO clients (id, name, client_type) VALUES (1, 'Rose orig', 'client'), (2, 'Rose term', 'client'),
    (3, 'Ünïcode; "quoted", Ltd', 'reseller');
INSERT INTO gateways (id, name) VALUES (1, 'GW Calls'), (2, 'GW; two');
INSERT INTO rate_tables (id, name) VALUES (1, 'RT ORIG - Rose'), (2, 'RT TERM');
INSERT INTO routing_plans (id, name) VALUES (1, 'DR: Complex LCR');
INSERT INTO accounts (id, client_id, name, ident_by, ip, tech_prefix, notes, orig_enabled, orig_rate_table_id,
    routing_plan_id, orig_tags, orig_capacity, orig_cps) VALUES
    (176, 1, 'rose_orig', 'ip', '{11.11.20.33,10.0.0.0/24}', '1234#', E'two\\nlines, "quoted"', true, 1, 1,
    '{gold,a;b}', 10, 2.5);
INSERT INTO accounts (id, client_id, name, ident_by, ident_name, term_enabled, proxy, protocol, port, status,
    valid_from, valid_until) VALUES
    (177, 2, 'rose_term', 'name', '=SUM(A1)', true, 'sip.example.net', 'sip', 5060, 'blocked',
    '2026-01-01T00:00:00Z', '2027-01-01T12:30:00.5Z');
INSERT INTO accounts (id, client_id, name, ident_by, ani, orig_enabled) VALUES
    (178, 3, 'numbers', 'ani', '+4420*', true);
INSERT INTO account_gateways VALUES (176, 1), (176, 2);
SELECT setval('accounts_id_seq', 1000);
"""


@pytest.fixture
async def stocked(store: Database) -> Database:
    """A database with the accounts of the article and what they refer to."""
    async with store.transaction("test") as tx:
        for statement in STOCK.split(";\n"):
            if statement.strip():
                await tx.execute(statement)
    return store
