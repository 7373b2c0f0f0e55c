"""The values cost the garbage collector nothing, cannot be changed, and travel as they are."""

import gc

import msgspec
import pytest

from matcher.account import IDENT_ORDER, Account, Gateway, Network, OrigSide
from matcher.address import canonical_network

ROSE = Account(
    id=176,
    client_id=12,
    name="rose_orig",
    ident_by="ip",
    networks=(canonical_network("11.11.20.33")[0],),
    orig=OrigSide(rate_table_id=5, routing_plan_id=3),
)


@pytest.mark.rule("M3.2")
def test_name_is_tried_before_address_and_ani_last_unless_the_gateway_says_otherwise() -> None:
    assert IDENT_ORDER == Gateway(id=1, name="gw").ident_order == ("name", "ip", "ani")


def test_an_account_travels_as_an_array_and_arrives_the_same() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(ROSE), type=Account) == ROSE


def test_an_account_cannot_be_changed_and_is_no_work_for_the_garbage_collector() -> None:
    with pytest.raises(AttributeError):
        ROSE.port = 1  # type: ignore[misc]  # that it is refused is the point
    assert not gc.is_tracked(ROSE)


def test_a_host_is_a_network_of_one_address() -> None:
    assert Network(bytes(4), 32).is_host
    assert Network(bytes(16), 128).is_host
    assert not Network(bytes(16), 32).is_host
