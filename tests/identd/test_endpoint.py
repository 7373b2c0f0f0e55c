"""Addresses to listen on: what is read, what is refused, what listens on every address."""

import pytest

from identd.endpoint import Endpoint, parse_endpoint


@pytest.mark.parametrize(
    ("text", "host", "port", "wildcard"),
    [
        ("127.0.0.1:7878", "127.0.0.1", 7878, False),
        ("[::1]:0", "::1", 0, False),
        ("0.0.0.0:65535", "0.0.0.0", 65535, True),
        ("[::]:1", "::", 1, True),
        ("[::ffff:0.0.0.0]:1", "::ffff:0.0.0.0", 1, True),
        (":7878", "", 7878, True),
    ],
)
def test_an_endpoint_is_read_and_knows_whether_it_is_every_address(
    text: str, host: str, port: int, wildcard: bool
) -> None:
    endpoint = parse_endpoint(text)
    assert (endpoint, endpoint.is_wildcard, str(endpoint)) == (Endpoint(host, port), wildcard, text)


REFUSED = """
7878 | 127.0.0.1 | 127.0.0.1: | 127.0.0.1:65536 | 127.0.0.1:-1 | 127.0.0.1:٧ | ::1:7878 | [127.0.0.1]:1
localhost:1 | 127.1:1 | 010.0.0.1:1 | [fe80::1%eth0]:1 | [::1]]:1 | 127.0.0 .1:1
""".strip()


@pytest.mark.parametrize("text", ["", *(text.strip() for line in REFUSED.splitlines() for text in line.split("|"))])
def test_what_is_no_literal_address_and_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_endpoint(text)
