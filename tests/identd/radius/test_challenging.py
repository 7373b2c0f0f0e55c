"""Dialogues with a switch that leaves its nonces to us: asked, challenged, answered, and what is refused."""

import hashlib
from typing import Any

import pytest
from pyrad.packet import AccessRequest

from identd.credentials import KeyRing, Prover, StoredPassword, make_ha1, seal
from identd.engine import Engine
from identd.live_calls import LiveCalls
from identd.radius.door import RadiusDoor
from identd.radius.nonces import NONCE_SECONDS
from identd.radius.observer import Answered, Dropped
from matcher.account import Account
from matcher.change import ChangeSet
from matcher.directory import Directory
from tests.identd.building import NOW, account, client, gateway, put
from tests.identd.radius.building import Heard, Said, Switch, clients, door

KEYS = KeyRing((bytes(range(32)),))
REALM, URI = "sip.example", "sip:4420@sip.example"
SEALED = StoredPassword(sealed=seal("s3cret", 1, KEYS, bytes(12))).to_bytes()
HA1 = StoredPassword(ha1=(make_ha1("MD5", REALM, "alice", "s3cret"),)).to_bytes()
TABLE = {"network": "192.0.2.7", "gateway": "gw1", "digest_realm": REALM}
CHALLENGE = {"Digest-Realm": [b"sip.example"], "Digest-Qop": [b"auth"], "Digest-Algorithm": [b"MD5"]}


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def judge_of(*accounts: Account, trusts_name: bool = False) -> Engine:
    made = Engine(Directory(Prover(KEYS)), LiveCalls())
    rows = (*accounts, client(), gateway(1, trusts_name=trusts_name), gateway(2))
    made.applied(made.directory.apply(ChangeSet(tuple(map(put, rows)), full=True)), NOW)
    return made


def judge(stored: bytes = SEALED, **more: Any) -> Engine:
    """An engine with alice, who has one line, and an account at 10.0.0.1."""
    alice = account(1, ident_by="name", networks=(), ident_name="alice", password=stored, capacity=1, **more)
    return judge_of(alice, account(2, ip="10.0.0.1"))


def place(made: Engine | None = None, **table: Any) -> tuple[Switch, Heard, Engine]:
    made = made or judge()
    at, heard = door(made, {**TABLE, **table})
    return Switch(at), heard, made


def answered(said: Said | None) -> Said:
    assert said is not None, "silence"
    return said


def asks(switch: Switch, **more: Any) -> Said:
    """A request for a nonce, which is all of the call but the digest's answer."""
    words = {"called_station_id": "4420", "acct_session_id": "c", "digest_method": "INVITE", "digest_uri": URI}
    return answered(switch.access(**{**words, **more}))


def responds(switch: Switch, nonce: str, password: str = "s3cret", realm: str = REALM, **more: Any) -> Said:
    """The same call with alice's answer to a nonce."""
    ha1, ha2 = md5(f"alice:{realm}:{password}"), md5(f"INVITE:{URI}")
    words = {"digest_username": "alice", "digest_realm": realm, "digest_nonce": nonce, "digest_cnonce": "cn"}
    words |= {"digest_nonce_count": "00000001", "digest_qop": "auth"}
    return asks(switch, digest_response=md5(f"{ha1}:{nonce}:00000001:cn:auth:{ha2}"), **words, **more)


def nonce_of(said: Said) -> str:
    """The nonce of a challenge, which has everything else that RFC 5090 wants in it."""
    assert said.code == "challenge"
    for name, values in CHALLENGE.items():
        assert said.every(name) == values, name
    (nonce,) = said.every("Digest-Nonce")
    return nonce.decode()


