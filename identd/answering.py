"""Answers that are put together from many values: explained decisions, lists of calls, status, hello."""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from identd.calls import Call
from identd.decision import Decision
from identd.engine import Engine
from identd.live_calls import ACTIVE_SECONDS, RESERVE_SECONDS, Outcome
from matcher.account import Gateway
from matcher.index import Explained
from protocol import messages as m

EXPLAINED_MAX = 50
"""Accounts of an `explain` (docs/protocol.md): the frame holds them, and only these are judged."""


class DaemonFacts(Protocol):
    """What `status` and `hello` say beside what the engine knows."""

    @property
    def server(self) -> str:
        """Name and version."""

    @property
    def database_connected(self) -> bool:
        """Whether the loader sees the database."""

    def data_age_seconds(self, now: float) -> float | None:
        """Since the database was last seen to agree; None before that."""

    def in_force(self, xid: int) -> bool:
        """Whether calls are judged by what this PostgreSQL transaction wrote; False where nobody can say."""


def explained_answer(
    request_id: int, op: str, existing: bool, decision: Decision, looked_at: tuple[Explained, ...], omitted: int
) -> m.DecisionAnswer:
    """The decision with the accounts that were looked at; `omitted`: how many there are beside these."""
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
        for one in looked_at
    )
    answer = msgspec.convert(
        {"id": request_id, "op": op, "existing": existing, **msgspec.to_builtins(decision)}, m.DecisionAnswer
    )
    return msgspec.structs.replace(answer, explain=shown, explain_omitted=omitted or None)


def calls_answer(request_id: int, engine: Engine, found: Iterable[Call], omitted: int, now: float) -> m.CallsAnswer:
    """Live calls as they are listed, in the order given."""
    listed = tuple(live_call(engine, call, now) for call in found)
    return m.CallsAnswer(id=request_id, op="calls", calls=listed, omitted=omitted)


def live_call(engine: Engine, call: Call, now: float) -> m.LiveCall:
    """The call as it is listed; it must be up. `gateway` is left out where it is not known (any more)."""
    asked_by = engine.directory.gateways.get(call.key[0])
    return m.LiveCall(
        call_id=call.key[1],
        leg=call.key[2],
        direction=call.direction,
        state=call.state,
        account_id=call.account_id,
        client_id=call.client_id,
        age_seconds=round(max(0.0, now - call.granted_at), 3),
        lease_seconds_left=round(engine.live.lease_left(call, now), 3),
        gateway=None if asked_by is None else asked_by.name,
        reseller_id=call.reseller_id,
    )


def ended_answer(request_id: int, outcome: Outcome, call: m.LiveCall) -> m.EndAnswer:
    """What became of a call that an operator ended; `call`: as it was."""
    assert outcome.seconds is not None, "it was up"
    return m.EndAnswer(
        id=request_id,
        op="end",
        result="released",
        calls=outcome.calls,
        seconds=round(outcome.seconds, 3),
        call=call,
    )


def status_answer(request_id: int, engine: Engine, facts: DaemonFacts, now: float) -> m.StatusAnswer:
    """How the daemon is."""
    directory = engine.directory
    age = facts.data_age_seconds(now)
    return m.StatusAnswer(
        id=request_id,
        op="status",
        ready=directory.ready,
        generation=directory.generation,
        accounts=len(directory.accounts),
        calls=len(engine.live),
        database="connected" if facts.database_connected else "away",
        data_age_seconds=None if age is None else round(age, 3),
        quarantined=len(directory.quarantined),
        draining=engine.draining,
        server=facts.server,
    )


def hello_answer(request: m.Hello, engine: Engine, facts: DaemonFacts, gateway: Gateway | None) -> m.HelloAnswer:
    """Who we are, whether there is data, and how long the gateway's calls live without a word."""
    return m.HelloAnswer(
        id=request.id,
        op="hello",
        version=request.version,
        server=facts.server,
        gateway=request.gateway,
        ready=engine.directory.ready,
        generation=engine.directory.generation,
        reserve_seconds=RESERVE_SECONDS if gateway is None else gateway.reserve_seconds,
        active_seconds=ACTIVE_SECONDS if gateway is None else gateway.active_seconds,
    )
