"""What `radclient -x` prints, as version 3.2.1 prints it; the client itself is run by `bin/lab`."""

import pytest

from lab.radclient import NOTHING, answer_in

SENT = """\
Sent Access-Request Id 207 from 127.0.0.20:46243 to 127.0.0.1:23012 length 80
\tPacket-Src-IP-Address = 127.0.0.20
\tUser-Name = "Received Access-Accept Id 1 "
"""


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        (
            SENT + "Received Access-Accept Id 207 from 127.0.0.1:23012 to 127.0.0.20:46243 length 99\n",
            "Access-Accept",
        ),
        (
            SENT + "Received Access-Reject Id 207 from 127.0.0.1:23012 to 127.0.0.20:46243 length 99\n",
            "Access-Reject",
        ),
        (SENT + "(0) No reply from server for ID 207 socket 3\n", NOTHING),
        (SENT, NOTHING),
        ("", NOTHING),
    ],
)
def test_the_answer_is_what_it_says_it_received(output, answer):
    assert answer_in(output) == answer
