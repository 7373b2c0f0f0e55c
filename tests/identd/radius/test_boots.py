"""An Accounting-On is known again for two minutes, out of a bounded memory."""

import pytest

from identd.radius import boots
from identd.radius.boots import BOOT_SECONDS, BOOTS_MAX, Boots
from tests.identd.building import NOW


def test_the_same_request_of_a_gateway_is_a_repeat_for_two_minutes_after_it_came_first() -> None:
    memory = Boots()
    moments = (0, 1, BOOT_SECONDS - 1, BOOT_SECONDS)
    assert [memory.is_repeat(1, b"on", NOW + later) for later in moments] == [False, True, True, False], "begun anew"
    assert not memory.is_repeat(1, b"off", NOW)
    assert not memory.is_repeat(2, b"on", NOW), "another gateway's"
    assert not memory.is_repeat(1, b"on", NOW + 2 * BOOT_SECONDS)
    assert memory.is_repeat(1, b"on", NOW + 2 * BOOT_SECONDS)


def test_the_last_eight_of_a_gateway_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boots, "GATEWAYS_MAX", 2)
    memory = Boots()
    asked = [bytes((number,)) for number in range(BOOTS_MAX)]
    assert not any(memory.is_repeat(1, each, NOW) for each in asked)
    assert memory.is_repeat(1, asked[0], NOW)
    assert not memory.is_repeat(1, b"one more", NOW)
    assert memory.is_repeat(1, asked[0], NOW), "heard again since"
    assert memory.statistics() == {"boot_gateways": 1, "boots": BOOTS_MAX}
    assert not memory.is_repeat(1, asked[1], NOW), "the one that was not heard for longest is forgotten"
    assert not memory.is_repeat(2, b"on", NOW)
    assert not memory.is_repeat(3, b"on", NOW)
    assert memory.statistics() == {"boot_gateways": 2, "boots": 2}
    assert not memory.is_repeat(1, b"one more", NOW)
