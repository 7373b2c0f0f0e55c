"""Switches that speak RADIUS as pyrad writes and verifies it, and an observer that writes down what it is told."""

from collections.abc import Sequence
from typing import Any

from pyrad.dictionary import Dictionary
from pyrad.packet import AccessRequest, AccountingRequest, AcctPacket, AuthPacket, Packet, StatusServer

from identd.door_settings import RadiusClient
from identd.engine import Engine
from identd.radius.clients import RadiusClients, make_clients
from identd.radius.door import RadiusDoor, Which
from identd.radius.observer import Answered, Dropped
from matcher.address import canonical_address
from tests.identd.building import NOW

SECRET = b"a secret of this test"
NUMBERS: dict[str, int | tuple[int, int]] = {
    "User-Name": 1,
    "User-Password": 2,
    "CHAP-Password": 3,
    "NAS-IP-Address": 4,
    "NAS-Port": 5,
    "Framed-IP-Address": 8,
    "Reply-Message": 18,
    "Called-Station-Id": 30,
    "Calling-Station-Id": 31,
    "NAS-Identifier": 32,
    "Proxy-State": 33,
    "Acct-Status-Type": 40,
    "Acct-Delay-Time": 41,
    "Acct-Session-Id": 44,
    "CHAP-Challenge": 60,
    "Digest-Response": 103,
    "Digest-Realm": 104,
    "Digest-Nonce": 105,
    "Digest-Method": 108,
    "Digest-URI": 109,
    "Digest-Qop": 110,
    "Digest-Algorithm": 111,
    "Digest-CNonce": 113,
    "Digest-Nonce-Count": 114,
    "Digest-Username": 115,
    "Digest-Stale": 120,
    "Framed-IPv6-Address": 168,
    "SIP-AVP": 225,
    "Cisco-AVPair": (9, 1),
    "h323-remote-address": (9, 23),
    "h323-conf-id": (9, 24),
    "h323-call-origin": (9, 26),
    "h323-return-code": (9, 103),
}
NONCE_KEY = bytes(range(32))
CODES = {2: "accept", 3: "reject", 5: "accounted", 11: "challenge"}


class Heard:
    """An observer that writes down what it is told."""

    def __init__(self) -> None:
        self.decisions: list[tuple[str, str]] = []
        self.requests: list[str] = []
        self.received: list[int] = []
        self.duplicates = 0
        self.dropped: list[Dropped] = []
        self.answered: list[Answered] = []
        self.bad_fields: list[str] = []
        self.shared_boots: list[str] = []

    def decided(self, direction: str, reason: str) -> None:
        self.decisions.append((direction, reason))

    def requested(self, op: str) -> None:
        self.requests.append(op)

    def radius_received(self, code: int) -> None:
        self.received.append(code)

    def radius_duplicate(self) -> None:
        self.duplicates += 1

    def radius_dropped(self, reason: Dropped, source: bytes) -> None:
        self.dropped.append(reason)

    def radius_answered(self, kind: Answered) -> None:
        self.answered.append(kind)

    def radius_bad_request(self, field: str, source: bytes) -> None:
        self.bad_fields.append(field)

    def radius_shared_boot(self, gateway: str, source: bytes) -> None:
        self.shared_boots.append(gateway)


def clients(*tables: RadiusClient | dict[str, Any], secrets: Sequence[bytes] = ()) -> RadiusClients:
    """Clients out of tables, or of their keys; all with `SECRET` unless told."""
    made = [table if isinstance(table, RadiusClient) else RadiusClient(**table) for table in tables]
    return make_clients(made, secrets or [SECRET] * len(made))


def door(engine: Engine, *tables: dict[str, Any]) -> tuple[RadiusDoor, Heard]:
    """A door before the engine; without tables, for gw1 at 192.0.2.7."""
    heard = Heard()
    known = clients(*(tables or ({"network": "192.0.2.7", "gateway": "gw1"},)))
    return RadiusDoor(engine, known, heard, NONCE_KEY), heard


class Said:
    """An answer that pyrad has verified: `code` in a word, `texts` of pairs such as identd-account."""

    def __init__(self, reply: Packet) -> None:
        self.code = CODES[reply.code]
        self.reply = reply
        pairs = [value.decode().split("=", 1) for value in reply.get((9, 1), [])]
        pairs += [value.decode().split(":", 1) for value in reply.get(225, [])]
        self.texts: dict[str, str] = dict(reversed(pairs))

    def every(self, name: str) -> list[bytes]:
        return list(self.reply.get(NUMBERS[name], []))

    def __repr__(self) -> str:
        return f"{self.code} {self.texts}"


class Switch:
    """One that asks from an address. `signs`: with a Message-Authenticator."""

    def __init__(
        self,
        at: RadiusDoor,
        source: str = "192.0.2.7",
        secret: bytes = SECRET,
        signs: bool = True,
        always: dict[str, Any] | None = None,
    ) -> None:
        self.door, self.source, self.secret, self.signs = at, canonical_address(source), secret, signs
        self.always = always or {}
        self.now, self.port = NOW, 40_000
        self.identifier = 0

    def packet(self, code: int, attributes: dict[str, Any]) -> Packet:
        """A packet of pyrad's, not yet encoded. Values: text, a number of 32 bits, bytes, or a list of these."""
        kind = AcctPacket if code == AccountingRequest else AuthPacket
        self.identifier = (self.identifier + 1) % 256
        made = kind(code=code, id=self.identifier, secret=self.secret, dict=Dictionary())
        if self.signs:
            made.add_message_authenticator()
        for name, values in {**self.always, **attributes}.items():
            listed = values if isinstance(values, list) else [values]
            made[NUMBERS[name]] = [_bytes(value) for value in listed]
        return made

    def send(self, made: Packet, which: Which = "auth") -> Said | None:
        """Send it, and let pyrad verify what comes back."""
        raw = self.door.receive(made.RequestPacket(), self.source, self.port, which, self.now)
        if raw is None:
            return None
        reply = made.CreateReply(packet=raw)
        assert made.VerifyReply(reply, raw, enforce_ma=True), "pyrad does not believe the answer"
        assert raw[20] == 80, "Message-Authenticator is first"
        return Said(reply)

    def access(self, **attributes: Any) -> Said | None:
        return self.send(self.packet(AccessRequest, _named(attributes)))

    def call(self, call_id: str = "c", ip: str = "10.0.0.1", dnis: str = "4420", **more: Any) -> Said | None:
        """An Access-Request for a call in the words of the preset `generic`."""
        words = {"acct_session_id": call_id, "framed_ip_address": canonical_address(ip), "called_station_id": dnis}
        return self.access(**{**words, **more})

    def account(self, status: int | None, call_id: str = "c", **more: Any) -> Said | None:
        words: dict[str, Any] = {"acct_session_id": call_id}
        if status is not None:
            words["acct_status_type"] = status
        return self.send(self.packet(AccountingRequest, _named({**words, **more})), "accounting")

    def status(self, which: Which = "auth") -> Said | None:
        return self.send(self.packet(StatusServer, {}), which)


def _named(attributes: dict[str, Any]) -> dict[str, Any]:
    """`called_station_id` is Called-Station-Id; None leaves an attribute out."""
    by_lower = {name.lower().replace("-", "_"): name for name in NUMBERS}
    return {by_lower[name]: value for name, value in attributes.items() if value is not None}


def _bytes(value: str | int | bytes) -> bytes:
    if isinstance(value, int):
        return value.to_bytes(4, "big")
    return value.encode() if isinstance(value, str) else value
