"""Arguments that need reading, and that no subcommand of the contract is missing."""

import argparse

import pytest

from identd.cli.requests import QUESTIONS, host_and_port


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:7878", ("127.0.0.1", 7878)),
        ("switch.example:1", ("switch.example", 1)),
        ("[::1]:65535", ("::1", 65535)),
    ],
)
def test_tcp_address_is_host_and_port(text: str, address: tuple[str, int]) -> None:
    assert host_and_port(text) == address


@pytest.mark.parametrize(
    "text",
    ["", "127.0.0.1", ":7878", "::1:7878", "h:0", "h:65536", "h:x", "[::1]", "h:1 ", "h\udce9:1", f"{'h' * 64}:1"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="HOST:PORT"):
        host_and_port(text)


def test_every_question_of_the_contract_is_there() -> None:
    assert set(QUESTIONS) == {"identify", "authorize", "start", "release", "calls", "status", "explain"}
