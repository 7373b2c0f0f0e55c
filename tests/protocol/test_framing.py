"""Where a frame ends, however the bytes are cut, and what is too long."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import ErrorCode
from protocol.framing import (
    FRAME_BYTES_MAX,
    BinarySplitter,
    LineSplitter,
    encoding_of,
    framed_binary,
    framed_line,
    splitter,
)

payloads = st.lists(st.binary(max_size=40), max_size=6)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@pytest.mark.rule("P0.3", "P0.4", "P0.7")
def test_first_byte_chooses_the_encoding() -> None:
    assert {byte for byte in range(256) if encoding_of(byte) == "json"} == set(b"{ \t\r\n")


@pytest.mark.rule("P0.9")
def test_no_binary_frame_can_begin_like_json() -> None:
    assert encoding_of(framed_binary(bytes(FRAME_BYTES_MAX))[0]) == "msgpack"


@given(payloads, st.lists(st.integers(min_value=0), max_size=12))
@pytest.mark.rule("P0.8")
def test_binary_frames_come_out_whole_however_they_are_cut(frames: list[bytes], places: list[int]) -> None:
    split = BinarySplitter()
    data = b"".join(map(framed_binary, frames))
    assert [frame for piece in cut(data, places) for frame in split.split(piece)] == frames
    assert split.partial == 0


@given(payloads, st.lists(st.integers(min_value=0), max_size=12))
@pytest.mark.rule("P0.5")
def test_lines_come_out_whole_however_they_are_cut(frames: list[bytes], places: list[int]) -> None:
    lines = [frame.replace(b"\n", b"n") for frame in frames]
    split = LineSplitter()
    data = b"".join(map(framed_line, lines))
    got = [line for piece in cut(data, places) for line in split.split(piece)]
    assert got == [line for line in lines if line.strip(b" \t\r")]
    assert split.partial == 0


@pytest.mark.rule("P0.9")
def test_longest_frame_passes_and_one_byte_more_does_not() -> None:
    for encoding, framed in (("json", framed_line), ("msgpack", framed_binary)):
        longest, longer = b"x" * FRAME_BYTES_MAX, b"x" * (FRAME_BYTES_MAX + 1)
        split = splitter(encoding)  # type: ignore[arg-type]  # str where the literal is known
        assert split.split(framed(longest)) == [longest]
        assert split.fault is None
        assert split.split(framed(longest) + framed(longer)) == [longest]
        assert split.fault is ErrorCode.FRAME_TOO_LARGE


def test_too_long_line_is_found_before_it_ends() -> None:
    split = LineSplitter(frame_bytes_max=10)
    assert split.split(b"x" * 6) == []
    assert split.fault is None
    assert split.split(b"x" * 5) == []
    assert split.fault is ErrorCode.FRAME_TOO_LARGE
    assert split.partial == 0, "nothing is hoarded"


def test_too_long_binary_frame_is_found_by_its_length_alone() -> None:
    split = BinarySplitter(frame_bytes_max=10)
    assert split.split(bytes.fromhex("0000000b")) == []
    assert split.fault is ErrorCode.FRAME_TOO_LARGE


def test_dropping_forgets_the_unfinished_frame() -> None:
    for split in (BinarySplitter(), LineSplitter()):
        split.split(b"\0\0")
        assert split.partial == 2
        split.drop()
        assert split.partial == 0


def test_frame_sent_byte_by_byte_is_copied_a_bounded_number_of_times() -> None:
    """60,000 single bytes in well under a second: nothing is searched or copied again with every byte."""
    import time

    for split, data in ((BinarySplitter(), framed_binary(b"x" * 60_000)), (LineSplitter(), b"x" * 60_000 + b"\n")):
        started = time.process_time()
        frames = [frame for place in range(len(data)) for frame in split.split(data[place : place + 1])]
        assert frames == [b"x" * 60_000]
        assert time.process_time() - started < 1.0
