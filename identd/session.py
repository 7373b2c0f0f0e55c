"""One connection's conversation: bytes in, bytes out, sync. What is asked, what is answered.

The codec (`protocol/codec.py`) is the door's: the socket protocol, HTTP, evapi. The deciding is `engine.py`, who is
asking is `asker.py`; between them stands what each request of the protocol means (docs/protocol.md).
"""

from collections.abc import Callable
from typing import Any, Literal, Protocol

import msgspec

from identd.access import KeyRefusedError, Peer, call_attempt
from identd.answering import (
    EXPLAINED_MAX,
    DaemonFacts,
    calls_answer,
    ended_answer,
    explained_answer,
    hello_answer,
    live_call,
    status_answer,
)
from identd.asker import Asker, Refusal
from identd.calls import NO_GATEWAY, Call, Cause
from identd.decision import Conflict, Decision, Existing, Grant
from identd.engine import Engine
from identd.live_calls import ListedCall, Outcome
from identd.usage import usage_answer
from matcher.account import Direction, Gateway
from matcher.attempt import CallAttempt
from protocol import messages as m
from protocol.codec import Codec, Event, RequestError, Said, Token
from protocol.errors import ErrorCode
from protocol.framing import Encoding
from protocol.reason import Reason

COSTLY = (m.Calls, m.Usage)
"""Requests that cost as much as hundreds of others, as does one with `explain`: a millisecond or two each. One read
may hold two thousand of them, so one ends a connection's turn, and the others wait until everybody had theirs."""


LOCAL_ONLY = (m.Usage, m.End, m.InForce)
"""Requests of whoever runs the house: answered on the Unix socket only, where no hello is needed."""


class Observer(Protocol):
    """Who is told of finished results; deciding code does not know what it does with them."""

    def decided(self, direction: Direction, reason: str) -> None:
        """A call was judged; `reason` is "" for a grant."""

    def erred(self, code: str) -> None:
        """A request or a connection was answered with an error."""

    def requested(self, op: str) -> None:
        """A request was read."""

    def ended_by_hand(self, gateway: str | None, call: Call) -> None:
        """An operator has ended this call."""


