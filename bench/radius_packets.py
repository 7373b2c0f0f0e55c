"""What the RADIUS bench sends, signed beforehand, and the judge of every answer.

Written with hashlib alone and not with `protocol.radius`, so that what is measured does not vouch for itself. The
packets are made for both servers: FreeRADIUS finds the User-Name in its users file, identd the account by address,
trusted name or ANI as `bench/population.py` has it; both know the same packets and refuse the same.
"""

import hashlib
import hmac
import random
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.population import Population, as_attempt, attempts
from matcher.attempt import CallAttempt

SECRET = b"bench-radius-secret"
ACCESS_REQUEST, ACCESS_ACCEPT, ACCESS_REJECT, ACCOUNTING_REQUEST, ACCOUNTING_RESPONSE = 1, 2, 3, 4, 5
USER_NAME, NAS_IP_ADDRESS, FRAMED_IP_ADDRESS = 1, 4, 8
CALLED_STATION_ID, CALLING_STATION_ID, NAS_IDENTIFIER = 30, 31, 32
ACCT_STATUS_TYPE, ACCT_SESSION_ID, MESSAGE_AUTHENTICATOR = 40, 44, 80
VENDOR_SPECIFIC = 26
TEXTS = {18: "Reply-Message", 25: "Class"}
VENDOR_TEXTS = {b"\x00\x00\x00\x09\x01": "Cisco-AVPair"}  # vendor 9, type 1
STOP = 2
NAS = bytes((127, 0, 0, 1))
HEADER = struct.Struct(">BBH")
AUTHENTICATOR = slice(4, 20)
STRANGER = "2079460000"  # an ANI that no account of the population has


class Verdict(NamedTuple):
    """How many answers of each kind; `forged` did not prove the secret, `wrong` said accept for reject or reverse."""

    accepted: int = 0
    rejected: int = 0
    accounted: int = 0
    missing: int = 0
    forged: int = 0
    wrong: int = 0
    answer_bytes: float = 0.0


def attribute(kind: int, value: bytes) -> bytes:
    """RFC 2865 §5."""
    return bytes((kind, len(value) + 2)) + value


def access_requests(people: Population, count: int, seed: int) -> tuple[list[bytes], list[bool]]:
    """Calls of the mix, each a call of its own, and whether each hits an account.

    The same seed gives the same calls with other call ids: a call that has been granted is not asked twice.
    """
    rng = random.Random(seed)
    run = _run_of(rng)
    packets, hits = [], []
    for number, (_, attempt, account_id) in enumerate(attempts(people, count, seed)):
        name = f"nobody{number}" if account_id is None else people.accounts[account_id - 1].name
        packets.append(_access_request(number, run, name, attempt, rng))
        hits.append(account_id is not None)
    return packets, hits


def one_of_each(people: Population, seed: int) -> list[bytes]:
    """A call of every account, in their order."""
    rng = random.Random(seed)
    run = _run_of(rng)
    return [
        _access_request(number, run, account.name, as_attempt(caller), rng)
        for number, (account, caller) in enumerate(zip(people.accounts, people.callers, strict=True))
    ]


def _run_of(rng: random.Random) -> str:
    return f"{rng.getrandbits(48):012x}"


def _call_id(run: str, number: int) -> bytes:
    return f"{number:08d}-{run}@switch.example".encode()


def _access_request(number: int, run: str, name: str, attempt: CallAttempt, rng: random.Random) -> bytes:
    """RFC 3579 §3.2: the authenticator is random, Message-Authenticator an HMAC over the whole."""
    assert attempt.address is not None, "every call of the population comes from an address"
    body = b"".join(
        (
            attribute(USER_NAME, name.encode()),
            attribute(NAS_IP_ADDRESS, NAS),
            attribute(FRAMED_IP_ADDRESS, attempt.address),
            attribute(CALLED_STATION_ID, attempt.dnis.encode()),
            attribute(CALLING_STATION_ID, (attempt.ani or STRANGER).encode()),
            attribute(ACCT_SESSION_ID, _call_id(run, number)),
        )
    )
    head = HEADER.pack(ACCESS_REQUEST, number % 256, 20 + 18 + len(body)) + rng.randbytes(16)
    signature = hmac.digest(SECRET, head + attribute(MESSAGE_AUTHENTICATOR, bytes(16)) + body, "md5")
    return head + attribute(MESSAGE_AUTHENTICATOR, signature) + body


