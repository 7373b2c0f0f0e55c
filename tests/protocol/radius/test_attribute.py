"""One attribute as bytes."""

import pytest

from protocol.radius.attribute import (
    VALUE_BYTES_MAX,
    VENDOR_VALUE_BYTES_MAX,
    attribute,
    clipped,
    keyed_attribute,
    vendor_attribute,
    vendor_key,
)


def test_attribute_counts_its_type_and_length() -> None:
    assert attribute(1, b"rose") == b"\x01\x06rose"
    assert attribute(31, b"") == b"\x1f\x02"


def test_vendor_attribute_stands_in_a_vendor_specific_of_its_own() -> None:
    assert vendor_attribute(9, 1, b"a=b") == b"\x1a\x0b" + b"\0\0\0\x09" + b"\x01\x05a=b"


def test_key_says_whose_attribute_it_is() -> None:
    assert keyed_attribute(1, b"rose") == attribute(1, b"rose")
    assert keyed_attribute(vendor_key(9, 24), b"x") == vendor_attribute(9, 24, b"x")
    assert keyed_attribute(vendor_key(27880, 0), b"x") == vendor_attribute(27880, 0, b"x")


def test_longest_value_fits_and_no_longer_one() -> None:
    assert len(attribute(1, b"x" * VALUE_BYTES_MAX)) == 255
    assert len(vendor_attribute(9, 1, b"x" * VENDOR_VALUE_BYTES_MAX)) == 255
    with pytest.raises(ValueError, match="254 bytes do not fit"):
        attribute(1, b"x" * (VALUE_BYTES_MAX + 1))
    with pytest.raises(ValueError, match="248 bytes do not fit"):
        vendor_attribute(9, 1, b"x" * (VENDOR_VALUE_BYTES_MAX + 1))


@pytest.mark.parametrize("key", [0, -1, 256])
def test_no_attribute_has_a_type_out_of_a_byte(key: int) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        attribute(key, b"")


@pytest.mark.parametrize(
    ("text", "bytes_max", "expected"),
    [
        ("4420712345", 10, b"4420712345"),
        ("4420712345", 9, b"442071234"),
        ("Zürich", 3, "Zü".encode()),
        ("Zürich", 2, b"Z"),
        ("☎☎", 5, "☎".encode()),
        ("☎", 2, b""),
        ("half \ud83d", 99, b"half ?"),
    ],
)
def test_text_is_cut_between_two_characters(text: str, bytes_max: int, expected: bytes) -> None:
    assert clipped(text, bytes_max) == expected
