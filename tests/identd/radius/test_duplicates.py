"""Repeats get the same bytes, for a bounded time, out of a bounded memory."""

import pytest

from identd.radius import duplicates
from identd.radius.duplicates import ANSWERS_MAX, TURN_SECONDS, Duplicates, Key
from tests.identd.building import NOW


def key(identifier: int = 1, source: bytes = b"\xc0\0\2\7", port: int = 4000, which: str = "auth") -> Key:
    return source, port, which, identifier


def told(memory: Duplicates, at: Key, datagram: bytes, answer: bytes, now: float) -> None:
    assert memory.find(at, datagram, now) is None
    memory.remember(at, datagram, answer, now)


def test_only_the_same_bytes_from_the_same_place_are_a_repeat() -> None:
    memory = Duplicates()
    told(memory, key(), b"ask", b"answer", NOW)
    assert memory.find(key(), b"ask", NOW + 1) == b"answer"
    assert memory.find(key(), b"asked otherwise", NOW + 1) is None
    others = (key(2), key(port=4001), key(source=b"\xc0\0\2\10"), key(which="accounting"))
    assert [memory.find(other, b"ask", NOW + 1) for other in others] == [None] * 4


@pytest.mark.parametrize("begun", [0.0, 3.0, TURN_SECONDS - 0.1])
def test_a_repeat_is_known_for_one_turn_at_least_and_two_at_most(begun: float) -> None:
    memory = Duplicates()
    told(memory, key(1), b"first", b"1", NOW)
    told(memory, key(2), b"ask", b"answer", NOW + begun)
    assert memory.find(key(2), b"ask", NOW + begun + TURN_SECONDS - 0.01) == b"answer"
    assert memory.find(key(2), b"ask", NOW + begun + 2 * TURN_SECONDS) is None


def test_an_identifier_that_is_used_again_after_a_turn_is_known_by_its_latest_bytes() -> None:
    memory = Duplicates()
    told(memory, key(), b"ask", b"answer", NOW)
    told(memory, key(), b"another", b"other answer", NOW + TURN_SECONDS)
    assert memory.find(key(), b"another", NOW + TURN_SECONDS + 1) == b"other answer"


def test_ten_seconds_hold_at_6500_answers_a_second() -> None:
    memory = Duplicates()
    rate = 6_500
    assert memory.find(key(-1), b"ask", NOW) is None
    for number in range(ANSWERS_MAX // 2):  # half a generation, so that the next turn is for want of room
        memory.remember(key(number), b"ask", b"answer", NOW)
    memory.remember(key(-1), b"ask", b"mine", NOW)
    for number in range(int(TURN_SECONDS * rate)):
        memory.remember(key(number, port=1), b"ask", b"answer", NOW + number / rate)
    assert memory.find(key(-1), b"ask", NOW + TURN_SECONDS - 0.01) == b"mine"


def test_what_was_answered_before_a_long_silence_is_forgotten_at_once() -> None:
    memory = Duplicates()
    told(memory, key(), b"ask", b"answer", NOW)
    assert memory.find(key(), b"ask", NOW + 3600) is None
    assert memory.statistics()["answers"] == 0


def test_a_storm_shortens_the_memory_and_does_not_let_it_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "ANSWERS_MAX", 10)
    memory = Duplicates()
    for number in range(95):
        told(memory, key(port=number), b"ask", b"answer", NOW)
    assert memory.statistics()["answers"] == 15
    assert memory.find(key(port=94), b"ask", NOW) == b"answer"
    assert memory.find(key(port=80), b"ask", NOW) == b"answer"
    assert memory.find(key(port=79), b"ask", NOW) is None


def test_everything_can_be_forgotten() -> None:
    memory = Duplicates()
    told(memory, key(), b"ask", b"answer", NOW)
    memory.clear()
    assert memory.find(key(), b"ask", NOW) is None


def test_what_is_forgotten_is_let_go_of_in_slices_and_never_piles_up() -> None:
    memory = Duplicates()
    for number in range(100):
        told(memory, key(port=number), b"ask", b"answer", NOW)
    later = NOW + 2 * TURN_SECONDS
    assert memory.find(key(port=1), b"ask", later) is None
    assert memory.statistics() == {"answers": 0, "answers_forgotten": 100}
    left = []
    for number in range(60):
        memory.remember(key(port=number), b"ask", b"answer", later)
        left.append(memory.statistics()["answers_forgotten"])
    assert max(before - after for before, after in zip([100, *left], left, strict=False)) <= 2
    assert left[-1] == 0
    memory.clear()
    assert memory.statistics() == {"answers": 0, "answers_forgotten": 60}
    for turn in range(1, 200):
        told(memory, key(port=turn), b"ask", b"answer", later + turn * TURN_SECONDS)
    assert memory.statistics()["answers_forgotten"] <= 2
