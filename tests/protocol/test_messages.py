"""What the types promise. What they accept and refuse on the wire is in vectors.txt."""

import gc

import msgspec
import pytest

from protocol import messages
from protocol.messages import Authorize, Digest, ErrorAnswer, Hello, Identify, Ping, TouchAnswer


def structs() -> list[type[msgspec.Struct]]:
    found = [value for value in vars(messages).values() if isinstance(value, type)]
    return [value for value in found if issubclass(value, msgspec.Struct)]


def test_every_message_is_frozen_and_costs_the_garbage_collector_nothing() -> None:
    assert [struct for struct in structs() if not struct.__struct_config__.frozen] == []
    assert not gc.is_tracked(Authorize(id=1, ip="192.0.2.1", dnis="1", call_id="c"))


@pytest.mark.rule("P0.12")
def test_every_request_refuses_unknown_keys_and_leaves_out_what_is_not_set() -> None:
    requests = [struct for struct in structs() if issubclass(struct, messages.Request)]
    assert len(requests) == 15
    assert all(struct.__struct_config__.forbid_unknown_fields for struct in (*requests, Digest))
    assert msgspec.json.encode(Identify(id=1, ip="192.0.2.1", dnis="1")) == (
        b'{"op":"identify","id":1,"dnis":"1","ip":"192.0.2.1"}'
    )


@pytest.mark.rule("P2.13", "P2.16")
def test_what_an_answer_must_say_is_never_left_out() -> None:
    assert b'"id":null' in msgspec.json.encode(ErrorAnswer(id=None, op="error", code="bad_frame", message="why"))
    assert b'"result":"touched"' in msgspec.json.encode(TouchAnswer(id=1, op="touch", result="touched", unknown=()))


def test_secret_of_a_gateway_is_not_in_its_repr() -> None:
    assert "hunter2" not in repr(Hello(id=1, version=1, gateway="gw1", secret="hunter2"))


def test_password_of_an_account_is_not_in_its_repr() -> None:
    assert "hunter2" not in repr(Identify(id=1, name="rose", dnis="1", password="hunter2"))
    assert "hunter2" not in repr(Authorize(id=1, name="rose", dnis="1", password="hunter2", call_id="c"))


def test_a_request_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Ping(id=1).id = 2  # type: ignore[misc]  # that is the point