class Session:
    """The conversation with one peer. `closing`: the connection is to be closed after what was returned."""

    __slots__ = (
        "_asker",
        "_codec",
        "_engine",
        "_facts",
        "_observer",
        "_waiting",
        "answered",
        "closing",
        "peer",
    )

    def __init__(self, engine: Engine, asker: Asker, facts: DaemonFacts, observer: Observer, codec: Codec) -> None:
        self._engine = engine
        self._facts = facts
        self._observer = observer
        self._asker = asker
        self._codec = codec
        self._waiting: list[Event] = []
        self.peer: Peer = asker.peer
        self.closing = False
        self.answered = 0

    @property
    def said_hello(self) -> bool:
        """Whether the peer may ask anything yet; the server sets a deadline on it."""
        return self._asker.said_hello

    @property
    def partial(self) -> int:
        """Bytes held of an unfinished frame."""
        return self._codec.partial

    @property
    def encoding(self) -> Encoding | None:
        """What the peer speaks; None until its first byte."""
        return self._codec.encoding

    @property
    def gateway_name(self) -> str | None:
        """What the peer said it is, for logs."""
        return self._asker.gateway_name

    @property
    def waiting(self) -> bool:
        """Whether requests that were read wait for their turn: `receive` again, with nothing, before anything new."""
        return bool(self._waiting)

    def receive(self, data: bytes, now: float) -> bytes:
        """Answer all that `data` completes, in order, up to the first costly request; `now` as in `engine.py`."""
        if self.closing:  # whoever was refused is not heard again
            return b""
        out: list[bytes] = []
        codec = self._codec
        events = codec.receive_data(data, now)
        if self._waiting:
            events = self._waiting + events
            self._waiting = []
        for place, event in enumerate(events, 1):
            if isinstance(event, m.CallKeys):
                out.append(self._decide(event, now))
                costly = event.explain
            elif isinstance(event, RequestError):
                out.append(self._faulty(event, now))
                costly = False
            elif isinstance(event, Token):
                self._asker.present(event, now)
                continue
            elif isinstance(event, Said):
                out.append(event.data)
                self.closing = event.last
                costly = False
            else:
                out.append(self._answer(event, now))
                costly = isinstance(event, COSTLY)
            if self.closing or codec.finished:
                self.closing = True
                break
            if costly:
                self._waiting = events[place:]
                break
        self.answered += len(out)
        return b"".join(out)

    def broke(self) -> bytes:
        """The last words of a conversation that a bug of ours has ended."""
        if self._codec.encoding is None:
            return b""
        return self._error(None, ErrorCode.INTERNAL, "a fault of the server; the connection is closed")

    def _faulty(self, error: RequestError, now: float) -> bytes:
        asker = self._asker
        if asker.proof_first and not (error.fatal or asker.settled):
            refusal = asker.check(now)
            if refusal is not None:
                return self._refused(error.id, refusal)
        self.closing = error.fatal
        return self._error(error.id, error.code, error.message, error.field)

    def _answer(self, request: m.AnyRequest, now: float) -> bytes:
        op, handle = _HANDLERS[type(request)]
        self._observer.requested(op)
        if self.peer.transport != "unix" and isinstance(request, LOCAL_ONLY):
            return self._error(request.id, ErrorCode.FORBIDDEN, "this is answered on the Unix socket only", "op")
        if not self._asker.settled and not isinstance(request, m.Hello):
            refusal = self._asker.check(now)
            if refusal is not None:
                return self._refused(request.id, refusal)
        return handle(self, request, now)

    # --- decisions

    def _decide(self, request: m.CallKeys, now: float) -> bytes:
        op = "authorize" if isinstance(request, m.Authorize) else "identify"
        self._observer.requested(op)
        asker, engine = self._asker, self._engine
        if not asker.settled:
            refusal = asker.check(now)
            if refusal is not None:
                return self._refused(request.id, refusal)
        try:
            gateway = asker.gateway(request.gateway)
            attempt = call_attempt(request, gateway, self.peer.is_local)
        except KeyRefusedError as refused:
            return self._bad_request(request.id, refused, now)
        except LookupError:
            if not engine.directory.ready:  # nobody can say whether there is such a gateway
                return self._decision(request, op, engine.unavailable(Reason.NOT_READY, None), None, None)
            return self._forbidden_gateway(request.id, request.gateway)
        if isinstance(request, m.Authorize):
            key = (NO_GATEWAY if gateway is None else gateway.id, request.call_id, request.leg)
            decision = engine.authorize(attempt, gateway, key, now)
            if isinstance(decision, Conflict):
                other = decision.identified_account_id
                now_is = "is asked for in the other direction" if other is None else f"identifies as account {other}"
                return self._error(
                    request.id,
                    ErrorCode.CALL_ID_CONFLICT,
                    f"this call is up for account {decision.granted_account_id} and now {now_is}",
                    "call_id",
                )
            return self._decision(request, op, decision, attempt, gateway)
        return self._decision(request, op, engine.identify(attempt, gateway, now), attempt, gateway)

    def _decision(
        self,
        request: m.CallKeys,
        op: str,
        decision: Decision | Existing,
        attempt: CallAttempt | None,
        gateway: Gateway | None,
    ) -> bytes:
        existing = isinstance(decision, Existing)
        body: Decision = decision.grant if isinstance(decision, Existing) else decision
        self._observer.decided(request.direction, "" if isinstance(body, Grant) else body.reason)
        if request.explain and attempt is not None:
            looked_at, omitted = self._engine.explain(attempt, gateway, EXPLAINED_MAX)
            return self._codec.send(explained_answer(request.id, op, existing, body, looked_at, omitted))
        return self._codec.send_decision(request.id, op, existing, body)

    def _hello(self, request: m.Hello, now: float) -> bytes:
        refusal = self._asker.say_hello(request, now)
        if refusal is not None:
            return self._refused(request.id, refusal)
        gateway = self._asker.gateway() if self._engine.directory.ready else None
        return self._codec.send(hello_answer(request, self._engine, self._facts, gateway))

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
            gateway = self._asker.gateway()
        except LookupError:
            return self._unknown_gateway(request.id)
        outcome = act(gateway, NO_GATEWAY if gateway is None else gateway.id)
        if outcome.result == "not_owner":
            return self._error(
                request.id, ErrorCode.NOT_OWNER, "this call is another gateway's: say hello as that one", "call_id"
            )
        op = "start" if isinstance(request, m.Start) else "release"
        return self._codec.send(_call_answer(request.id, op, outcome))

    def _touch(self, request: m.Touch, now: float) -> bytes:
        try:
            gateway_id = self._asker.gateway_id()
        except LookupError:
            return self._unknown_gateway(request.id)
        unknown = self._engine.live.touch(((gateway_id, call.call_id, call.leg) for call in request.calls), now)
        return self._codec.send(
            m.TouchAnswer(
                id=request.id,
                op="touch",
                result="touched",
                unknown=tuple(m.CallName(call_id, leg) for _, call_id, leg in unknown),
            )
        )

    def _sync(self, request: m.Sync, now: float) -> bytes:
        try:
            gateway = self._asker.gateway()
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
        return self._codec.send(answer)

    def _calls(self, request: m.Calls, now: float) -> bytes:
        try:
            gateway = self._asker.gateway(request.gateway)
        except LookupError:
            return self._forbidden_gateway(request.id, request.gateway)
        only_own = self.peer.transport != "unix" or request.gateway is not None
        gateway_id = gateway.id if only_own and gateway is not None else None
        found, omitted = self._engine.live.listed(request.account_id, request.client_id, gateway_id, request.limit)
        return self._codec.send(calls_answer(request.id, self._engine, found, omitted, now))

    # --- for the console

    def _usage(self, request: m.Usage, _now: float) -> bytes:
        return self._codec.send(usage_answer(request, self._engine))

    def _end(self, request: m.End, now: float) -> bytes:
        live, gateways_by_name = self._engine.live, self._engine.directory.gateways_by_name
        if request.gateway is None:
            gateway_ids = {NO_GATEWAY, *(each for each in live.gateway_ids() if not self._is_known(each))}
        elif request.gateway in gateways_by_name:
            gateway_ids = {gateways_by_name[request.gateway].id}
        else:
            return self._error(request.id, ErrorCode.FORBIDDEN, "no gateway of this name is known", "gateway")
        keys = [(gateway_id, request.call_id, request.leg) for gateway_id in gateway_ids]
        found = [call for key in keys if (call := live.find(key)) is not None]
        if not found:
            lately = any(live.lately_ended(key, now) not in (None, Cause.EXPIRE) for key in keys)
            return self._codec.send(
                m.EndAnswer(id=request.id, op="end", result="already_released" if lately else "unknown")
            )
        if len(found) > 1:
            several = f"{len(found)} calls of this name are up for gateways that are not known, or for none"
            return self._error(request.id, ErrorCode.CALL_ID_CONFLICT, several, "gateway")
        call = found[0]
        as_it_was = live_call(self._engine, call, now)
        outcome = live.end_by_hand(call, now)
        self._observer.ended_by_hand(request.gateway, call)
        return self._codec.send(ended_answer(request.id, outcome, as_it_was))

    def _is_known(self, gateway_id: int) -> bool:
        return gateway_id in self._engine.directory.gateways

    def _in_force(self, request: m.InForce, _now: float) -> bytes:
        in_force = self._engine.directory.ready and self._facts.in_force(request.xid)
        generation = self._engine.directory.generation
        return self._codec.send(
            m.InForceAnswer(id=request.id, op="in_force", in_force=in_force, generation=generation)
        )

    # --- the daemon itself

    def _status(self, request: m.Status, now: float) -> bytes:
        return self._codec.send(status_answer(request.id, self._engine, self._facts, now))

    def _ping(self, request: m.Ping, _now: float) -> bytes:
        return self._codec.send(m.PongAnswer(id=request.id, op="pong"))

    # --- errors

    def _error(self, request_id: int | None, code: ErrorCode, message: str, field: str | None = None) -> bytes:
        self._observer.erred(code)
        return self._codec.send(m.ErrorAnswer(id=request_id, op="error", code=code, message=message, field=field))

    def _refused(self, request_id: int | None, refusal: Refusal) -> bytes:
        self.closing = self.closing or refusal.closes
        return self._error(request_id, refusal.code, refusal.message, refusal.field)

    def _bad_request(self, request_id: int, refused: KeyRefusedError, now: float) -> bytes:
        self.closing = self._codec.count_bad_request(now)
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


def _call_answer(request_id: int, op: str, outcome: Outcome) -> m.CallAnswer:
    assert outcome.result != "not_owner", "that is an error, not a result"
    seconds = None if outcome.seconds is None else round(outcome.seconds, 3)
    return m.CallAnswer(id=request_id, op=op, result=outcome.result, calls=outcome.calls, seconds=seconds)


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
    m.Usage: ("usage", Session._usage),
    m.End: ("end", Session._end),
    m.InForce: ("in_force", Session._in_force),
}
