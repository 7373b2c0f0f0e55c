"""Whose address it is, in front of a proxy and behind one."""

import pytest
from starlette.requests import Request

from console.context import Console
from console.people.origin_address import address_of
from identd.settings import ConsoleSection, Settings

PUBLIC = "https://identd.example.net"


@pytest.mark.parametrize(
    ("public_url", "peer", "forwarded", "address"),
    [
        ("", "192.0.2.1", "", "192.0.2.1"),
        ("", "127.0.0.1", "198.51.100.7", "127.0.0.1"),
        (PUBLIC, "127.0.0.1", "198.51.100.7", "198.51.100.7"),
        (PUBLIC, "::1", "10.9.9.9, 2001:DB8::7", "2001:db8::7"),
        (PUBLIC, "127.0.0.1", "", "127.0.0.1"),
        (PUBLIC, "127.0.0.1", "<script>", "127.0.0.1"),
        (PUBLIC, "192.0.2.1", "198.51.100.7", "192.0.2.1"),
        (PUBLIC, "testclient", "198.51.100.7", "testclient"),
    ],
)
async def test_only_a_proxy_of_this_machine_is_believed(
    console: Console, public_url: str, peer: str, forwarded: str, address: str
):
    console.settings = Settings(console=ConsoleSection(public_url=public_url))

    class App:
        class state:  # noqa: N801 - as Starlette calls it
            pass

    App.state.console = console
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    request = Request({"type": "http", "app": App, "client": (peer, 1), "headers": headers})
    assert address_of(request) == address


async def test_a_transport_without_addresses_has_none(console: Console):
    class App:
        class state:  # noqa: N801
            pass

    App.state.console = console
    assert address_of(Request({"type": "http", "app": App, "client": None, "headers": []})) == ""
