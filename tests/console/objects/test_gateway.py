"""A gateway as a form and a program enter it."""

import pytest

from console.errors import FieldErrors
from console.objects.gateway import FIELDS, Gateway, GatewayDraft, read_text, read_values, to_text, to_values

FULL = Gateway(
    id=5,
    name="gw-calls",
    addresses=("10.0.0.0/24", "192.0.2.1"),
    ident_order=("ip",),
    trusts_name=True,
    on_ambiguous="refuse",
    reserve_seconds=60,
    active_seconds=3600,
    sip_codes={"no_credit": 403},
    has_secret=True,
)


def test_every_column_that_can_be_written_has_its_field():
    assert [field.name for field in FIELDS] == list(GatewayDraft.__struct_fields__)


def test_what_is_shown_reads_back_the_same():
    draft = GatewayDraft(**{name: getattr(FULL, name) for name in GatewayDraft.__struct_fields__})
    assert read_text(to_text(FULL)) == draft
    assert read_values(to_values(FULL)) == draft


def test_what_is_left_empty_is_as_the_table_has_it():
    assert read_text({"name": "x"}) == GatewayDraft(name="x")


def test_addresses_are_kept_as_the_networks_that_they_mean():
    draft = read_text({"name": "x", "addresses": "10.0.0.7/24; ::ffff:192.0.2.1 10.0.0.0/24"})
    assert draft.addresses == ("10.0.0.0/24", "192.0.2.1")


@pytest.mark.parametrize(
    "entered",
    [{"reserve_seconds": "0"}, {"reserve_seconds": "86401"}, {"active_seconds": "2592001"}, {"on_ambiguous": "last"}],
)
def test_bounds_are_those_of_the_table(entered: dict[str, str]):
    with pytest.raises(FieldErrors) as caught:
        read_text({"name": "x", **entered})
    assert list(caught.value.errors) == list(entered)
