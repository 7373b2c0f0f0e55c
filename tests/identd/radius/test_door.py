"""Dialogues over RADIUS: what a switch sends and what it hears, if anything. pyrad writes and verifies."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyrad.packet import AccessRequest, AccountingRequest, StatusServer

from identd.engine import Engine
from identd.live_calls import LiveCalls
from identd.radius.duplicates import TURN_SECONDS
from identd.radius.observer import Answered, Dropped
from matcher.directory import Directory
from protocol.radius.secret import Secret
from tests.identd.building import NOW, account, change, client, engine, gateway, gone, network
from tests.identd.radius.building import SECRET, Said, Switch, clients, door
from tests.matcher.oracle import proves


def small(**more: Any) -> Engine:
    rows = (account(1, capacity=1), account(2, tech_prefix="99#", ip="10.0.0.1"), account(3, client_id=2))
    return engine(*rows, client(), client(2), gateway(1, **more), gateway(2))


def not_ready() -> Engine:
    return Engine(Directory(proves), LiveCalls())


def answered(said: Said | None) -> Said:
    assert said is not None, "silence"
    return said


def test_a_call_from_access_request_to_stop() -> None:
    made = small()
    at, heard = door(made)
    switch = Switch(at)
    granted = answered(switch.call("c"))
    assert granted.code == "accept"
    assert (granted.texts["identd-account"], granted.texts["identd-dnis"]) == ("account 1", "4420")
    assert len(made.live) == 1
    refused = answered(switch.call("d"))
    assert (refused.code, refused.texts["identd-reason"]) == ("reject", "capacity_account")
    assert (refused.texts["identd-sip-code"], refused.every("Reply-Message")) == ("503", [b"capacity_account"])
    for status in (1, 3):
        switch.now += 3
        assert answered(switch.account(status)).code == "accounted"
        call = made.live.find((1, "c", ""))
        assert call is not None
        assert (call.state, call.renewed_heard) == ("active", switch.now)
    assert answered(switch.account(2)).code == "accounted"
    assert len(made.live) == 0
    assert heard.answered == [Answered(kind) for kind in ("grant", "refuse", "started", "touched", "released")]
    assert heard.decisions == [("orig", ""), ("orig", "capacity_account")]
    assert heard.requests == ["authorize", "authorize", "start", "touch", "release"]
    assert heard.received == [1, 1, 4, 4, 4]
    assert heard.dropped == []


def test_a_stripped_number_and_a_second_account_on_one_address() -> None:
    at, _ = door(small())
    granted = answered(Switch(at).call(dnis="99#4420"))
    assert (granted.texts["identd-account-id"], granted.texts["identd-dnis"]) == ("2", "4420")


def test_a_client_that_identifies_takes_nothing_and_names_no_call() -> None:
    made = small()
    at, heard = door(made, {"network": "192.0.2.7", "gateway": "gw1", "mode": "identify"})
    for _ in range(3):
        granted = answered(Switch(at).call(acct_session_id=None))
        assert (granted.code, granted.texts["identd-account-id"]) == ("accept", "1")
    assert len(made.live) == 0
    assert heard.requests == ["identify"] * 3


def test_a_call_that_is_asked_for_again_gets_the_same_answer_and_takes_nothing() -> None:
    made = small()
    at, heard = door(made)
    switch = Switch(at)
    first, again = answered(switch.call()), answered(switch.call())
    assert (first.texts, again.code) == (again.texts, "accept")
    assert len(made.live) == 1
    assert heard.duplicates == 0, "another packet, which the engine knows the call of"


def test_a_call_that_is_up_for_another_account_is_rejected_as_a_conflict() -> None:
    at, heard = door(small())
    switch = Switch(at)
    switch.call("c", ip="10.0.0.1")
    conflict = answered(switch.call("c", ip="10.0.0.3"))
    assert (conflict.code, conflict.texts["identd-reason"]) == ("reject", "call_id_conflict")
    assert conflict.every("Reply-Message")[0].startswith(b"call_id_conflict: ")
    assert heard.answered == [Answered.GRANT, Answered.CALL_ID_CONFLICT]


# --- who is not believed hears nothing


@pytest.mark.parametrize(
    ("source", "secret", "reason"),
    [
        ("192.0.2.8", SECRET, Dropped.UNKNOWN_CLIENT),
        ("192.0.2.7", b"another secret", Dropped.WRONG_SIGNATURE),
    ],
)
@pytest.mark.parametrize("what", ["access", "account", "status"])
def test_a_stranger_and_a_wrong_secret_get_silence_and_are_counted(
    source: str, secret: bytes, reason: Dropped, what: str
) -> None:
    made = small()
    at, heard = door(made)
    switch = Switch(at, source, secret)
    said = {"access": switch.call, "account": lambda: switch.account(1), "status": switch.status}[what]()
    assert said is None
    assert heard.dropped == [reason]
    assert (heard.answered, len(made.live)) == ([], 0)


def test_accounting_without_message_authenticator_is_believed_by_its_authenticator_alone() -> None:
    at, heard = door(small())
    switch = Switch(at, signs=False)
    packet = switch.packet(AccountingRequest, {"Acct-Status-Type": 2, "Acct-Session-Id": "c"})
    raw = bytearray(packet.RequestPacket())
    assert at.receive(bytes(raw), switch.source, 1, "accounting", NOW) is not None
    raw[4] ^= 1
    assert at.receive(bytes(raw), switch.source, 1, "accounting", NOW) is None
    assert heard.dropped == [Dropped.WRONG_AUTHENTICATOR]


@pytest.mark.parametrize(
    ("code", "which"),
    [
        (AccessRequest, "accounting"),
        (AccountingRequest, "auth"),
        (2, "auth"),
        (3, "auth"),
        (5, "accounting"),
        (11, "auth"),
    ],
)
def test_a_packet_at_the_wrong_socket_or_an_answer_for_a_request_gets_silence(code: int, which: Any) -> None:
    at, heard = door(small())
    raw = bytes((code, 1, 0, 20)) + bytes(16)
    assert at.receive(raw, Switch(at).source, 1, which, NOW) is None
    assert heard.dropped == [Dropped.UNEXPECTED_CODE]


MALFORMED = {
    "empty": (b"", Dropped.MALFORMED_TOO_SHORT),
    "19 bytes": (bytes((1, 1, 0, 19)) + bytes(15), Dropped.MALFORMED_TOO_SHORT),
    "4,097 bytes": (bytes((1, 1, 16, 1)) + bytes(4093), Dropped.MALFORMED_TOO_LONG),
    "lying length": (bytes((1, 1, 0, 60)) + bytes(16), Dropped.MALFORMED_LYING_LENGTH),
    "length 0": (bytes((1, 1, 0, 24)) + bytes(16) + b"\x01\x00ab", Dropped.MALFORMED_ATTRIBUTE_LENGTH),
    "length 1": (bytes((1, 1, 0, 24)) + bytes(16) + b"\x01\x01ab", Dropped.MALFORMED_ATTRIBUTE_LENGTH),
    "past the end": (bytes((1, 1, 0, 24)) + bytes(16) + b"\x01\x05ab", Dropped.MALFORMED_ATTRIBUTE_LENGTH),
    "201 attributes": (
        bytes((1, 1, 0x02, 0x6F)) + bytes(16) + b"\x01\x03a" * 201,
        Dropped.MALFORMED_TOO_MANY_ATTRIBUTES,
    ),
    "truncated VSA": (
        bytes((1, 1, 0, 30)) + bytes(16) + b"\x1a\x0a\x00\x00\x00\x09\x01\x09ab",
        Dropped.MALFORMED_VENDOR_ATTRIBUTE,
    ),
    "type 0": (bytes((1, 1, 0, 23)) + bytes(16) + b"\x00\x03a", Dropped.MALFORMED_ATTRIBUTE_TYPE),
    "a code that nobody sends": (bytes((99, 1, 0, 20)) + bytes(16), Dropped.MALFORMED_UNKNOWN_CODE),
}


@pytest.mark.parametrize(("datagram", "reason"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_packet_gets_silence_and_is_counted_by_what_is_wrong(datagram: bytes, reason: Dropped) -> None:
    at, heard = door(small())
    assert at.receive(datagram, Switch(at).source, 1, "auth", NOW) is None
    assert heard.dropped == [reason]


@given(st.binary(max_size=300), st.sampled_from(["auth", "accounting"]))
@settings(max_examples=150, deadline=None)
def test_no_bytes_of_a_known_address_get_more_than_silence(datagram: bytes, which: Any) -> None:
    at, heard = door(small(), {"network": "192.0.2.7", "gateway": "gw1", "require_message_authenticator": "yes"})
    assert at.receive(datagram, Switch(at).source, 1, which, NOW) is None
    assert len(heard.dropped) == 1


KEYS = (1, 2, 3, 4, 5, 8, 30, 31, 32, 33, 40, 41, 44, 60, 95, 103, 104, 105, 108, 109, 115, 168, 206, 207, 225, 26)
VALUES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"", b"\0\0\0\1", b"\0\0\0\2", b"\0\0\0\7", b"gw1", b"\x0a\0\0\1", b"\xff" * 4, bytes(17), b"\1\4ab"]
    ),
    st.sampled_from(["identd-ip", "identd-port", "identd-direction", "x", "\xe9"]).flatmap(
        lambda name: st.binary(max_size=20).map(lambda text: b"\0\0\0\x09\1" + _counted(name.encode() + b"=" + text))
    ),
    st.sampled_from(["source", "port", "protocol", "leg"]).flatmap(
        lambda name: st.text(max_size=20).map(lambda text: f"{name}:{text}".encode())
    ),
)


def _counted(value: bytes) -> bytes:
    return bytes((len(value) + 2,)) + value


@given(
    st.sampled_from([1, 4, 12]),
    st.lists(st.tuples(st.sampled_from(KEYS), VALUES), max_size=12),
    st.sampled_from(["generic", "kamailio", "cisco-h323"]),
    st.sampled_from(["authorize", "identify"]),
    st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_whatever_a_client_has_signed_is_answered_or_met_with_silence_and_counted_once(
    code: int, attributes: list[tuple[int, bytes]], preset: str, mode: str, fixed: bool
) -> None:
    made = small()
    table = {"network": "192.0.2.7", "gateway": "gw1" if fixed else "", "preset": preset, "mode": mode}
    at, heard = door(made, table)
    secret = Secret(SECRET)
    body = b"\x50\x12" + bytes(16) + b"".join(bytes((key, len(value) + 2)) + value for key, value in attributes)
    head = bytes((code, 7)) + (20 + len(body)).to_bytes(2, "big")
    signature = secret.hmac(head + bytes(16) + body)
    body = body[:2] + signature + body[18:]
    sealed = secret.md5(head + bytes(16) + body) if code == 4 else bytes(16)
    said = at.receive(head + sealed + body, Switch(at).source, 1, "accounting" if code == 4 else "auth", NOW)
    assert (said is None) == bool(heard.dropped)
    assert len(heard.answered) + len(heard.dropped) == 1
    assert not set(heard.dropped) & {Dropped.WRONG_SIGNATURE, Dropped.WRONG_AUTHENTICATOR, Dropped.UNSIGNED}
    assert len(made.live) == (1 if heard.answered == [Answered.GRANT] and mode == "authorize" else 0)


def test_no_change_of_one_bit_in_a_signed_request_is_answered() -> None:
    at, _ = door(small(), {"network": "192.0.2.7", "gateway": "gw1", "require_message_authenticator": "yes"})
    switch = Switch(at)
    raw = switch.packet(AccessRequest, {"Called-Station-Id": "1", "Framed-IP-Address": bytes(4)}).RequestPacket()
    chance = random.Random(1)
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1 << chance.randrange(8)
        assert at.receive(bytes(changed), switch.source, 1, "auth", NOW) is None, place


# --- which gateway


def test_a_client_without_gateway_is_the_one_that_nas_identifier_names() -> None:
    made = small()
    at, heard = door(made, {"network": "192.0.2.0/24"})
    for name, call_id in (("gw1", "a"), ("gw2", "b")):
        assert answered(Switch(at).call(call_id, ip="10.0.0.3", nas_identifier=name)).code == "accept"
    assert {call.key for call in made.live.all_calls()} == {(1, "a", ""), (2, "b", "")}
    for name in (None, "gw9", b"\xff"):
        assert Switch(at).call("c", ip="10.0.0.3", nas_identifier=name) is None
    assert heard.dropped == [Dropped.UNKNOWN_GATEWAY] * 3


def test_a_fixed_gateway_overrules_nas_identifier_and_is_looked_up_anew() -> None:
    made = small()
    at, heard = door(made)
    switch = Switch(at)
    assert answered(switch.call(nas_identifier="gw2")).code == "accept"
    assert [call.key[0] for call in made.live.all_calls()] == [1]
    change(made, gone(gateway(1)))
    assert switch.call() is None
    assert heard.dropped == [Dropped.UNKNOWN_GATEWAY]


def test_a_gateway_asks_from_the_addresses_of_its_row_only() -> None:
    at, heard = door(small(addresses=(network("192.0.2.7"),)), {"network": "192.0.2.0/24", "gateway": "gw1"})
    assert answered(Switch(at, "192.0.2.7").call()).code == "accept"
    assert Switch(at, "192.0.2.8").call() is None
    assert heard.dropped == [Dropped.FORBIDDEN_ADDRESS]


def test_an_ipv4_client_over_an_ipv6_socket_is_the_same_client() -> None:
    at, _ = door(small())
    switch = Switch(at)
    switch.source = bytes(10) + b"\xff\xff" + switch.source
    assert answered(switch.call()).code == "accept"


# --- where we cannot judge


@pytest.mark.parametrize("what", ["access", "account", "status"])
def test_before_there_is_data_everything_is_silence(what: str) -> None:
    at, heard = door(not_ready())
    switch = Switch(at)
    assert {"access": switch.call, "account": lambda: switch.account(1), "status": switch.status}[what]() is None
    assert heard.dropped == [Dropped.NOT_READY]


def test_a_daemon_that_drains_sends_new_calls_elsewhere_and_hears_of_the_old_ones() -> None:
    made = small()
    at, heard = door(made)
    switch = Switch(at)
    switch.call("c")
    made.draining = True
    assert switch.call("d", ip="10.0.0.3") is None
    assert switch.status() is None
    assert heard.dropped == [Dropped.DRAINING] * 2
    assert answered(switch.call("c")).code == "accept", "a call that is up has its answer"
    assert answered(switch.account(2)).code == "accounted"
    assert len(made.live) == 0


def test_a_daemon_that_is_full_says_nothing() -> None:
    at, heard = door(engine(account(), client(), gateway(), calls_max=0))
    assert Switch(at).call() is None
    assert heard.dropped == [Dropped.OVERLOADED]
    assert heard.decisions == [("orig", "overloaded")]
    assert Switch(at).status() is None, "it would be taken for a server that can judge"
    assert Switch(at).status("accounting") is None
    assert heard.dropped == [Dropped.OVERLOADED] * 3


def test_status_server_is_answered_on_both_sockets_if_it_is_signed() -> None:
    at, heard = door(small())
    switch = Switch(at)
    assert [answered(switch.status(which)).code for which in ("auth", "accounting")] == ["accept", "accounted"]
    switch.signs = False
    made = switch.packet(StatusServer, {})
    assert at.receive(made.RequestPacket(), switch.source, 1, "auth", NOW) is None
    assert heard.dropped == [Dropped.UNSIGNED]
    assert heard.answered == [Answered.STATUS] * 2


def test_status_server_asks_about_this_moment_and_is_never_answered_from_memory() -> None:
    made = small()
    at, heard = door(made)
    switch = Switch(at)
    raw = switch.packet(StatusServer, {}).RequestPacket()
    assert at.receive(raw, switch.source, 1, "auth", NOW) is not None
    made.draining = True
    assert at.receive(raw, switch.source, 1, "auth", NOW) is None
    assert heard.duplicates == 0


# --- repeats


def test_the_same_bytes_get_the_same_bytes_and_take_nothing() -> None:
    made = small()
    at, heard = door(made)
    switch = Switch(at)
    raw = switch.packet(
        AccessRequest, {"Called-Station-Id": "1", "Framed-IP-Address": b"\x0a\0\0\1", "Acct-Session-Id": "c"}
    ).RequestPacket()
    first = at.receive(raw, switch.source, 1, "auth", NOW)
    made.live.release((1, "c", ""), NOW)
    assert at.receive(raw, switch.source, 1, "auth", NOW + TURN_SECONDS - 0.1) == first
    assert (len(made.live), heard.duplicates, heard.received) == (0, 1, [1])
    other_port = at.receive(raw, switch.source, 2, "auth", NOW)
    assert other_port != first, "another port is another client: the engine is asked, and knows that the call is over"


def test_an_identifier_that_is_used_again_is_another_request() -> None:
    at, heard = door(small())
    switch = Switch(at)
    switch.call("c")
    switch.identifier -= 1
    assert answered(switch.call("d")).code == "reject", "the account is full: the engine was asked"
    assert heard.duplicates == 0


def test_what_was_answered_under_an_old_secret_is_forgotten_with_it() -> None:
    at, heard = door(small())
    switch = Switch(at)
    raw = switch.packet(AccessRequest, {"Called-Station-Id": "1", "Calling-Station-Id": "2"}).RequestPacket()
    assert at.receive(raw, switch.source, 1, "auth", NOW) is not None
    at.use(clients({"network": "192.0.2.7", "gateway": "gw1"}, secrets=[b"changed"]))
    assert at.receive(raw, switch.source, 1, "auth", NOW) is None
    assert (heard.duplicates, heard.dropped) == (0, [Dropped.WRONG_SIGNATURE])


# --- what is answered to what cannot be read


def test_a_request_that_cannot_be_read_is_rejected_in_words_and_counted_by_its_field() -> None:
    made = small()
    at, heard = door(made)
    rejected = answered(Switch(at).call(called_station_id=b"44\r\nX-Evil: 1"))
    assert (rejected.code, rejected.texts["identd-reason"]) == ("reject", "bad_request")
    assert (rejected.texts["identd-sip-code"], rejected.texts["identd-decision"]) == ("400", "refuse")
    assert rejected.every("Reply-Message") == [b"bad_request: dnis has a control character in it"]
    assert answered(Switch(at).call(acct_session_id=None)).code == "reject"
    assert heard.bad_fields == ["dnis", "call_id"]
    assert heard.answered == [Answered.BAD_REQUEST] * 2
    assert len(made.live) == 0


# --- what is remembered


def test_an_address_that_has_signed_need_not_sign_any_more_after_a_reload() -> None:
    table = {"network": "192.0.2.7", "gateway": "gw1", "require_message_authenticator": "auto"}
    at, heard = door(small(), table)
    signed, unsigned = Switch(at), Switch(at, signs=False)
    answered(signed.call())
    assert unsigned.call() is None
    assert heard.dropped == [Dropped.UNSIGNED_AFTER_SIGNED]
    at.use(clients(table))
    assert answered(unsigned.call()).code == "accept"


def test_the_door_tells_how_much_it_remembers() -> None:
    at, _ = door(small())
    switch = Switch(at)
    switch.call()
    switch.call()
    switch.account(7)
    assert at.statistics() == {
        "clients": 1,
        "accounts_kept": 1,
        "answers": 3,
        "answers_forgotten": 0,
        "signers": 1,
        "speaking_gateways": 1,
        "speakers": 1,
        "boot_gateways": 1,
        "boots": 1,
    }