@pytest.mark.parametrize("stored", [SEALED, HA1], ids=["sealed", "ha1"])
def test_a_call_that_is_challenged_and_answers(stored: bytes) -> None:
    switch, heard, made = place(judge(stored))
    challenged = asks(switch)
    assert challenged.every("Digest-Stale") == []
    assert (len(made.live), heard.decisions, heard.requests) == (0, [], []), "no decision yet, and nothing taken"
    switch.now += NONCE_SECONDS - 0.1
    granted = responds(switch, nonce_of(challenged))
    assert (granted.code, granted.texts["identd-account-id"]) == ("accept", "1")
    assert len(made.live) == 1
    assert heard.answered == [Answered.CHALLENGE, Answered.GRANT]
    assert (heard.decisions, heard.requests) == ([("orig", "")], ["authorize"])


def test_a_client_that_identifies_is_challenged_too() -> None:
    switch, _, made = place(mode="identify")
    nonce = nonce_of(asks(switch, acct_session_id=None))
    assert responds(switch, nonce, acct_session_id=None).code == "accept"
    assert len(made.live) == 0


def test_a_request_for_a_nonce_need_not_say_whose_call_it_is() -> None:
    switch, heard, _ = place()
    nonce_of(asks(switch, called_station_id=None, acct_session_id=None))
    assert heard.bad_fields == []


def test_a_right_response_to_an_old_nonce_is_challenged_anew_and_the_new_one_serves() -> None:
    switch, heard, made = place()
    old = nonce_of(asks(switch))
    switch.now += NONCE_SECONDS + 0.1
    challenged = responds(switch, old)
    assert challenged.every("Digest-Stale") == [b"true"]
    assert (len(made.live), heard.decisions) == (0, [])
    assert responds(switch, nonce_of(challenged)).code == "accept"


def of_another_gateway() -> str:
    other, _, _ = place(gateway="gw2")
    return nonce_of(asks(other))


def of_another_table() -> str:
    other, _, _ = place(network="192.0.2.0/24")
    return nonce_of(asks(other))


def of_before_a_restart() -> str:
    made = judge()
    restarted = RadiusDoor(made, clients(TABLE), Heard(), bytes(32))
    return nonce_of(asks(Switch(restarted)))


NOT_OURS = {
    "the switch's": lambda: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
    "another gateway's": of_another_gateway,
    "another table's": of_another_table,
    "of before a restart": of_before_a_restart,
}


@pytest.mark.parametrize("whose", NOT_OURS)
def test_a_right_response_to_a_nonce_that_is_not_ours_is_challenged_anew(whose: str) -> None:
    switch, _, made = place()
    nonce = NOT_OURS[whose]()
    challenged = responds(switch, nonce)
    assert challenged.every("Digest-Stale") == [b"true"]
    assert nonce_of(challenged) != nonce
    assert len(made.live) == 0


@pytest.mark.parametrize("age", [0.0, NONCE_SECONDS + 0.1], ids=["fresh", "stale"])
def test_a_wrong_response_is_a_bad_password_whatever_its_nonce_is(age: float) -> None:
    switch, heard, _ = place()
    nonce = nonce_of(asks(switch))
    switch.now += age
    refused = responds(switch, nonce, "wrong")
    assert (refused.code, refused.texts["identd-reason"]) == ("reject", "bad_password")
    assert refused.every("Digest-Stale") == []
    assert heard.decisions == [("orig", "bad_password")]


def test_whether_an_account_may_call_is_told_to_a_fresh_nonce_only() -> None:
    switch, _, _ = place(judge(blocked=True))
    challenged = responds(switch, "not ours")
    assert responds(switch, nonce_of(challenged)).texts["identd-reason"] == "account_blocked"


def test_the_draft_s_response_is_held_to_our_nonces_too() -> None:
    switch, _, _ = place()
    nonce = nonce_of(asks(switch))
    for told, code in ((nonce, "accept"), ("not ours", "challenge")):
        fields = ((1, REALM), (2, told), (3, "INVITE"), (4, URI), (10, "alice"))
        made = switch.packet(AccessRequest, {"Called-Station-Id": "4420", "Acct-Session-Id": "c"})
        made[206] = [md5(f"{md5(f'alice:{REALM}:s3cret')}:{told}:{md5(f'INVITE:{URI}')}").encode()]
        made[207] = [bytes((kind, len(text) + 2)) + text.encode() for kind, text in fields]
        assert answered(switch.send(made)).code == code


