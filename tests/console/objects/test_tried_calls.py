"""The calls that are tried: each is one that the account, or the account and a neighbour together, ask for."""

from typing import Any

import pytest

from console.objects.account import AccountDraft
from console.objects.matched_account import matched
from console.objects.tried_calls import CALLS_MAX, TriedCall, calls_to_try, proves
from matcher.account import Account, IdentType
from matcher.address import address_text
from matcher.attempt import CallAttempt, ClearPassword


def account(number: int, *, has_password: bool = False, **columns: Any) -> Account:
    ident_by: IdentType = "ip" if "ip" in columns else "name" if "ident_name" in columns else "ani"
    one = AccountDraft(client_id=1, name="a", ident_by=ident_by, **{"orig_enabled": True, **columns})
    return matched(one, number, has_password=has_password)


def tried(mine: Account, *others: Account) -> list[TriedCall]:
    return calls_to_try([mine], others)[0]


def test_the_conditions_of_both_together_are_tried() -> None:
    calls = tried(
        account(1, ip=("10.0.0.1",), port=5060), account(2, ip=("10.0.0.1",), protocol="sip", tech_prefix="12")
    )
    assert {(call.tech_prefix, call.port, call.protocol) for call in calls} == {
        ("", 5060, None), ("12", None, "sip"), ("12", 5060, "sip"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [{"port": 5070}, {"protocol": "h323", "port": 5060}, {"tech_prefix": "2"}, {"gateway_ids": (3,)}],
)
def test_conditions_that_no_call_fulfils_together_are_not_joined(other: dict[str, Any]) -> None:
    mine = account(1, ip=("10.0.0.1",), port=5060, protocol="sip", tech_prefix="1", gateway_ids=(1, 2))
    assert len(tried(mine, account(2, ip=("10.0.0.1",), **other))) == 3, "two gateways of one, and the other"


def test_a_call_from_a_network_keeps_clear_of_the_narrower_ones() -> None:
    calls = tried(account(1, ip=("10.0.0.0/24",)), account(2, ip=("10.0.0.0", "10.0.0.1")))
    assert {call.at: address_text(call.attempt.address or b"") for call in calls} == {
        "10.0.0.0": "10.0.0.0", "10.0.0.1": "10.0.0.1", "10.0.0.0/24": "10.0.0.2",
    }  # fmt: skip


def test_a_number_keeps_clear_of_longer_prefixes() -> None:
    calls = tried(account(1, ani="44*", tech_prefix="1"), account(2, ani="445*", tech_prefix="15"))
    (short,) = {call.attempt.ani for call in calls if call.at == "44*"}
    assert short is not None
    assert short.startswith("44")
    assert not short.startswith("445")
    (apart,) = [call for call in calls if call.at == "445*" and call.tech_prefix == "1"]
    assert apart.attempt.dnis.startswith("1")
    assert not apart.attempt.dnis.startswith("15")


def test_on_the_way_out_the_called_number_is_the_place_and_has_the_prefix() -> None:
    out: dict[str, Any] = {"orig_enabled": False, "term_enabled": True}
    (call,) = tried(account(1, ani="4420", tech_prefix="44", **out))
    assert (call.attempt.dnis, call.attempt.ani) == ("4420", None)
    assert tried(account(1, ani="4420", tech_prefix="9", **out)) == [], "no number is both"
    (call,) = tried(account(1, ani="44*", tech_prefix="4420", **out))
    assert call.attempt.dnis.startswith("4420")


def test_a_name_is_tried_vouched_for_and_with_each_password() -> None:
    calls = tried(account(1, ident_name="rose", has_password=True), account(2, ident_name="rose"))
    assert {(call.proves, call.attempt.name_verified) for call in calls} == {(None, True), (1, False)}


def test_a_tried_call_proves_the_password_of_one_account_only() -> None:
    attempt = CallAttempt("orig", "1", name="rose", credentials=ClearPassword("1"))
    assert proves(account(1, ident_name="rose"), attempt)
    assert not proves(account(2, ident_name="rose"), attempt)
    assert not proves(None, attempt)
    assert not proves(account(1, ident_name="rose"), CallAttempt("orig", "1", name="rose"))


def test_an_account_that_is_off_is_not_tried() -> None:
    assert tried(account(1, ip=("10.0.0.1",), orig_enabled=False)) == []


def test_there_is_a_bound_and_what_was_left_out_is_counted() -> None:
    networks = tuple(f"10.0.0.{n}" for n in range(100))
    others = [account(n, ip=networks, tech_prefix=str(n)) for n in range(2, 100)]
    calls, left_out = calls_to_try([account(1, ip=networks)], others)
    assert len(calls) <= CALLS_MAX + 200
    assert left_out > 0
