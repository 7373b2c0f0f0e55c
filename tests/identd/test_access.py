"""Who may speak as which gateway, and what a request says in canonical form; dialogues are in test_session.py."""

import pytest

from identd.access import KeyRefusedError, Peer, admits, call_attempt
from matcher.address import canonical_address
from matcher.attempt import ClearPassword, DigestResponse
from protocol.messages import Digest, Identify
from tests.identd.building import TCP, UNIX, gateway, network, verify


@pytest.mark.rule("P1.3", "P1.17")
def test_an_unknown_gateway_costs_the_same_check_and_is_never_admitted() -> None:
    asked: list[str | None] = []

    def watched(secret_hash: str | None, secret: str) -> bool:
        asked.append(secret_hash)
        return True

    assert not admits(None, TCP, "any", watched)
    assert asked == [None]
    assert not admits(None, UNIX, "any", watched)


@pytest.mark.rule("P1.3")
def test_an_address_of_the_gateway_is_one_of_its_networks_in_either_family() -> None:
    both = gateway(1, addresses=(network("2001:db8::/32"), network("192.0.2.0/29")))
    for address, admitted in (
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("2001:db8::7", True),
        ("2001:db9::", False),
    ):
        assert admits(both, Peer("tcp", address, canonical_address(address)), None, verify) is admitted


@pytest.mark.rule("P1.13", "M2.4", "M2.8")
def test_what_the_switch_said_in_canonical_form() -> None:
    request = Identify(id=1, dnis="44", ip="::ffff:10.0.0.1", protocol="SIP", name="rose", password="secret")
    said = call_attempt(request, gateway(1, trusts_name=True), peer_is_local=True)
    assert (said.address, said.protocol, said.name_verified) == (bytes((10, 0, 0, 1)), "sip", True)
    assert said.credentials == ClearPassword("secret")
    assert not call_attempt(request, gateway(1), peer_is_local=True).name_verified
    assert not call_attempt(request, None, peer_is_local=True).name_verified


@pytest.mark.rule("P1.14")
def test_a_digest_without_an_algorithm_is_md5_and_may_come_from_anywhere() -> None:
    digest = Digest(username="u", realm="r", nonce="n", uri="sip:x", method="INVITE", response="00")
    said = call_attempt(Identify(id=1, dnis="44", name="rose", digest=digest), None, peer_is_local=False)
    assert said.credentials == DigestResponse("u", "r", "n", "sip:x", "INVITE", "00", "MD5")


@pytest.mark.rule("P1.13")
def test_a_clear_password_from_afar_is_refused_without_being_repeated() -> None:
    with pytest.raises(KeyRefusedError) as refused:
        call_attempt(Identify(id=1, dnis="44", name="rose", password="secret"), None, peer_is_local=False)
    assert refused.value.field == "password"
    assert "secret" not in str(refused.value)
