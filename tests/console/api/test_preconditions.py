"""ETags in headers: which versions they name, and what is no ETag."""

import pytest

from console.api.errors import ApiError
from console.api.preconditions import (
    TAGS_MAX,
    Tags,
    check_edited,
    is_not_modified,
    required_tags,
    tag_of,
)
from console.errors import ChangedError

NOW = "0123456789abcdef"

NAMING = [
    (f'"{NOW}-fedcba9876543210"', True),
    (f'"{NOW}"', True),  # the `etag` of a body
    ("*", True),
    (f'"ffffffffffffffff", "{NOW}-00"', True),
    (f' "{NOW}" ', True),
    (f'W/"{NOW}"', False),
    ('"ffffffffffffffff-fedcba9876543210"', False),
    ('""', False),
]


@pytest.mark.parametrize(("header", "names"), NAMING)
def test_a_tag_names_what_can_be_edited(header: str, names: bool):
    assert Tags(header, "If-Match").names_edited(NOW) is names


@pytest.mark.parametrize(
    "header", ["", NOW, f'"{NOW}', "**", f'"{NOW}" "{NOW}"', '"a"b"', '"ä"', '"\x00"', ",", '"x",']
)
def test_what_is_no_tag_is_refused(header: str):
    with pytest.raises(ApiError, match="ETag"):
        Tags(header, "If-Match")


def test_a_header_holds_a_bounded_number_of_tags():
    Tags(", ".join(['"x"'] * TAGS_MAX), "If-Match")
    with pytest.raises(ApiError):
        Tags(", ".join(['"x"'] * (TAGS_MAX + 1)), "If-Match")


def test_a_change_without_a_version_is_refused():
    with pytest.raises(ApiError) as refused:
        required_tags({})
    assert refused.value.code == "precondition_required"


def test_a_version_of_before_is_changed():
    tags = required_tags({"if-match": '"ffffffffffffffff"'})
    with pytest.raises(ChangedError) as changed:
        check_edited(tags, "account", 7, NOW)
    assert changed.value.etag == NOW
    check_edited(required_tags({"if-match": f'"{NOW}"'}), "account", 7, NOW)


def test_a_cache_is_told_about_everything_that_is_shown():
    tag = tag_of(NOW, b'{"client":"Rose"}')
    assert tag.startswith(f"{NOW}-")
    assert is_not_modified({"if-none-match": f'"{tag}"'}, tag)
    assert is_not_modified({"if-none-match": f'W/"{tag}"'}, tag)
    assert is_not_modified({"if-none-match": "*"}, tag)
    assert not is_not_modified({"if-none-match": f'"{tag}"'}, tag_of(NOW, b'{"client":"Iris"}'))
    assert not is_not_modified({}, tag)
