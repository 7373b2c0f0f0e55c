"""The filter of live calls: names as they are typed, ids as links carry them."""

import pytest

from console.database import Database
from console.errors import FieldErrors
from console.pages.call_filter import CallFilter, read_filter

ROSE = """
INSERT INTO gateways (id, name) VALUES (1, 'gw1');
INSERT INTO clients (id, name) VALUES (12, 'Rose'), (13, 'Iris');
INSERT INTO accounts (id, client_id, name, ident_by, ip, orig_enabled) VALUES
    (176, 12, 'main', 'ip', '{192.0.2.1}', true),
    (177, 13, 'main', 'ip', '{192.0.2.2}', true),
    (178, 12, 'rose_orig', 'ip', '{192.0.2.3}', true);
"""


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, CallFilter()),
        ({"client": " Rose ", "account": ""}, CallFilter(client_id=12, client="Rose")),
        ({"client": "#13"}, CallFilter(client_id=13, client="Iris")),
        ({"client_id": "12"}, CallFilter(client_id=12, client="Rose")),
        ({"client_id": "99"}, CallFilter(client_id=99, client="#99")),
        ({"account": "rose_orig"}, CallFilter(account_id=178, account="rose_orig")),
        ({"account": "176"}, CallFilter(account_id=176, account="#176")),
        ({"account": "#999"}, CallFilter(account_id=999, account="#999")),
        (
            {"account": "main", "client": "Iris"},
            CallFilter(account_id=177, account="main", client_id=13, client="Iris"),
        ),
        ({"account_id": "178", "account": "main"}, CallFilter(account_id=178, account="rose_orig")),
        ({"gateway": "gw1"}, CallFilter(gateway="gw1")),
    ],
)
async def test_names_and_ids_mean_the_same(store: Database, query: dict[str, str], wanted: CallFilter):
    await store.execute(ROSE)
    assert await read_filter(store, query) == wanted


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ({"account": "main"}, "account", "#176 (Rose) or #177 (Iris)"),
        ({"account": "rose"}, "account", "did you mean 'rose_orig'?"),
        ({"account": "rose_orig", "client": "Iris"}, "account", "no account 'rose_orig' of this client"),
        ({"account": "nobody"}, "account", "Enter a whole name, or #176."),
        ({"account_id": "rose"}, "account", "#176"),
        ({"client_id": "99999999999999999999"}, "client", "#176"),
        ({"client": "Rosa"}, "client", "did you mean 'Rose'"),
        ({"gateway": "nobody"}, "gateway", "There is no gateway of this name."),
        ({"gateway": "\u00e4" * 200}, "gateway", "There is no gateway of this name."),
        ({"gateway": "a\0b"}, "gateway", "There is no gateway of this name."),
    ],
)
async def test_what_means_nobody_is_said_at_its_field(store: Database, query: dict[str, str], field: str, said: str):
    await store.execute(ROSE)
    with pytest.raises(FieldErrors) as raised:
        await read_filter(store, query)
    assert list(raised.value.errors) == [field]
    assert said in raised.value.errors[field]


def test_a_link_carries_ids():
    assert CallFilter(account_id=178, account="rose_orig", gateway="gw1").pairs == {
        "account_id": "178", "gateway": "gw1",
    }  # fmt: skip