@pytest.mark.parametrize("how", ["asks", "responds"])
def test_another_realm_is_no_business_of_this_client(how: str) -> None:
    switch, heard, _ = place()
    nonce = nonce_of(asks(switch))
    said = asks(switch, digest_realm="other") if how == "asks" else responds(switch, nonce, realm="other")
    assert (said.code, said.texts["identd-reason"]) == ("reject", "bad_request")
    assert said.every("Reply-Message") == [b"bad_request: digest realm is not the client's digest_realm"]
    assert heard.bad_fields == ["digest"]


def test_a_response_without_nonce_is_a_bad_request() -> None:
    switch, _, _ = place()
    assert responds(switch, "").every("Reply-Message") == [b"bad_request: digest nonce is missing"]


def test_a_call_known_by_its_address_needs_no_nonce_of_ours() -> None:
    switch, _, _ = place()
    at = bytes((10, 0, 0, 1))
    plain = answered(switch.call("d"))
    assert (plain.code, plain.texts["identd-account-id"]) == ("accept", "2")
    wrong = responds(switch, "not ours", "wrong", framed_ip_address=at)
    assert (wrong.code, wrong.texts["identd-account-id"]) == ("accept", "2")


def test_an_address_that_has_a_password_too_is_known_by_the_address() -> None:
    switch, _, _ = place(judge_of(account(2, ip="10.0.0.1", password=SEALED)))
    assert responds(switch, "not ours", framed_ip_address=bytes((10, 0, 0, 1))).code == "accept"


def test_a_name_without_password_that_the_gateway_vouches_for_needs_no_nonce() -> None:
    alice = account(1, ident_by="name", networks=(), ident_name="alice")
    switch, _, _ = place(judge_of(alice, trusts_name=True))
    assert responds(switch, "not ours").code == "accept"


def test_two_that_ask_in_one_moment_get_two_nonces() -> None:
    switch, _, _ = place()
    assert nonce_of(asks(switch)) != nonce_of(asks(switch))


def test_without_a_realm_nobody_is_challenged_and_nonces_are_the_switchs_affair() -> None:
    switch, heard, _ = place(digest_realm="")
    asked = asks(switch)
    assert (asked.code, asked.texts["identd-reason"]) == ("reject", "bad_request")
    assert asks(switch, framed_ip_address=bytes((10, 0, 0, 1))).code == "accept"
    assert responds(switch, "the switch's own", acct_session_id="d").code == "accept"
    assert Answered.CHALLENGE not in heard.answered


def test_a_challenge_that_got_lost_is_sent_again_to_the_byte() -> None:
    switch, heard, _ = place()
    words = {"Called-Station-Id": "4420", "Digest-Method": "INVITE", "Digest-URI": URI}
    raw = switch.packet(AccessRequest, words).RequestPacket()
    first = switch.door.receive(raw, switch.source, 1, "auth", NOW)
    assert first is not None
    assert switch.door.receive(raw, switch.source, 1, "auth", NOW + 3) == first
    assert (heard.duplicates, heard.answered) == (1, [Answered.CHALLENGE])


def test_a_reload_leaves_the_nonces_as_they_are() -> None:
    switch, _, _ = place()
    nonce = nonce_of(asks(switch))
    switch.door.use(clients(TABLE))
    assert responds(switch, nonce).code == "accept"


@pytest.mark.parametrize(("mode", "reason"), [("authorize", [Dropped.DRAINING]), ("identify", [])])
def test_while_we_drain_calls_are_asked_of_the_next_server_from_the_first_packet_on(
    mode: str, reason: list[Dropped]
) -> None:
    switch, heard, made = place(mode=mode)
    made.draining = True
    said = switch.access(digest_method="INVITE", digest_uri=URI)
    assert (said is None) == bool(reason)
    assert heard.dropped == reason
