"""Fields as forms and profiles show them."""

from decimal import Decimal

import pytest

from console.database import Database
from console.objects.client import FIELDS, Client
from console.objects.client import to_text as client_text
from console.pages.drawn_fields import Line, by_block, choices, duration, form_texts, lines, money
from console.store.references import OPTIONS_MAX

ROSE = Client(
    id=12,
    name="Rose",
    balance=Decimal("1250.500000"),
    balance_was=Decimal("1250.500000"),
    reseller_id=3,
    reseller="North",
    orig_rate_table_id=5,
    orig_rate_table="Gold",
)


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("0", "0.00"),
        ("1250.500000", "1,250.50"),
        ("-0.000001", "-0.000001"),
        ("999999999999.999999", "999,999,999,999.999999"),
    ],
)
def test_money_is_exact_and_has_two_decimals_at_least(amount: str, said: str):
    assert money(Decimal(amount)) == said


def test_a_profile_says_names_and_what_it_means_that_nothing_is_set():
    shown = lines(FIELDS, ROSE)
    assert list(shown) == ["General", "Money", "Rates and routing", "Limits"]
    assert Line("Reseller", "North", url="/resellers/3") in shown["General"]
    assert Line("Status", "Active") in shown["General"]
    assert Line("Balance", "1,250.50") in shown["Money"]
    assert Line("Low balance below", "never", is_set=False) in shown["Money"]
    assert Line("Orig Rate Table", "Gold", url="/rate-tables/5") in shown["Rates and routing"]


def test_a_form_holds_ids_as_its_lists_do_and_money_without_needless_noughts():
    texts = form_texts(FIELDS, client_text(ROSE))
    assert (texts["reseller_id"], texts["orig_rate_table_id"], texts["term_rate_table_id"]) == ("#3", "#5", "")
    assert (texts["balance"], texts["balance_was"], texts["name"]) == ("1250.50", "1250.500000", "Rose")


def test_blocks_keep_the_order_of_the_fields():
    assert [field.name for fields in by_block(FIELDS).values() for field in fields] == [f.name for f in FIELDS]


async def test_a_list_offers_what_there_is_unless_there_is_too_much(store: Database):
    await store.execute("INSERT INTO resellers (id, name) VALUES (3, 'North')")
    await store.execute(
        f"INSERT INTO routing_plans (name) SELECT n::text FROM generate_series(0, {OPTIONS_MAX}) AS n"
    )
    offered = await choices(store, FIELDS, {})
    assert offered.by_field["reseller_id"] == (("#3", "North"),)
    assert offered.by_field["orig_rate_table_id"] == ()
    assert "routing_plan_id" not in offered.by_field, "it is typed"
    by_name = {field.name: field for field in FIELDS}
    assert offered.shown(by_name["reseller_id"], "3") == "North"
    assert offered.shown(by_name["routing_plan_id"], "9") == "#9"


async def test_what_was_typed_and_is_in_no_list_is_typed_again(store: Database):
    await store.execute("INSERT INTO rate_tables (id, name) VALUES (5, 'Gold')")
    offered = await choices(store, FIELDS, {"orig_rate_table_id": "Glod", "term_rate_table_id": "#5"})
    assert "orig_rate_table_id" not in offered.by_field
    assert offered.by_field["term_rate_table_id"] == (("#5", "Gold"),)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1.0, "0:00:00"), (0.9, "0:00:00"), (59, "0:00:59"), (3723.9, "1:02:03"), (90_061, "1 d 1:01:01"),
     (864_000_000, "10,000 d 0:00:00")],
)  # fmt: skip
def test_seconds_are_read_as_on_a_clock(seconds: float, said: str):
    assert duration(seconds) == said
