"""A row as an account and back; that every column counts in the etag is in test_accounts.py."""

from console.database import Database
from console.objects.account import AccountDraft
from console.store.account_columns import WRITTEN, networks_of, values_of


def test_networks_are_canonical_each_once_in_the_order_written() -> None:
    texts = ["10.0.0.9/24", "192.0.2.1/32", "10.0.0.0/24", "::ffff:192.0.2.1/128", "2001:DB8::/32"]
    assert networks_of(texts) == ("10.0.0.0/24", "192.0.2.1", "2001:db8::/32")
    assert networks_of(["nonsense"]) == ("nonsense",)


def test_a_draft_is_written_column_by_column_without_its_gateways() -> None:
    draft = AccountDraft(client_id=1, name="x", ident_by="ip", ip=("10.0.0.0/8",), gateway_ids=(1,), orig_tags=("a",))
    written = dict(zip(WRITTEN, values_of(draft), strict=True))
    assert "gateway_ids" not in written
    assert (written["ip"], written["orig_tags"], written["term_tags"]) == (("10.0.0.0/8",), ("a",), ())
    assert values_of(AccountDraft(client_id=1, name="x", ident_by="name"))[WRITTEN.index("ip")] is None


async def test_the_columns_written_are_those_of_the_table(store: Database) -> None:
    columns = await store.fetch(
        "SELECT attname FROM pg_attribute"
        " WHERE attrelid = 'identd.accounts'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    assert {row["attname"] for row in columns} == {"id", "password", *WRITTEN}
