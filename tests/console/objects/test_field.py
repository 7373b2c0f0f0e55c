"""Reading what was entered: every fault at once, each a sentence at its field; what is shown reads back the same."""

from decimal import Decimal

import msgspec
import pytest

from console.errors import FieldErrors
from console.objects import field as f
from console.objects.references import References

FIELDS = (
    f.Field(name="name", label="Name", kind=f.TEXT, required=True),
    f.Field(name="limit", label="Limit", kind=f.CAPACITY),
    f.Field(name="cps", label="CPS", kind=f.rate(0)),
    f.Field(name="credit", label="Credit", kind=f.MONEY),
    f.Field(name="is_on", label="On", kind=f.FLAG),
    f.Field(name="status", label="Status", kind=f.choice("active", "blocked")),
    f.Field(name="rates", label="Rate Table", kind=f.REFERENCE, refers_to="rate_table"),
    f.Field(name="addresses", label="Addresses", kind=f.NETWORKS),
    f.Field(name="order", label="Order", kind=f.IDENTS),
    f.Field(name="codes", label="Codes", kind=f.CODES),
)


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    """One of each kind."""

    name: str
    limit: int | None = None
    cps: float | None = None
    credit: Decimal | None = None
    is_on: bool = False
    status: str = "active"
    rates: int | None = None
    addresses: tuple[str, ...] = ()
    order: tuple[str, ...] = ("name",)
    codes: dict[str, int] = {}


FULL = Thing(
    name="Rose",
    limit=30,
    cps=2.5,
    credit=Decimal("-0.100000"),
    is_on=True,
    status="blocked",
    rates=5,
    addresses=("10.0.0.0/24", "2001:db8::1"),
    order=("ip", "name"),
    codes={"no_credit": 403, "unknown_source": 404},
)


def _text(**entered: str) -> Thing:
    return Thing(**f.read_text(FIELDS, {"name": "x", **entered}))


def test_what_a_form_shows_reads_back_the_same():
    assert Thing(**f.read_text(FIELDS, f.to_text(FIELDS, FULL))) == FULL


def test_what_the_api_shows_reads_back_the_same():
    sent = msgspec.json.decode(msgspec.json.encode(f.to_values(FIELDS, FULL)))
    assert Thing(**f.read_values(FIELDS, sent)) == FULL
    assert sent["credit"] == "-0.100000"


def test_what_is_empty_is_not_set_and_keys_of_the_form_itself_are_not_looked_at():
    assert _text(limit="", cps="  ", credit="", csrf="x", etag="y") == Thing(name="x")


def test_null_is_not_set():
    assert f.read_values(FIELDS, {"name": "x", "limit": None, "codes": None}) == {"name": "x"}


@pytest.mark.parametrize(
    ("entered", "sentence"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "255"),
        ({"name": "é" * 128}, "255"),
        ({"name": "a\nb"}, "one line"),
        ({"name": "a\0"}, "NUL"),
        ({"name": "\udc80"}, "half characters"),
        ({"limit": "-1"}, "from 0 to 2,147,483,647"),
        ({"limit": "1.5"}, "whole number"),
        ({"limit": "2147483648"}, "from 0 to 2,147,483,647"),
        ({"limit": "²"}, "whole number"),
        ({"cps": "nan"}, "from 0 to 1,000,000"),
        ({"cps": "1000001"}, "from 0 to 1,000,000"),
        ({"cps": "1e400"}, "from 0 to 1,000,000"),
        ({"credit": "10,50"}, "such as 1250.50"),
        ({"credit": "10 EUR"}, "such as 1250.50"),
        ({"credit": "NaN"}, "such as 1250.50"),
        ({"credit": "1e5"}, "such as 1250.50"),
        ({"credit": "1000000000000"}, "million millions"),
        ({"credit": "0.0000001"}, "at most 6 digits"),
        ({"is_on": "perhaps"}, "yes or no"),
        ({"status": "gone"}, "active or blocked"),
        ({"rates": "RT nobody"}, "as #id"),
        ({"rates": "0"}, "as #id"),
        ({"rates": "9223372036854775808"}, "as #id"),
        ({"addresses": "10.0.0.300"}, "write 192.0.2.1"),
        ({"addresses": "10.0.0.0/33"}, "0 to 32"),
        ({"order": "ip, mac"}, "name, ip, ani"),
        ({"order": "ip, ip"}, "each once"),
        ({"codes": "no_credit"}, "reason = code"),
        ({"codes": "no_credit = x"}, "reason = code"),
        ({"codes": "no_credit = 399"}, "400 to 699"),
        ({"codes": "no_money = 402"}, "use not_ready"),
        ({"codes": "no_credit = 402\nno_credit = 403"}, "twice"),
    ],
)
def test_a_fault_says_at_its_field_what_to_do(entered: dict[str, str], sentence: str):
    with pytest.raises(FieldErrors) as caught:
        _text(**entered)
    [(field, said)] = caught.value.errors.items()
    assert field == next(iter(entered))
    assert sentence in said


