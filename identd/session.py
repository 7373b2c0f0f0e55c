"""One connection's conversation: bytes in, bytes out, sync. Who is asking, what may they ask, what is answered.

The codec is `protocol/connection.py`, the deciding is `engine.py`; between them stands what belongs to one peer:
its gateway, its boot, what its transport allows (docs/protocol.md). The gateway's row is looked up anew for every
request, so a change of it counts at once. A hello that comes before there is data cannot be checked: it is held,
everything is `not_ready` until then, and it is checked before the first request that finds data.
"""

from collections.abc import Callable
from typing import Any, Literal, Protocol

import msgspec

from identd.access import KeyRefusedError, Peer, VerifySecret, admits, call_attempt
from identd.calls import NO_GATEWAY
from identd.decision import Conflict, Decision, Existing, Grant
from identd.engine import Engine
from identd.live_calls import ACTIVE_SECONDS, RESERVE_SECONDS, ListedCall, Outcome
from matcher.account import Direction, Gateway
from matcher.attempt import CallAttempt
from protocol import messages as m
from protocol.connection import Event, RequestError, ServerConnection
from protocol.errors import ErrorCode
from protocol.framing import Encoding
from protocol.joining import JOIN_DECISION, JoinDecision
from protocol.reason import Reason

EXPLAINED_MAX = 50

COSTLY = (m.Calls,)
"""Requests that cost as much as hundreds of others, as does one with `explain`: a millisecond or two each. One read
may hold two thousand of them, so one ends a connection's turn, and the others wait until everybody had theirs."""


class Observer(Protocol):
    """Who is told of finished results; deciding code does not know what it does with them."""

    def decided(self, direction: Direction, reason: str) -> None:
        """A call was judged; `reason` is "" for a grant."""

    def erred(self, code: str) -> None:
        """A request or a connection was answered with an error."""

    def requested(self, op: str) -> None:
        """A request was read."""

    def released(self, result: str) -> None:
        """A release was answered."""


class DaemonFacts(Protocol):
    """What `status` says beside what the engine knows."""

    @property
    def server(self) -> str:
        """Name and version."""

    @property
    def database_connected(self) -> bool:
        """Whether the loader sees the database."""

    def data_age_seconds(self, now: float) -> float | None:
        """Since the database was last seen to agree; None before that."""


