"""What a codec hands on: errors as they go out, and tokens that no log can tell."""

from protocol.codec import RequestError, Token
from protocol.errors import ErrorCode
from protocol.messages import ErrorAnswer


def test_an_error_is_answered_with_what_it_names():
    error = RequestError(7, ErrorCode.BAD_REQUEST, "ip", "must be there", fatal=False)
    assert error.answer() == ErrorAnswer(id=7, op="error", code="bad_request", field="ip", message="must be there")


def test_a_token_hides_its_secret():
    assert "secret of gw1" not in repr(Token("gw1", "secret of gw1"))
    assert "gw1" in repr(Token("gw1", "s"))
