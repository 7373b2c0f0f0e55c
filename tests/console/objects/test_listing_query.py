"""A URL says what is asked for, and what is asked for makes a URL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.errors import FieldErrors
from console.objects.listing import PAGE_SIZES, AccountFilter, Paging
from console.objects.listing_query import read_query, write_query

WORDS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters=",;"), min_size=1, max_size=20
).filter(lambda text: text == text.strip() != "")
IDS = st.none() | st.integers(1, 2**63 - 1)
FILTERS = st.builds(
    AccountFilter,
    q=WORDS | st.just(""),
    ident=WORDS | st.just(""),
    tech_prefix=WORDS | st.just(""),
    orig=st.sampled_from([None, True, False]),
    orig_rate_table_id=IDS,
    orig_tags=st.lists(WORDS, max_size=3, unique=True).map(tuple),
    term_tags=st.lists(WORDS, max_size=3, unique=True).map(tuple),
    client_type=WORDS | st.just(""),
    client_id=IDS,
    state=st.sampled_from(["", "on", "off", "blocked"]),
)
PAGINGS = st.builds(
    Paging,
    page=st.integers(1, 10**9),
    size=st.sampled_from(PAGE_SIZES),
    sort=st.sampled_from(["id", "client", "name", "ident", "tech_prefix"]),
    descending=st.booleans(),
)


@given(FILTERS, PAGINGS)
def test_a_url_written_is_read_as_what_it_was(wanted: AccountFilter, paging: Paging) -> None:
    assert read_query(write_query(wanted, paging), strict=True) == (wanted, paging)


@given(st.lists(st.tuples(st.sampled_from(["q", "page", "orig", "client_id", "x", "orig_tags", "size"]), st.text())))
def test_a_page_makes_something_of_every_url(pairs: list[tuple[str, str]]) -> None:
    wanted, paging = read_query(pairs)
    assert paging.size in PAGE_SIZES
    assert paging.page >= 1
    assert wanted.client_id is None or wanted.client_id < 2**63


def test_what_is_not_set_is_not_in_the_url() -> None:
    assert write_query(AccountFilter(), Paging()) == []
    assert write_query(AccountFilter(orig=False, orig_tags=("a", "b")), Paging(page=2)) == [
        ("orig", "false"),
        ("orig_tags", "a"),
        ("orig_tags", "b"),
        ("page", "2"),
    ]


def test_a_form_s_empty_fields_its_check_boxes_and_divided_tags_are_read() -> None:
    wanted, paging = read_query(
        [("q", " rose "), ("ident", ""), ("orig", "on"), ("orig_tags", "a, b;;a"), ("size", "50")]
    )
    assert wanted == AccountFilter(q="rose", orig=True, orig_tags=("a", "b"))
    assert paging == Paging(size=50)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("client_id", "0"),
        ("client_id", "12x"),
        ("client_id", "9223372036854775808"),
        ("gateway_id", "٣"),
        ("orig", "maybe"),
        ("state", "gone"),
        ("size", "21"),
        ("size", "1000000"),
        ("page", "-1"),
        ("page", "0"),
        ("sort", "password"),
        ("q", "x" * 256),
        ("orig_tags", ",".join(f"t{n}" for n in range(65))[:255]),
        ("nobody", "1"),
    ],
)
def test_what_cannot_be_understood_is_left_out_of_a_page_and_refused_by_the_api(name: str, text: str) -> None:
    assert read_query([(name, text)]) == (AccountFilter(), Paging())
    with pytest.raises(FieldErrors) as refused:
        read_query([(name, text)], strict=True)
    assert list(refused.value.errors) == [name]
