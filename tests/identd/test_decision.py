"""Decisions are flat values whose names are the keys of the answer."""

import msgspec
import pytest

from identd.decision import Grant, Refuse, Unavailable
from protocol.messages import DecisionAnswer


@pytest.mark.rule("P0.12", "M1.11")
@pytest.mark.parametrize("kind", [Grant, Refuse, Unavailable])
def test_every_field_of_a_decision_is_a_key_of_the_answer(kind: type[msgspec.Struct]) -> None:
    assert set(kind.__struct_fields__) <= set(DecisionAnswer.__struct_fields__)
    assert kind.__struct_config__.tag_field == "decision"
    assert kind.__struct_config__.tag == kind.__name__.lower()
