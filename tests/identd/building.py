"""Accounts, engines and conversations in a few words, for the tests of the pure middle."""

import itertools
import json
from typing import Any

import msgspec

from identd.access import Peer
from identd.asker import Asker
from identd.calls import Call, CallKey
from identd.decision import Conflict, Decision, Existing, Grant, Refuse, Unavailable
from identd.engine import Engine
from identd.journal import Journal
from identd.live_calls import LiveCalls
from identd.session import Session
from matcher.account import Account, Client, Gateway, Network, OrigSide, Reseller, TermSide
from matcher.address import canonical_address, canonical_network
from matcher.attempt import CallAttempt
from matcher.change import AccountPut, Change, ChangeSet, ClientPut, GatewayPut, ResellerPut, RowRemoved
from matcher.directory import Directory
from protocol.connection import ServerConnection
from protocol.framing import Encoding, framed_binary
from tests.matcher.oracle import proves

NOW = 1_700_000_000.25
"""A moment as the shell gives it: Unix seconds, where a float has some 0.24 microseconds of resolution."""

Row = Account | Client | Reseller | Gateway
UNIX = Peer("unix", "unix")
TCP = Peer("tcp", "192.0.2.7:40000", canonical_address("192.0.2.7"))
LOOPBACK = Peer("tcp", "127.0.0.1:40000", canonical_address("127.0.0.1"))
PEERS = {"unix": UNIX, "tcp": TCP, "loopback": LOOPBACK}


def network(text: str) -> Network:
    return canonical_network(text)[0]


def account(row_id: int = 1, client_id: int = 1, ip: str = "", **more: Any) -> Account:
    """An account known by 10.0.0.<id> (or `ip`), on in both directions; `capacity`, `cps`: of both."""
    capacity, cps = more.pop("capacity", None), more.pop("cps", None)
    known: dict[str, Any] = {"ident_by": "ip", "networks": (network(ip or f"10.0.0.{row_id}"),)}
    rows: dict[str, Any] = {
        "name": f"account {row_id}",
        "orig": OrigSide(capacity=capacity, cps=cps),
        "term": TermSide(capacity=capacity, cps=cps),
    }
    return Account(**{"id": row_id, "client_id": client_id, **known, **rows, **more})


def client(row_id: int = 1, capacity: int | None = None, cps: float | None = None, **more: Any) -> Client:
    """A client; `capacity` and `cps` of both directions."""
    both = {"orig_capacity": capacity, "term_capacity": capacity, "orig_cps": cps, "term_cps": cps}
    return Client(**{"id": row_id, "name": f"client {row_id}", **both, **more})


def reseller(row_id: int = 1, capacity: int | None = None, **more: Any) -> Reseller:
    return Reseller(
        **{"id": row_id, "name": f"reseller {row_id}", "orig_capacity": capacity, "term_capacity": capacity, **more}
    )


def gateway(row_id: int = 1, **more: Any) -> Gateway:
    return Gateway(**{"id": row_id, "name": f"gw{row_id}", **more})


def put(row: Row) -> Change:
    if isinstance(row, Account):
        return AccountPut(row)
    if isinstance(row, Client):
        return ClientPut(row)
    return ResellerPut(row) if isinstance(row, Reseller) else GatewayPut(row)


def gone(row: Row) -> RowRemoved:
    """The row is deleted."""
    for kind, table in ((Account, "accounts"), (Client, "clients"), (Reseller, "resellers"), (Gateway, "gateways")):
        if isinstance(row, kind):
            return RowRemoved(table, row.id)  # type: ignore[arg-type]  # one of the four tables
    raise AssertionError(row)


def engine(*rows: Row, **bounds: int) -> Engine:
    """An engine with these rows loaded; `bounds` are those of `LiveCalls`."""
    made = Engine(Directory(proves), LiveCalls(**bounds))
    load(made, *rows)
    return made


def load(made: Engine, *rows: Row) -> None:
    """The first full load, or a reload, of exactly these rows."""
    made.applied(made.directory.apply(ChangeSet(tuple(map(put, rows)), full=True)), NOW)


def change(made: Engine, *rows: Row | RowRemoved, now: float = NOW) -> None:
    """One committed set of changes."""
    changes = tuple(row if isinstance(row, RowRemoved) else put(row) for row in rows)
    made.applied(made.directory.apply(ChangeSet(changes)), now)


def attempt(ip: str = "10.0.0.1", dnis: str = "4420", direction: str = "orig", **more: Any) -> CallAttempt:
    return CallAttempt(direction, dnis, canonical_address(ip) if ip else None, **more)  # type: ignore[arg-type]


