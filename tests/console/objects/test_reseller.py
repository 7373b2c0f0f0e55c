"""A reseller as a form and a program enter it."""

import pytest

from console.errors import FieldErrors
from console.objects.reseller import FIELDS, Reseller, ResellerDraft, read_text, read_values, to_text, to_values

RESOLD = Reseller(id=9, name="Resold", status="blocked", orig_capacity=0, term_capacity=2_147_483_647)


def test_every_column_that_can_be_written_has_its_field():
    assert [field.name for field in FIELDS] == list(ResellerDraft.__struct_fields__)


def test_what_is_shown_reads_back_the_same():
    draft = ResellerDraft(name="Resold", status="blocked", orig_capacity=0, term_capacity=2_147_483_647)
    assert read_text(to_text(RESOLD)) == draft
    assert read_values(to_values(RESOLD)) == draft


def test_a_reseller_is_never_archived():
    with pytest.raises(FieldErrors):
        read_text({"name": "x", "status": "archived"})
