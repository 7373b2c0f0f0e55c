"""Rate tables and routing plans: a name each."""

import pytest

from console.errors import FieldErrors
from console.objects.named import Named, NamedDraft, read_text, read_values, to_text, to_values


def test_what_is_shown_reads_back_the_same():
    table = Named(id=5, name="RT ORIG - Rose")
    assert read_text(to_text(table)) == read_values(to_values(table)) == NamedDraft(name="RT ORIG - Rose")


def test_a_name_is_needed():
    with pytest.raises(FieldErrors, match="name"):
        read_text({"name": "  "})
