"""Several values in one text: what people type, and that every value comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.objects.divided import divided, joined


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", ()),
        (" ; ,\n", ()),
        ("gold; silver, gold", ("gold", "silver")),
        ("very gold;x", ("very gold", "x")),
        ('"a, b"; c', ("a, b", "c")),
        ('"say ""hi"""', ('say "hi"',)),
        ('5" pipe; x', ('5" pipe', "x")),
        ('"open; x', ('"open', "x")),
        ('" kept "', (" kept ",)),
    ],
)
def test_values_are_divided_by_commas_and_semicolons(text: str, values: tuple[str, ...]) -> None:
    assert divided(text) == values


@given(st.lists(st.text(st.sampled_from('ab ;,"\n'), min_size=1, max_size=6), unique=True))
def test_whatever_the_values_hold_they_come_back(values: list[str]) -> None:
    assert divided(joined(values)) == tuple(values)


@given(st.text(st.sampled_from('ab ;,"\n'), max_size=20))
def test_any_text_ends(text: str) -> None:
    assert all(divided(text))
