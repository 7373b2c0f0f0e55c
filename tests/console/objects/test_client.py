"""A client as a form and a program enter it; money is told from what was merely shown."""

from decimal import Decimal

import pytest

from console.errors import FieldErrors
from console.objects.client import FIELDS, Client, ClientDraft, read_text, read_values, to_text, to_values

ROSE = Client(
    id=12,
    name="Rose",
    balance=Decimal("12.500000"),
    balance_was=Decimal("12.500000"),
    credit_limit=Decimal("100"),
    orig_capacity=30,
    cps_burst=1.0,
    routing_plan_id=3,
)


def test_every_column_that_can_be_written_has_its_field():
    assert {field.name for field in FIELDS} == set(ClientDraft.__struct_fields__) - {"balance_was"}


def test_a_form_that_is_sent_back_untouched_leaves_the_balance_to_billing():
    draft = read_text(to_text(ROSE))
    assert (draft.name, draft.credit_limit, draft.orig_capacity) == ("Rose", Decimal(100), 30)
    assert (draft.balance, draft.balance_was) == (None, None)


def test_a_balance_that_was_typed_says_from_which_it_starts():
    draft = read_text(to_text(ROSE) | {"balance": "20"})
    assert (draft.balance, draft.balance_was) == (Decimal(20), Decimal("12.5"))


def test_a_form_shown_again_keeps_the_balance_that_was_typed_and_the_one_that_was_read():
    draft = read_text(to_text(ROSE) | {"balance": "20"})
    assert (to_text(draft)["balance"], to_text(draft)["balance_was"]) == ("20.000000", "12.500000")


def test_the_api_shows_what_it_takes():
    values = to_values(ROSE)
    assert (values["balance"], values["orig_capacity"], values["reseller_id"]) == ("12.500000", 30, None)
    assert read_values(values | {"name": "Rosie"}).name == "Rosie"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("low_balance_capacity", -1),
        ("orig_cps", 1_000_001),
        ("term_cps", -0.5),
        ("cps_burst", 0.5),
        ("credit_limit", "1000000000000"),
        ("status", "gone"),
    ],
)
def test_bounds_are_those_of_the_table(column: str, value: object):
    with pytest.raises(FieldErrors) as caught:
        read_values({"name": "x", column: value})
    assert list(caught.value.errors) == [column]


@pytest.mark.parametrize(
    ("balance", "limit", "threshold", "no_credit", "low"),
    [
        ("-10", "10", None, True, False),
        ("-9.999999", "10", None, False, False),
        ("-10", None, None, False, False),
        ("0", "0", "0", True, False),
        ("4.99", None, "5", False, True),
    ],
)
def test_credit_and_low_balance_as_the_daemon_judges_them(
    balance: str, limit: str | None, threshold: str | None, no_credit: bool, low: bool
):
    client = Client(
        id=1,
        name="x",
        balance=Decimal(balance),
        balance_was=Decimal(balance),
        credit_limit=None if limit is None else Decimal(limit),
        low_balance_threshold=None if threshold is None else Decimal(threshold),
    )
    assert (client.has_no_credit, client.has_low_balance) == (no_credit, low)
