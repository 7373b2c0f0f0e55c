"""One message into a request or an error; the rules themselves are in test_connection.py, over whole connections."""

import pytest

from protocol import messages as m
from protocol.codec import RequestError
from protocol.reading import BAD_REQUEST_WINDOW_SECONDS, FORMS, BadRequests, json_form, read_request


@pytest.mark.parametrize(
    ("message", "code", "field", "request_id", "fatal"),
    [
        (b"nonsense", "bad_frame", None, None, True),
        (b'{"op":"ping","id":1', "bad_frame", None, None, True),
        (b'{"op":"dance","id":1}', "bad_request", "op", 1, False),
        (b'{"op":"ping"}', "bad_request", "id", None, False),
        (b'{"op":"identify","id":2,"dnis":"1"}', "bad_request", "ip", 2, False),
        (b'{"op":"identify","id":2,"dnis":"1","ip":"a","iq":1}', "bad_request", "iq", 2, False),
    ],
)
def test_what_is_no_request_says_why(
    message: bytes, code: str, field: str | None, request_id: int | None, fatal: bool
):
    read = read_request(FORMS["json"], message)
    assert isinstance(read, RequestError)
    assert (read.code, read.field, read.id, read.fatal) == (code, field, request_id, fatal)


def test_a_form_of_one_kind_needs_no_op_and_takes_no_other():
    form = json_form(m.Start)
    assert read_request(form, b'{"id":1,"call_id":"c"}') == m.Start(id=1, call_id="c")
    assert read_request(form, b'{"id":1,"op":"start","call_id":"c"}') == m.Start(id=1, call_id="c")
    other = read_request(form, b'{"id":1,"op":"release","call_id":"c"}')
    assert isinstance(other, RequestError)
    assert other.field == "op"


def test_the_third_bad_request_in_ten_seconds_is_the_last():
    counted = BadRequests()
    times = (0.0, 1.0, BAD_REQUEST_WINDOW_SECONDS, BAD_REQUEST_WINDOW_SECONDS + 0.5)
    assert [counted.count(at) for at in times] == [False, False, False, True]
