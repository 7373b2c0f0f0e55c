"""pyrad, which knows nothing of this repository, says that the packets are what they are said to be."""

import hashlib
import hmac
from pathlib import Path

import pytest
from pyrad.dictionary import Dictionary
from pyrad.packet import AcctPacket, AuthPacket, Packet

from bench.population import Population, attempts, population
from bench.radius_packets import (
    ACCESS_ACCEPT,
    ACCESS_REJECT,
    ACCOUNTING_REQUEST,
    ACCOUNTING_RESPONSE,
    ACCT_SESSION_ID,
    CALLED_STATION_ID,
    CALLING_STATION_ID,
    FRAMED_IP_ADDRESS,
    HEADER,
    MESSAGE_AUTHENTICATOR,
    SECRET,
    USER_NAME,
    Verdict,
    access_requests,
    attribute,
    is_proven,
    judge,
    one_of_each,
    read_answers,
    stops,
    write_packets,
)


@pytest.fixture(scope="module")
def people() -> Population:
    return population(300)


def answer_to(packet: bytes, code: int, secret: bytes = SECRET, signed: bool = True) -> bytes:
    """What pyrad answers."""
    kind = AcctPacket if packet[0] == ACCOUNTING_REQUEST else AuthPacket
    reply = kind(secret=secret, packet=packet, dict=Dictionary()).CreateReply()
    reply.code = code
    reply[USER_NAME] = [b"somebody"]
    if signed:
        reply.add_message_authenticator()
    return bytes(reply.ReplyPacket())


def test_an_access_request_is_signed_and_says_what_the_population_does(people: Population) -> None:
    packets, hits = access_requests(people, 300, seed=3)
    for number, (packet, (_, attempt, account_id)) in enumerate(zip(packets, attempts(people, 300, 3), strict=True)):
        asked = AuthPacket(secret=SECRET, packet=packet, dict=Dictionary())
        assert asked.verify_message_authenticator()
        assert asked.id == number % 256
        assert asked[FRAMED_IP_ADDRESS] == [attempt.address]
        assert asked[CALLED_STATION_ID] == [attempt.dnis.encode()]
        if attempt.ani is not None:
            assert asked[CALLING_STATION_ID] == [attempt.ani.encode()]
        known = {account.name.encode() for account in people.accounts if account.id == account_id}
        assert hits[number] == (account_id is not None)
        assert (set(asked[USER_NAME]) == known) == hits[number]
    assert 0.9 < sum(hits) / len(hits) < 1


def test_every_call_is_its_own_and_its_stop_names_it(people: Population) -> None:
    packets, _ = access_requests(people, 300, seed=3)
    others, _ = access_requests(people, 300, seed=4)
    asked = [AuthPacket(secret=SECRET, packet=packet, dict=Dictionary()) for packet in (*packets, *others)]
    assert len({one[ACCT_SESSION_ID][0] for one in asked}) == 600
    for one, packet in zip(asked, stops(300, seed=3), strict=False):
        stop = AcctPacket(secret=SECRET, packet=packet, dict=Dictionary())
        assert stop.VerifyAcctRequest()
        assert stop[ACCT_SESSION_ID] == one[ACCT_SESSION_ID]


def test_one_call_of_every_account_names_each_in_order(people: Population) -> None:
    packets = one_of_each(people, seed=3)
    asked = [AuthPacket(secret=SECRET, packet=packet, dict=Dictionary()) for packet in packets]
    assert [one[USER_NAME] for one in asked] == [[account.name.encode()] for account in people.accounts]
    assert all(one.verify_message_authenticator() for one in asked)
    assert [one[ACCT_SESSION_ID] for one in asked] == [
        AcctPacket(secret=SECRET, packet=stop, dict=Dictionary())[ACCT_SESSION_ID]
        for stop in stops(len(asked), seed=3)
    ]


def test_packets_are_written_as_the_load_reads_them(tmp_path: Path) -> None:
    write_packets(tmp_path / "packets", [b"abc", b""])
    assert (tmp_path / "packets").read_bytes() == b"\0\0\0\2\0\3abc\0\0"
    (tmp_path / "answers").write_bytes(b"\0\3abc\0\0\0\1d")
    assert list(read_answers(tmp_path / "answers")) == [b"abc", b"", b"d"]


def test_a_proven_answer_is_proven_for_pyrad_too(people: Population) -> None:
    (packet, *_), _ = access_requests(people, 10, seed=3)
    asked = AuthPacket(secret=SECRET, packet=packet, dict=Dictionary())
    for signed in (False, True):
        answer = answer_to(packet, ACCESS_ACCEPT, signed=signed)
        assert is_proven(packet, answer)
        assert asked.VerifyReply(Packet(packet=answer, secret=SECRET, dict=Dictionary()), answer)


def spoilt(answer: bytes, at: int) -> bytes:
    return answer[:at] + bytes((answer[at] ^ 1,)) + answer[at + 1 :]


def test_what_the_secret_does_not_prove_is_no_answer(people: Population) -> None:
    (packet, other, *_), _ = access_requests(people, 10, seed=3)
    answer = answer_to(packet, ACCESS_ACCEPT)
    assert not any(is_proven(packet, spoilt(answer, at)) for at in range(len(answer)))
    assert not any(is_proven(packet, answer[:length]) for length in range(len(answer)))
    assert not is_proven(packet, answer_to(packet, ACCESS_ACCEPT, secret=b"another"))
    assert not is_proven(other, answer)


def test_a_message_authenticator_made_with_another_secret_is_found_out(people: Population) -> None:
    (packet,), _ = access_requests(people, 1, seed=3)
    signature = attribute(MESSAGE_AUTHENTICATOR, hmac.digest(b"another", b"", "md5"))
    head = HEADER.pack(ACCESS_ACCEPT, packet[1], 20 + len(signature))
    sealed = hashlib.md5(head + packet[4:20] + signature + SECRET).digest()
    assert not is_proven(packet, head + sealed + signature)


def test_answers_are_counted_by_what_they_are(people: Population) -> None:
    packets, hits = access_requests(people, 300, seed=3)
    hit, miss = hits.index(True), hits.index(False)
    asked = [packets[hit], packets[miss], packets[hit], packets[miss], packets[hit], packets[hit]]
    answers = [
        answer_to(asked[0], ACCESS_ACCEPT),
        answer_to(asked[1], ACCESS_REJECT),
        answer_to(asked[2], ACCESS_REJECT),
        answer_to(asked[3], ACCESS_ACCEPT),
        answer_to(asked[4], ACCESS_ACCEPT, secret=b"another"),
        b"",
    ]
    verdict = judge(asked, [True, False, True, False, True, True], iter(answers))
    size = sum(map(len, answers)) / 5
    assert verdict == Verdict(accepted=1, rejected=1, missing=1, forged=1, wrong=2, answer_bytes=size)


def test_accounting_is_answered_by_its_own_code(people: Population) -> None:
    asked = stops(2, seed=3)
    answers = [answer_to(asked[0], ACCOUNTING_RESPONSE), answer_to(asked[1], ACCESS_ACCEPT)]
    verdict = judge(asked, None, iter(answers))
    assert (verdict.accounted, verdict.wrong) == (1, 1)
