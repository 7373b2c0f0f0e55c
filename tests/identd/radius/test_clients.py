"""Whose packets are answered: the longest network, tables that overrule a preset, and tables that are refused."""

from typing import Any

import pytest

from identd.radius.clients import RadiusClientsError
from matcher.address import canonical_address
from tests.identd.radius.building import clients


def test_the_longest_network_that_has_the_address_counts_and_families_never_mix() -> None:
    known = clients(
        {"network": "0.0.0.0/0", "gateway": "any"},
        {"network": "192.0.2.0/24", "gateway": "net"},
        {"network": "192.0.2.7", "gateway": "host"},
        {"network": "2001:db8::/32", "gateway": "six"},
    )
    for address, gateway in {
        "192.0.2.7": "host",
        "192.0.2.8": "net",
        "198.51.100.1": "any",
        "::ffff:192.0.2.7": "host",
        "2001:db8::7": "six",
    }.items():
        found = known.find(canonical_address(address))
        assert found is not None
        assert found.gateway == gateway
    assert known.find(canonical_address("2001:db9::7")) is None


@pytest.mark.parametrize(
    ("tables", "alone"),
    [
        ([{"network": "192.0.2.7", "gateway": "gw1"}], True),
        ([{"network": "192.0.2.0/24"}], True),  # each is what its NAS-Identifier says
        ([{"network": "192.0.2.0/24", "gateway": "gw1"}], False),
        ([{"network": "192.0.2.7", "gateway": "gw1"}, {"network": "192.0.2.8", "gateway": "gw1"}], False),
        ([{"network": "192.0.2.7", "gateway": "gw1"}, {"network": "192.0.2.8", "gateway": "gw2"}], True),
    ],
)
def test_a_client_is_one_switch_if_no_table_says_otherwise(tables: list[dict[str, Any]], alone: bool) -> None:
    found = clients(*tables).find(canonical_address("192.0.2.7"))
    assert found is not None
    assert found.is_one_switch is alone


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ({"request": {"ani": ["No-Such"]}}, "request.ani: 'No-Such'"),
        ({"request": {"number": ["User-Name"]}}, "request.number: "),
        ({"request": {"address": ["NAS-Port"]}}, "request.address: an attribute that is integer"),
        ({"request": {"address": ["Framed-IP-Address", "Framed-IPv6-Prefix"]}}, "request.address: an attribute that"),
        ({"request": {"address": ["CHAP-Challenge"]}}, "request.address: an attribute that is octets"),
        ({"answer": {"account": "No-Such"}}, "answer.account: 'No-Such'"),
        ({"answer": {"balance": "Filter-Id"}}, "answer.balance: "),
        ({"answer": {"account": "Session-Timeout"}}, "answer.account: is no number"),
        ({"answer": {"account": "Framed-IP-Address"}}, "answer.account: cannot be written"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_by_its_place_and_key(table: dict[str, Any], where: str) -> None:
    with pytest.raises(RadiusClientsError) as refused:
        clients({"network": "192.0.2.1"}, {"network": "192.0.2.7", **table})
    assert str(refused.value).startswith(f"radius.clients[1].{where}")
    assert "secret" not in str(refused.value)


def test_a_client_without_secret_is_refused() -> None:
    with pytest.raises(RadiusClientsError, match=r"^radius\.clients\[0\]\.secret: "):
        clients({"network": "192.0.2.7"}, secrets=[b""])
