"""Cautions: each holds for one account and not for its sound neighbour."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from console.objects.account import AccountDraft
from console.objects.account_fields import FIELD, PASSWORD_NAMES
from console.objects.account_warnings import CallsUp, cautions
from console.objects.matched_account import ClientFacts

NOW = datetime(2026, 1, 2, tzinfo=UTC).timestamp()
ROSE = ClientFacts(id=12, name="Rose", orig_rate_table_id=1, term_rate_table_id=1, routing_plan_id=1)
SOUND = AccountDraft(client_id=12, name="a", ident_by="ip", ip=("10.0.0.0/9",), orig_enabled=True, term_enabled=True)
NAMED: dict[str, Any] = {"ident_by": "name", "ip": (), "ident_name": "rose"}
BY_ANI: dict[str, Any] = {"ident_by": "ani", "ip": ()}

CASES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("", "no call is this account's", {"orig_enabled": False, "term_enabled": False}, {}),
    ("status", "account_blocked", {"status": "blocked"}, {}),
    ("client", "Rose is archived", {}, {"status": "archived"}),
    ("client", "Rose is blocked", {}, {"status": "blocked"}),
    ("client", "North is blocked", {}, {"reseller": "North", "reseller_blocked": True}),
    ("client", "no_credit", {}, {"without_credit": True}),
    ("valid_until", "This is over", {"valid_until": datetime(2026, 1, 2, tzinfo=UTC)}, {}),
    ("valid_from", "Until then", {"valid_from": datetime(2026, 1, 2, 0, 0, 1, tzinfo=UTC)}, {}),
    ("ip", "10.0.0.0/8: so wide", {"ip": ("10.0.0.0/9", "10.0.0.0/8")}, {}),
    ("ip", "2001::/16: so wide", {"ip": ("2001::/16",)}, {}),
    ("ani", "every number", {**BY_ANI, "ani": "+*", "gateway_ids": (1,)}, {}),
    ("ani", "Withheld numbers", {**BY_ANI, "ani": "Anonymous", "gateway_ids": (1,)}, {}),
    ("ani", "The caller writes", {**BY_ANI, "ani": "44"}, {}),
    ("password", "vouches for it", NAMED, {}),
    ("orig_rate_table", "calls that it sends", {}, {"orig_rate_table_id": None}),
    ("routing_plan", "routing plan", {}, {"routing_plan_id": None}),
    ("term_rate_table", "calls to it", {}, {"term_rate_table_id": None}),
    ("orig_capacity", "A capacity of 0", {"orig_capacity": 0}, {}),
    ("term_capacity", "A capacity of 0", {"term_capacity": 0}, {}),
    ("orig_cps", "A CPS of 0", {"orig_cps": 0.0}, {}),
    ("term_cps", "A CPS of 0", {"term_cps": 0.0}, {}),
]


@pytest.mark.parametrize(("field", "sentence", "account", "client"), CASES)
def test_each_caution_stands_at_its_field(
    field: str, sentence: str, account: dict[str, Any], client: dict[str, Any]
) -> None:
    (caution,) = cautions(
        msgspec.structs.replace(SOUND, **account), msgspec.structs.replace(ROSE, **client), None, NOW
    )
    assert caution.field == field
    assert field == "" or field in FIELD or field in PASSWORD_NAMES
    assert sentence in caution.sentence


SILENT: list[dict[str, Any]] = [
    {},
    {"ip": ("10.0.0.0/9", "2001::/17")},
    {"valid_from": datetime(2026, 1, 2, tzinfo=UTC), "valid_until": datetime(2026, 1, 2, 0, 0, 1, tzinfo=UTC)},
    {**BY_ANI, "ani": "44*", "gateway_ids": (1,)},
    {**BY_ANI, "ani": "44", "orig_enabled": False},
    {"orig_capacity": 5, "term_capacity": 3, "orig_cps": 1.0},
    {"orig_enabled": False, "orig_capacity": 0, "orig_cps": 0.0},
]


@pytest.mark.parametrize("account", SILENT)
def test_a_sound_account_is_left_in_peace(account: dict[str, Any]) -> None:
    assert cautions(msgspec.structs.replace(SOUND, **account), ROSE, CallsUp(5, 3), NOW) == ()


def test_an_account_s_own_rate_table_is_enough() -> None:
    bare = ClientFacts(id=12, name="Rose")
    own = msgspec.structs.replace(SOUND, orig_rate_table_id=1, routing_plan_id=2, term_rate_table_id=1)
    assert cautions(own, bare, None, NOW) == ()
    assert [c.field for c in cautions(SOUND, bare, None, NOW)] == [
        "orig_rate_table",
        "routing_plan",
        "term_rate_table",
    ]


def test_a_password_is_for_accounts_known_by_name() -> None:
    assert cautions(msgspec.structs.replace(SOUND, **NAMED), ROSE, None, NOW, has_password=True) == ()
    (caution,) = cautions(SOUND, ROSE, None, NOW, has_password=True)
    assert caution.sentence == "The password is asked for only where the account is known by Name"


def test_a_capacity_below_the_calls_that_are_up_is_told() -> None:
    (caution,) = cautions(msgspec.structs.replace(SOUND, orig_capacity=4), ROSE, CallsUp(5, 9), NOW)
    assert caution.field == "orig_capacity"
    assert caution.sentence.startswith("5 calls are up: none is cut off, and new ones are refused until fewer than 4")
