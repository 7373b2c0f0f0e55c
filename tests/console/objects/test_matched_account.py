"""An edited account as the matcher would know it: an example of each ident type."""

from datetime import UTC, datetime

from console.objects.account import AccountDraft
from console.objects.matched_account import NEW_ACCOUNT_ID, SOME_PASSWORD, matched
from matcher.account import Account, Network, OrigSide, TermSide


def test_an_account_by_address_with_everything_set() -> None:
    draft = AccountDraft(
        client_id=12, name="rose", ident_by="ip", ip=("10.0.0.0/24", "192.0.2.1"), tech_prefix="12#", protocol="SIP",
        port=5060, proxy="edge", status="blocked", valid_from=datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
        gateway_ids=(1, 2), orig_enabled=True, orig_rate_table_id=5, routing_plan_id=6, orig_tags=("a",),
        orig_capacity=7, orig_cps=2.5, cps_burst=3.0,
    )  # fmt: skip
    assert matched(draft, 7, has_password=True) == Account(
        id=7, client_id=12, name="rose", ident_by="ip",
        networks=(Network(bytes([10, 0, 0, 0]), 24), Network(bytes([192, 0, 2, 1]), 32)), tech_prefix="12#",
        password=SOME_PASSWORD, protocol="sip", port=5060, proxy="edge", gateway_ids=(1, 2), blocked=True,
        valid_from=1.0, orig=OrigSide(5, 6, ("a",), 7, 2.5), cps_burst=3.0,
    )  # fmt: skip


def test_a_new_account_stands_behind_all_there_are_and_is_off_where_it_is_not_checked() -> None:
    new = matched(
        AccountDraft(client_id=12, name="rose", ident_by="ani", ani="+44*", term_enabled=True, term_capacity=0)
    )
    assert (new.id, new.ani, new.orig, new.term) == (NEW_ACCOUNT_ID, "44*", None, TermSide(capacity=0))
