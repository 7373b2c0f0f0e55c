"""Where a netstring ends, however the bytes are cut, and what is none."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import ErrorCode
from protocol.framing import FRAME_BYTES_MAX
from protocol.netstring import NetstringSplitter, netstring

contents = st.lists(st.binary(max_size=40), max_size=6)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def test_a_netstring_as_kamailio_writes_it() -> None:
    assert netstring(b'{"a":1}') == b'7:{"a":1},'
    assert NetstringSplitter().split(b'7:{"a":1},0:,') == [b'{"a":1}', b""]


def test_white_space_between_netstrings_is_skipped_and_never_kept() -> None:
    split = NetstringSplitter()
    assert split.split(b"\r\n 1:a,\t") == [b"a"]
    assert split.split(b"\n" * 1000) == []
    assert (split.partial, split.fault) == (0, None)
    assert split.split(b"2: \n,\n") == [b" \n"]


@given(contents, st.lists(st.integers(min_value=0), max_size=12))
def test_contents_come_out_whole_however_they_are_cut(wanted: list[bytes], places: list[int]) -> None:
    split = NetstringSplitter()
    data = b"".join(map(netstring, wanted))
    assert [content for piece in cut(data, places) for content in split.split(piece)] == wanted
    assert (split.partial, split.fault) == (0, None)


@given(contents)
def test_contents_come_out_whole_byte_by_byte_and_what_is_unfinished_is_counted(wanted: list[bytes]) -> None:
    split = NetstringSplitter()
    data = b"".join(map(netstring, wanted))
    got = [content for at in range(len(data)) for content in split.split(data[at : at + 1])]
    assert got == wanted
    assert split.split(b"12:abc") == []
    assert split.partial == 6
    split.drop()
    assert split.partial == 0


def test_longest_frame_passes_and_one_byte_more_does_not() -> None:
    longest = bytes(FRAME_BYTES_MAX)
    split = NetstringSplitter()
    assert split.split(netstring(longest)) == [longest]
    assert split.fault is None
    assert split.split(netstring(longest + b"x")) == []
    assert split.fault is ErrorCode.FRAME_TOO_LARGE
    small = NetstringSplitter(9)
    assert small.split(b"10:") == []
    assert small.fault is ErrorCode.FRAME_TOO_LARGE


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (b"x", ErrorCode.BAD_FRAME),
        (b"{}", ErrorCode.BAD_FRAME),
        (b":", ErrorCode.BAD_FRAME),
        (b"-1:,", ErrorCode.BAD_FRAME),
        (b"+1:a,", ErrorCode.BAD_FRAME),
        (b"1 :a,", ErrorCode.BAD_FRAME),
        (b"\v1:a,", ErrorCode.BAD_FRAME),
        (b"1_0:aaaaaaaaaa,", ErrorCode.BAD_FRAME),
        (b"01:a,", ErrorCode.BAD_FRAME),
        (b"00", ErrorCode.BAD_FRAME),
        (b"1:ab", ErrorCode.BAD_FRAME),
        (b"2:a,\n", ErrorCode.BAD_FRAME),
        (b"1:a\n,", ErrorCode.BAD_FRAME),
        (b"9999999999999999:", ErrorCode.FRAME_TOO_LARGE),
        (b"99999:", ErrorCode.FRAME_TOO_LARGE),
        (b"9999999", ErrorCode.FRAME_TOO_LARGE),
        ("\u0661:a,".encode(), ErrorCode.BAD_FRAME),  # a digit, but none of ASCII
    ],
)
def test_what_is_no_netstring_is_told_and_what_came_before_it_is_not_lost(broken: bytes, fault: ErrorCode) -> None:
    split = NetstringSplitter()
    before = split.split(b"2:ok," + broken + b"5:after,")
    assert before[0] == b"ok"
    assert b"after" not in before
    assert split.fault is fault


@given(st.lists(st.binary(max_size=30), max_size=8))
def test_nothing_raises_and_no_more_than_one_frame_is_kept(pieces: list[bytes]) -> None:
    split = NetstringSplitter(20)
    for piece in pieces:
        split.split(piece)
        if split.fault is not None:
            return
        assert split.partial <= len("20:") + 20