@pytest.mark.parametrize(
    "entered",
    [
        {"name": 5},
        {"name": ""},
        {"limit": "5"},
        {"limit": True},
        {"limit": 2**31},
        {"limit": 1.0},
        {"cps": "1"},
        {"cps": float("nan")},
        {"cps": float("inf")},
        {"credit": [1]},
        {"credit": True},
        {"credit": float("inf")},
        {"credit": 1e300},
        {"is_on": 1},
        {"status": "gone"},
        {"rates": "5"},
        {"rates": 0},
        {"rates": 2**63},
        {"addresses": "10.0.0.1"},
        {"addresses": ["x"]},
        {"addresses": []},
        {"order": []},
        {"order": [["ip"]]},
        {"order": ["ip", "ip"]},
        {"codes": []},
        {"codes": {"no_credit": "402"}},
        {"codes": {"no_credit": True}},
        {"codes": {"other": 402}},
        {"typo": 1},
    ],
)
def test_a_fault_in_json_is_said_at_its_field(entered: dict[str, object]):
    with pytest.raises(FieldErrors) as caught:
        f.read_values(FIELDS, {"name": "x", **entered})
    assert list(caught.value.errors) == [next(iter(entered))]


def test_every_fault_is_said_at_once():
    with pytest.raises(FieldErrors) as caught:
        f.read_text(FIELDS, {"limit": "x", "status": "x"})
    assert set(caught.value.errors) == {"name", "limit", "status"}


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1250.5", "1250.500000"),
        ("-0", "0.000000"),
        ("+3", "3.000000"),
        ("007", "7.000000"),
        ("0.0000010", "0.000001"),
    ],
)
def test_an_amount_is_exact(text: str, amount: str):
    assert f"{_text(credit=text).credit:f}" == amount


@pytest.mark.parametrize(("value", "amount"), [(5, "5"), (0.1, "0.1"), ("0.1", "0.1"), (-2.5, "-2.5")])
def test_an_amount_in_json_may_be_a_number(value: object, amount: str):
    assert f.read_values(FIELDS, {"name": "x", "credit": value})["credit"] == Decimal(amount)


def test_a_reference_is_typed_by_name_or_by_id_and_a_name_wins():
    references = References({("rate_table", "RT ORIG"): 5, ("rate_table", "7"): 8})  # type: ignore[dict-item]
    read = {
        text: f.read_text(FIELDS, {"name": "x", "rates": text}, references)["rates"]
        for text in ("RT ORIG", "7", "#7", "9")
    }
    assert read == {"RT ORIG": 5, "7": 8, "#7": 7, "9": 9}


def test_a_name_that_is_none_is_answered_with_the_nearest():
    references = References(nearest={("rate_table", "RT ORG"): ("RT ORIG",)})
    with pytest.raises(FieldErrors, match="did you mean “RT ORIG”"):
        f.read_text(FIELDS, {"name": "x", "rates": "RT ORG"}, references)


def test_changes_are_told_in_words_of_the_form():
    after = msgspec.structs.replace(FULL, limit=None, codes={})
    assert f.changes(FIELDS, FULL, after) == [
        ("Limit", "30", ""),
        ("Codes", "no_credit = 403\nunknown_source = 404", ""),
    ]