def stops(count: int, seed: int) -> list[bytes]:
    """Accounting-Request Stop (RFC 2866) for each call of that many `access_requests` of this seed."""
    run = _run_of(random.Random(seed))
    packets = []
    for number in range(count):
        body = b"".join(
            (
                attribute(NAS_IP_ADDRESS, NAS),
                attribute(ACCT_STATUS_TYPE, STOP.to_bytes(4, "big")),
                attribute(ACCT_SESSION_ID, _call_id(run, number)),
            )
        )
        head = HEADER.pack(ACCOUNTING_REQUEST, number % 256, 20 + len(body))
        packets.append(head + hashlib.md5(head + bytes(16) + body + SECRET).digest() + body)  # noqa: S324 - RFC 2866 §3
    return packets


def write_packets(path: Path, packets: Sequence[bytes]) -> None:
    """The file that radius_load.c reads."""
    path.write_bytes(
        struct.pack(">I", len(packets)) + b"".join(len(packet).to_bytes(2, "big") + packet for packet in packets)
    )


def read_answers(path: Path) -> Iterator[bytes]:
    """The file that radius_load.c writes: one answer a packet, empty where none came."""
    written = path.read_bytes()
    at = 0
    while at < len(written):
        end = at + 2 + int.from_bytes(written[at : at + 2], "big")
        yield written[at + 2 : end]
        at = end


def judge(packets: Sequence[bytes], hits: Sequence[bool] | None, answers: Iterator[bytes]) -> Verdict:
    """Count answers by kind, each proven by Response Authenticator and, if it has one, Message-Authenticator.

    `hits`: which Access-Requests must be accepted; None where it is Accounting that was asked.
    """
    counted = dict.fromkeys(Verdict._fields, 0)
    size = 0
    for number, (packet, answer) in enumerate(zip(packets, answers, strict=True)):
        size += len(answer)
        if not answer:
            counted["missing"] += 1
        elif not is_proven(packet, answer):
            counted["forged"] += 1
        elif hits is None:
            counted["accounted" if answer[0] == ACCOUNTING_RESPONSE else "wrong"] += 1
        elif answer[0] != (ACCESS_ACCEPT if hits[number] else ACCESS_REJECT):
            counted["wrong"] += 1
        else:
            counted["accepted" if hits[number] else "rejected"] += 1
    counted["answer_bytes"] = 0
    return Verdict(**counted)._replace(answer_bytes=size / max(1, len(packets) - counted["missing"]))


def is_proven(packet: bytes, answer: bytes) -> bool:
    """Only who has the secret and saw the packet could make the answer."""
    if len(answer) < 20 or HEADER.unpack_from(answer)[1:] != (packet[1], len(answer)):
        return False
    asked = packet[AUTHENTICATOR]
    if hashlib.md5(answer[:4] + asked + answer[20:] + SECRET).digest() != answer[AUTHENTICATOR]:  # noqa: S324 - RFC 2865 §3
        return False
    for at, kind, value in attributes_of(answer):
        if kind == MESSAGE_AUTHENTICATOR:
            sealed = bytes(16) if answer[0] == ACCOUNTING_RESPONSE else asked  # as FreeRADIUS has it
            blank = answer[:4] + sealed + answer[20 : at + 2] + bytes(16) + answer[at + 18 :]
            return hmac.digest(SECRET, blank, "md5") == value
    return True


def attributes_of(packet: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(where it stands, type, value) of each attribute."""
    at = 20
    while at < len(packet):
        length = max(2, packet[at + 1])
        yield at, packet[at], packet[at + 2 : at + length]
        at += length


def reply_items(answer: bytes) -> list[tuple[str, str]]:
    """What an answer tells, as reply items of a users file. Raises KeyError for what nobody thought of."""
    items = []
    for _, kind, value in attributes_of(answer):
        if kind == MESSAGE_AUTHENTICATOR:
            items.append(("Message-Authenticator", "0x00"))  # FreeRADIUS puts the right one there
        elif kind == VENDOR_SPECIFIC:
            items.append((VENDOR_TEXTS[value[:5]], value[6:].decode()))
        else:
            items.append((TEXTS[kind], value.decode()))
    return items
