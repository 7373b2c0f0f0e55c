"""What programs find: clients, a reseller, gateways, rate tables, routing plans and one account; and who asks."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from console.database import Database
from console.roles import Role

STOCK = """
INSERT INTO resellers (id, name) VALUES (1, 'Wholesale');
INSERT INTO rate_tables (id, name) VALUES (1, 'RT ORIG - Rose'), (2, 'RT TERM'), (3, 'RT unused');
INSERT INTO routing_plans (id, name) VALUES (1, 'DR: Complex LCR'), (2, 'DR unused');
INSERT INTO gateways (id, name) VALUES (1, 'GW Calls'), (2, 'GW unused');
INSERT INTO clients (id, name, reseller_id, balance, credit_limit) VALUES
    (1, 'Rose orig', 1, 100, 50), (2, 'Rose term', NULL, 0, 0), (3, 'Without accounts', NULL, 0, NULL);
INSERT INTO accounts (id, client_id, name, ident_by, ip, orig_enabled, orig_rate_table_id, routing_plan_id) VALUES
    (176, 1, 'rose_orig', 'ip', '{11.11.20.33}', true, 1, 1);
INSERT INTO account_gateways VALUES (176, 1);
INSERT INTO account_statistics (account_id, day, direction, calls, seconds, amount)
    VALUES (176, '2026-01-31', 'orig', 3, 600, 12.5);
SELECT setval('accounts_id_seq', 1000);
SELECT setval(pg_get_serial_sequence('identd.' || t, 'id'), 100)
    FROM unnest('{resellers,rate_tables,routing_plans,gateways,clients}'::text[]) AS t
"""

NEW_ACCOUNT: dict[str, Any] = {
    "client_id": 1,
    "name": "New account",
    "ident_by": "ip",
    "ip": ["192.0.2.1", "10.0.0.0/24"],
    "orig_enabled": True,
}


@pytest.fixture
async def stocked(store: Database) -> Database:
    """The database with all that."""
    async with store.transaction("stock") as tx:
        for statement in STOCK.split(";\n"):
            await tx.execute(statement)
    return store


@pytest.fixture
async def operator(stocked: Database, key_of: Callable[[Role], Awaitable[httpx.AsyncClient]]) -> httpx.AsyncClient:
    """A program with an operator's key."""
    return await key_of("operator")


async def version(program: httpx.AsyncClient, path: str) -> dict[str, str]:
    """If-Match for what is at the path now."""
    answer = await program.get(path)
    assert answer.status_code == 200, answer.text
    return {"if-match": answer.headers["etag"]}
