"""The closed set of codes, and the exceptions of the client."""

import pytest

from protocol.errors import ErrorCode, IdentdError, IdentdUnavailable, ProtocolViolation, RequestRefused


@pytest.mark.rule("P2.17")
def test_error_codes_are_those_of_the_protocol() -> None:
    assert [code.value for code in ErrorCode] == [
        "bad_request",
        "bad_frame",
        "frame_too_large",
        "hello_required",
        "forbidden",
        "stale_boot",
        "call_id_conflict",
        "not_owner",
        "internal",
    ]


def test_refusal_tells_code_field_and_message() -> None:
    assert str(RequestRefused("bad_request", "ip", "no address")) == "bad_request (ip): no address"
    assert str(RequestRefused("forbidden", None, "not yours")) == "forbidden: not yours"


def test_whatever_keeps_a_client_from_an_answer_can_be_caught_at_once() -> None:
    assert all(issubclass(error, IdentdError) for error in (IdentdUnavailable, ProtocolViolation, RequestRefused))
