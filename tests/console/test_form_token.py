"""The first field of a form that carries files is found in its first bytes, and nothing else is taken for it."""

import pytest

from console.form_token import HEAD_BYTES_MAX, first_field, is_multipart, is_pending

TYPE = "multipart/form-data; boundary=xyz"
PART = b'--xyz\r\nContent-Disposition: form-data; name="csrf"\r\n\r\nTOKEN\r\n--xyz'
REST = b'\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + b"1;2;3\n" * 100_000


def test_the_token_is_found_before_the_file_is_read():
    assert first_field(TYPE, PART, "csrf") == b"TOKEN"
    assert first_field(TYPE, PART + REST, "csrf") == b"TOKEN"


def test_byte_by_byte_it_is_pending_until_the_part_is_whole():
    for end in range(len(PART)):
        assert first_field(TYPE, PART[:end], "csrf") is None
        assert is_pending(TYPE, PART[:end])
    assert not is_pending(TYPE, PART)


@pytest.mark.parametrize("boundary", ['"xyz"', "xyz; charset=utf-8", "xyz "])
def test_a_boundary_is_read_as_browsers_write_it(boundary: str):
    assert first_field(f"Multipart/Form-Data; boundary={boundary}", PART, "csrf") == b"TOKEN"


@pytest.mark.parametrize(
    "head",
    [
        b'Content-Disposition: form-data; name="file"',
        b'Content-Disposition: form-data; name="csrf"; filename="x"',
        b'Content-Disposition: attachment; name="csrf"',
        b'X: name="csrf"',
        b"",
    ],
)
def test_another_field_or_a_file_of_that_name_is_not_the_token(head: bytes):
    body = b"--xyz\r\n" + head + b"\r\n\r\nTOKEN\r\n--xyz--"
    assert first_field(TYPE, body, "csrf") is None
    assert not is_pending(TYPE, body)


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=", "text/plain"])
def test_without_a_boundary_nothing_is_awaited(content_type: str):
    assert first_field(content_type, PART, "csrf") is None
    assert not is_pending(content_type, b"")


def test_what_does_not_come_within_some_kilobytes_is_awaited_no_longer():
    body = b"--xyz\r\n" + b"a" * HEAD_BYTES_MAX
    assert is_pending(TYPE, body[: HEAD_BYTES_MAX - 1])
    assert not is_pending(TYPE, body)


def test_only_multipart_may_carry_files():
    assert is_multipart("Multipart/form-data; boundary=x")
    assert not is_multipart("application/x-www-form-urlencoded")