def key(call_id: str = "c", gateway_id: int = 0, leg: str = "") -> CallKey:
    return (gateway_id, call_id, leg)


def said(decision: Decision | Existing | Conflict) -> str:
    """A decision in a word: `grant`, `existing`, `conflict`, or the reason."""
    if isinstance(decision, Existing):
        return "existing"
    if isinstance(decision, Conflict):
        return "conflict"
    return "grant" if isinstance(decision, Grant) else str(decision.reason)


def reason_of(decision: Decision | Existing | Conflict) -> str:
    assert isinstance(decision, Refuse | Unavailable), decision
    return str(decision.reason)


class Facts:
    """What the daemon around the session would say of itself."""

    server = "identd test"
    database_connected = True
    age: float | None = 0.25
    xids: frozenset[int] = frozenset()

    def in_force(self, xid: int) -> bool:
        return xid in self.xids

    def data_age_seconds(self, now: float) -> float | None:
        return self.age


class Heard:
    """An observer that writes down what it is told."""

    def __init__(self) -> None:
        self.decisions: list[tuple[str, str]] = []
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.by_hand: list[tuple[str | None, str, int]] = []

    def decided(self, direction: str, reason: str) -> None:
        self.decisions.append((direction, reason))

    def erred(self, code: str) -> None:
        self.errors.append(code)

    def requested(self, op: str) -> None:
        self.requests.append(op)

    def ended_by_hand(self, gateway: str | None, call: Call) -> None:
        self.by_hand.append((gateway, call.key[1], call.account_id))


def verify(secret_hash: str | None, secret: str) -> bool:
    """Secrets by a hash that anyone can make; the real one has its own tests."""
    return secret_hash == f"hash of {secret}"


def to_bytes(message: dict[str, Any], encoding: Encoding) -> bytes:
    """A request as a switch would write it."""
    if encoding == "json":
        return json.dumps(message).encode() + b"\n"
    return framed_binary(msgspec.msgpack.encode(message))


def from_bytes(data: bytes, encoding: Encoding) -> list[dict[str, Any]]:
    """All answers in the bytes, which must be whole."""
    if encoding == "json":
        assert data == b"" or data.endswith(b"\n")
        return [json.loads(line) for line in data.splitlines()]
    answers = []
    while data:
        end = 4 + int.from_bytes(data[:4], "big")
        assert end <= len(data), "an answer is cut off"
        answers.append(msgspec.msgpack.decode(data[4:end]))
        data = data[end:]
    return answers


class Talk:
    """A conversation of one switch: `say` gives the one answer, `says` writes many requests at once."""

    def __init__(self, made: Engine, peer: Peer = UNIX, encoding: Encoding = "json", hello: str = "") -> None:
        self.facts = Facts()
        self.heard = Heard()
        self.session = Session(made, Asker(made, peer, verify), self.facts, self.heard, ServerConnection())
        self.encoding = encoding
        self.now = NOW
        self._ids = itertools.count(1)
        if hello:
            assert self.say("hello", version=1, gateway=hello)["op"] == "hello"

    def says(self, *messages: dict[str, Any]) -> list[dict[str, Any]]:
        requests = [{"id": next(self._ids), **message} for message in messages]
        data = b"".join(to_bytes(request, self.encoding) for request in requests)
        answers = from_bytes(self.session.receive(data, self.now), self.encoding)
        for request, answer in zip(requests, answers, strict=False):
            assert answer["id"] in (request["id"], None)
            assert answer["op"] in (request["op"], "error") or (request["op"], answer["op"]) == ("ping", "pong")
        return answers

    def say(self, op: str, **keys: Any) -> dict[str, Any]:
        (answer,) = self.says({"op": op, **keys})
        return answer

    def authorize(self, call_id: str = "c", ip: str = "10.0.0.1", dnis: str = "4420", **keys: Any) -> dict[str, Any]:
        return self.say("authorize", call_id=call_id, ip=ip, dnis=dnis, **keys)

    def outcome(self, *args: Any, **keys: Any) -> str:
        """`authorize` in a word: grant, existing, or the reason or error code."""
        answer = self.authorize(*args, **keys)
        if answer.get("existing"):
            return "existing"
        return str(answer.get("code") or answer.get("reason") or answer["decision"])


def written(journal: Journal, live: LiveCalls, now: float, alive: bool = False) -> None:
    """What the daemon does before answers leave, and then when nobody waits."""
    journal.write(live, now)
    journal.catch_up(live, now, alive)
