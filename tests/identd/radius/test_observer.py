"""The sets that counters are made from are those that the door can say."""

from identd.live_calls import Outcome
from identd.radius.observer import Answered, Dropped
from protocol.radius.packet import Malformed
from protocol.reason import UNAVAILABLE


def test_whatever_is_malformed_or_unavailable_can_be_counted() -> None:
    for malformed in Malformed:
        assert Dropped(f"malformed_{malformed.value}")
    for reason in UNAVAILABLE:
        assert Dropped(reason.value)
    assert {dropped for dropped in Dropped if dropped.startswith("malformed_")} == {
        f"malformed_{malformed.value}" for malformed in Malformed
    }


def test_whatever_becomes_of_a_call_can_be_counted() -> None:
    for result in Outcome.__annotations__["result"].__args__:
        assert Answered(result)
