"""One place to import the clients from, and one way to use either."""

import inspect

import pytest

from protocol import client, client_settings
from protocol.client import BlockingClient, Client


def test_both_clients_are_found_in_one_place_and_take_the_same_settings() -> None:
    assert issubclass(Client, client_settings.ClientSettings)
    assert inspect.signature(Client) == inspect.signature(BlockingClient)
    assert {name for name in client.__all__ if not hasattr(client, name)} == set()


@pytest.mark.parametrize("method", ["call", "call_many"])
def test_both_clients_ask_in_the_same_way(method: str) -> None:
    trio_way, blocking_way = (inspect.signature(getattr(kind, method)) for kind in (Client, BlockingClient))
    assert trio_way.parameters.keys() == blocking_way.parameters.keys()
