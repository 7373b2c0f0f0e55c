"""What both clients share: ids, refusals, and how an absent daemon is told."""

import pytest

from protocol.client import BlockingClient
from protocol.client_settings import ConnectionLost, granted
from protocol.errors import RequestRefused
from protocol.messages import ErrorAnswer, PongAnswer


def test_ids_given_out_are_never_the_same() -> None:
    client = BlockingClient("unused")
    assert len({client.next_id() for _ in range(100)}) == 100


def test_error_answer_becomes_an_exception_and_any_other_passes() -> None:
    pong = PongAnswer(id=1, op="pong")
    assert granted(pong) is pong
    with pytest.raises(RequestRefused) as refused:
        granted(ErrorAnswer(id=1, op="error", code="bad_request", field="ip", message="why"))
    assert (refused.value.code, refused.value.field, refused.value.message) == ("bad_request", "ip", "why")


def test_where_nobody_listens_is_told_for_both_kinds_of_address() -> None:
    for address, told in (("run/s", "no daemon at run/s: lost"), (("127.0.0.1", 7878), "at 127.0.0.1:7878: lost")):
        assert told in str(BlockingClient(address)._nobody(ConnectionLost("lost")))