class Session:
    """The conversation with one peer. `closing`: the connection is to be closed after what was returned."""

    __slots__ = (
        "_boot_id",
        "_connection",
        "_engine",
        "_facts",
        "_gateway_id",
        "_gateway_name",
        "_held_hello",
        "_join",
        "_observer",
        "_verify_secret",
        "_waiting",
        "answered",
        "closing",
        "peer",
    )

    def __init__(
        self,
        engine: Engine,
        peer: Peer,
        facts: DaemonFacts,
        observer: Observer,
        verify_secret: VerifySecret,
        frame_bytes_max: int = 65_536,
    ) -> None:
        self._engine = engine
        self._facts = facts
        self._observer = observer
        self._verify_secret = verify_secret
        self._connection = ServerConnection(frame_bytes_max)
        self._join: JoinDecision | None = None
        self._gateway_id: int | None = None
        self._gateway_name: str | None = None
        self._boot_id: int | None = None
        self._held_hello: m.Hello | None = None
        self._waiting: list[Event] = []
        self.peer = peer
        self.closing = False
        self.answered = 0

    @property
    def said_hello(self) -> bool:
        """Whether the peer may ask anything yet; the server sets a deadline on it."""
        return self.peer.transport == "unix" or self._gateway_name is not None

    @property
    def partial(self) -> int:
        """Bytes held of an unfinished frame."""
        return self._connection.partial

    @property
    def encoding(self) -> Encoding | None:
        """What the peer speaks; None until its first byte."""
        return self._connection.encoding

    @property
    def gateway_name(self) -> str | None:
        """What the peer said it is, for logs."""
        return self._gateway_name

    @property
    def waiting(self) -> bool:
        """Whether requests that were read wait for their turn: `receive` again, with nothing, before anything new."""
        return bool(self._waiting)

    def receive(self, data: bytes, now: float) -> bytes:
        """Answer all that `data` completes, in order, up to the first costly request; `now` as in `engine.py`."""
        if self.closing:  # whoever was refused is not heard again
            return b""
        out: list[bytes] = []
        events = self._connection.receive_data(data, now)
        if self._waiting:
            events = self._waiting + events
            self._waiting = []
        for place, event in enumerate(events, 1):
            if isinstance(event, RequestError):
                out.append(self._error(event.id, event.code, event.message, event.field))
                self.closing = self.closing or event.fatal
            else:
                out.append(self._answer(event, now))
                if isinstance(event, COSTLY) or (isinstance(event, m.CallKeys) and event.explain):
                    self._waiting = [] if self.closing else events[place:]
                    break
            if self.closing:
                break
        self.answered += len(out)
        return b"".join(out)

    def broke(self) -> bytes:
        """The last words of a conversation that a bug of ours has ended."""
        if self._connection.encoding is None:
            return b""
        return self._error(None, ErrorCode.INTERNAL, "a fault of the server; the connection is closed")

    def _answer(self, request: m.AnyRequest, now: float) -> bytes:
        kind = type(request)
        if kind is not m.Hello:
            if self._held_hello is not None and self._engine.directory.ready:
                refused = self._say_hello(self._held_hello, now)
                if refused is not None:
                    return self._error(request.id, *refused)
            if not self.said_hello:
                return self._error(request.id, ErrorCode.HELLO_REQUIRED, "say hello first")
            if self._boot_id is not None and self._boot_is_over():
                return self._refused(request.id, ErrorCode.STALE_BOOT, "a later boot of this gateway has said hello")
        if isinstance(request, m.CallKeys):
            return self._decide(request, now)
        op, handle = _HANDLERS[kind]
        self._observer.requested(op)
        return handle(self, request, now)

    # --- decisions

    def _decide(self, request: m.CallKeys, now: float) -> bytes:
        try:
            gateway = self._gateway(request.gateway)
            attempt = call_attempt(request, gateway, self.peer.is_local)
        except KeyRefusedError as refused:
            return self._bad_request(request.id, refused, now)
        except LookupError:
            if not self._engine.directory.ready:  # nobody can say whether there is such a gateway
                return self._decision(request, self._engine.unavailable(Reason.NOT_READY, None), None, None)
            return self._forbidden_gateway(request.id, request.gateway)
        if isinstance(request, m.Authorize):
            key = (NO_GATEWAY if gateway is None else gateway.id, request.call_id, request.leg)
            decision = self._engine.authorize(attempt, gateway, key, now)
            if isinstance(decision, Conflict):
                return self._error(
                    request.id,
                    ErrorCode.CALL_ID_CONFLICT,
                    f"this call is up for account {decision.granted_account_id} "
                    f"and now identifies as account {decision.identified_account_id}",
                    "call_id",
                )
            return self._decision(request, decision, attempt, gateway)
        return self._decision(request, self._engine.identify(attempt, gateway, now), attempt, gateway)

    def _decision(
        self, request: m.CallKeys, decision: Decision | Existing, attempt: CallAttempt | None, gateway: Gateway | None
    ) -> bytes:
        existing = isinstance(decision, Existing)
        body: Decision = decision.grant if isinstance(decision, Existing) else decision
        self._observer.decided(request.direction, "" if isinstance(body, Grant) else body.reason)
        op = "authorize" if isinstance(request, m.Authorize) else "identify"
        self._observer.requested(op)
        if request.explain and attempt is not None:
            return self._connection.send(self._explained(request.id, op, existing, body, attempt, gateway))
        if self._join is None:
            assert self._connection.encoding is not None, "a request has been read"
            self._join = JOIN_DECISION[self._connection.encoding]
        return self._join(request.id, op, existing, body)

    def _explained(
        self,
        request_id: int,
        op: str,
        existing: bool,
        body: Decision,
        attempt: CallAttempt,
        gateway: Gateway | None,
    ) -> m.DecisionAnswer:
        looked_at = self._engine.explain(attempt, gateway)
        shown = tuple(
            m.ExplainedAccount(
                account_id=one.account.id,
                account=one.account.name,
                client_id=one.account.client_id,
                ident_by=one.account.ident_by,
                matched=one.matched,
                verdict=one.verdict,
                on=one.on,
                expected=one.expected,
                seen=one.seen,
            )
            for one in looked_at[:EXPLAINED_MAX]
        )
        answer = msgspec.convert(
            {"id": request_id, "op": op, "existing": existing, **msgspec.to_builtins(body)}, m.DecisionAnswer
        )
        return msgspec.structs.replace(
            answer, explain=shown, explain_omitted=max(0, len(looked_at) - EXPLAINED_MAX) or None
        )

    # --- who is asking

    def _gateway(self, named: str | None) -> Gateway | None:
        """The gateway that asks, None for none at all. Raises LookupError where it may not be that one."""
        directory = self._engine.directory
        if named is not None and named != self._gateway_name:
            if self.peer.transport == "tcp":
                raise LookupError(named)
            return directory.gateways_by_name[named]
        if self._gateway_id is not None:
            return directory.gateways[self._gateway_id]
        if self._gateway_name is not None:
            raise LookupError(self._gateway_name)
        return None

    def _boot_is_over(self) -> bool:
        assert self._boot_id is not None, "asked only of a peer that said its boot"
        return self._engine.live.boots.get(self._gateway_id or NO_GATEWAY, self._boot_id) > self._boot_id

    def _hello(self, request: m.Hello, now: float) -> bytes:
        refused = self._say_hello(request, now)
        if refused is not None:
            return self._error(request.id, *refused)
        directory = self._engine.directory
        gateway = directory.gateways.get(self._gateway_id) if self._gateway_id is not None else None
        return self._connection.send(
            m.HelloAnswer(
                id=request.id,
                op="hello",
                version=request.version,
                server=self._facts.server,
                gateway=request.gateway,
                ready=directory.ready,
                generation=directory.generation,
                reserve_seconds=RESERVE_SECONDS if gateway is None else gateway.reserve_seconds,
                active_seconds=ACTIVE_SECONDS if gateway is None else gateway.active_seconds,
            )
        )

    def _say_hello(self, hello: m.Hello, now: float) -> tuple[ErrorCode, str, str] | None:
        """Take the peer for the gateway it says it is; error code, message and field if it may not be."""
        self._gateway_name, self._gateway_id, self._boot_id = hello.gateway, None, hello.boot_id
        directory = self._engine.directory
        if not directory.ready:
            self._held_hello = hello
            return None
        self._held_hello = None
        gateway = directory.gateways_by_name.get(hello.gateway)
        if not admits(gateway, self.peer, hello.secret, self._verify_secret) or gateway is None:
            self.closing = True
            # one text for all: who guesses does not learn whether name, address or secret was wrong
            return ErrorCode.FORBIDDEN, "this gateway may not speak here with this secret", "gateway"
        if hello.boot_id is not None and self._engine.live.boot(gateway.id, hello.boot_id, now) is None:
            self.closing = True
            return ErrorCode.STALE_BOOT, "a later boot of this gateway has said hello", "boot_id"
        self._gateway_id = gateway.id
        return None

    # --- calls that are up

    def _start(self, request: m.Start, now: float) -> bytes:
        return self._of_call(
            request,
            lambda gateway, gateway_id: self._engine.live.start(
                (gateway_id, request.call_id, request.leg), gateway, now
            ),
        )

    def _release(self, request: m.Release, now: float) -> bytes:
        return self._of_call(
            request,
            lambda _, gateway_id: self._engine.live.release((gateway_id, request.call_id, request.leg), now),
        )

    def _of_call(self, request: m.Start | m.Release, act: Callable[[Gateway | None, int], Outcome]) -> bytes:
        try:
            gateway = self._gateway(None)
        except LookupError:
            return self._unknown_gateway(request.id)
        outcome = act(gateway, NO_GATEWAY if gateway is None else gateway.id)
        if outcome.result == "not_owner":
            return self._error(
                request.id, ErrorCode.NOT_OWNER, "this call is another gateway's: say hello as that one", "call_id"
            )
        op = "start" if isinstance(request, m.Start) else "release"
        if op == "release":
            self._observer.released(outcome.result)
        return self._connection.send(
            m.CallAnswer(
                id=request.id,
                op=op,
                result=outcome.result,
                calls=outcome.calls,
                seconds=None if outcome.seconds is None else round(outcome.seconds, 3),
            )
        )

    def _touch(self, request: m.Touch, now: float) -> bytes:
        try:
            gateway_id = self._asking_id()
        except LookupError:
            return self._unknown_gateway(request.id)
        unknown = self._engine.live.touch(((gateway_id, call.call_id, call.leg) for call in request.calls), now)
        return self._connection.send(
            m.TouchAnswer(
                id=request.id,
                op="touch",
                result="touched",
                unknown=tuple(m.CallName(call_id, leg) for _, call_id, leg in unknown),
            )
        )

    def _sync(self, request: m.Sync, now: float) -> bytes:
        try:
            gateway = self._gateway(None)
        except LookupError:
            return self._unknown_gateway(request.id)
        gateway_id = NO_GATEWAY if gateway is None else gateway.id
        live, directory = self._engine.live, self._engine.directory
        if request.phase == "begin":
            live.sync_begin(gateway_id)
        elif not live.syncing(gateway_id):
            return self._bad_request(request.id, KeyRefusedError("phase", "no sync of this gateway has begun"), now)
        listed = []
        for call in request.calls:
            account = None if call.account_id is None else directory.accounts.get(call.account_id)
            client = None if account is None else directory.clients.get(account.client_id)
            listed.append(ListedCall((gateway_id, call.call_id, call.leg), call.direction, account, client))
        live.sync_note(gateway_id, listed, gateway, now)
        answer = m.SyncAnswer(id=request.id, op="sync", result=_SYNC_RESULTS[request.phase])
        if request.phase == "end":
            ended, adopted = live.sync_end(gateway_id, now)
            answer = msgspec.structs.replace(answer, ended=ended, adopted=adopted)
        return self._connection.send(answer)

    def _calls(self, request: m.Calls, now: float) -> bytes:
        try:
            gateway = self._gateway(request.gateway)
        except LookupError:
            return self._forbidden_gateway(request.id, request.gateway)
        only_own = self.peer.transport == "tcp" or request.gateway is not None
        gateway_id = gateway.id if only_own and gateway is not None else None
        live, gateways = self._engine.live, self._engine.directory.gateways
        found, omitted = live.listed(request.account_id, request.client_id, gateway_id, request.limit)
        listed = tuple(
            m.LiveCall(
                call_id=call.key[1],
                leg=call.key[2],
                direction=call.direction,
                state=call.state,
                account_id=call.account_id,
                client_id=call.client_id,
                age_seconds=round(max(0.0, now - call.granted_at), 3),
                lease_seconds_left=round(live.lease_left(call, now), 3),
                gateway=asked_by.name if (asked_by := gateways.get(call.key[0])) is not None else None,
                reseller_id=call.reseller_id,
            )
            for call in found
        )
        return self._connection.send(m.CallsAnswer(id=request.id, op="calls", calls=listed, omitted=omitted))

    # --- the daemon itself

    def _status(self, request: m.Status, now: float) -> bytes:
        engine, directory = self._engine, self._engine.directory
        age = self._facts.data_age_seconds(now)
        return self._connection.send(
            m.StatusAnswer(
                id=request.id,
                op="status",
                ready=directory.ready,
                generation=directory.generation,
                accounts=len(directory.accounts),
                calls=len(engine.live),
                database="connected" if self._facts.database_connected else "away",
                data_age_seconds=None if age is None else round(age, 3),
                quarantined=len(directory.quarantined),
                draining=engine.draining,
                server=self._facts.server,
            )
        )

    def _ping(self, request: m.Ping, _now: float) -> bytes:
        return self._connection.send(m.PongAnswer(id=request.id, op="pong"))

    # --- errors

    def _asking_id(self) -> int:
        gateway = self._gateway(None)
        return NO_GATEWAY if gateway is None else gateway.id

    def _error(self, request_id: int | None, code: ErrorCode, message: str, field: str | None = None) -> bytes:
        self._observer.erred(code)
        return self._connection.send(
            m.ErrorAnswer(id=request_id, op="error", code=code, message=message, field=field)
        )

    def _refused(self, request_id: int, code: ErrorCode, message: str) -> bytes:
        self.closing = True
        return self._error(request_id, code, message)

    def _bad_request(self, request_id: int, refused: KeyRefusedError, now: float) -> bytes:
        self.closing = self._connection.count_bad_request(now)
        return self._error(request_id, ErrorCode.BAD_REQUEST, str(refused), refused.field)

    def _forbidden_gateway(self, request_id: int, named: str | None) -> bytes:
        if named is None or not self._engine.directory.ready:
            return self._unknown_gateway(request_id)
        return self._error(request_id, ErrorCode.FORBIDDEN, "this connection may not ask as that gateway", "gateway")

    def _unknown_gateway(self, request_id: int) -> bytes:
        """The gateway of the hello is gone, or nobody can say yet whether there is one."""
        if not self._engine.directory.ready:
            return self._error(request_id, ErrorCode.INTERNAL, "not ready: no accounts are loaded yet, ask again")
        return self._error(request_id, ErrorCode.FORBIDDEN, "this gateway is no longer known", "gateway")


_SYNC_RESULTS: dict[str, Literal["sync_begun", "sync_noted", "synced"]] = {
    "begin": "sync_begun",
    "chunk": "sync_noted",
    "end": "synced",
}

_HANDLERS: dict[type, tuple[str, Callable[[Session, Any, float], bytes]]] = {
    m.Hello: ("hello", Session._hello),
    m.Start: ("start", Session._start),
    m.Release: ("release", Session._release),
    m.Touch: ("touch", Session._touch),
    m.Sync: ("sync", Session._sync),
    m.Calls: ("calls", Session._calls),
    m.Status: ("status", Session._status),
    m.Ping: ("ping", Session._ping),
}
