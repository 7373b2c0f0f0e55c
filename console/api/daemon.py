"""What only the daemon knows: live calls, ending one by hand, whose call it is, and how it is.

The console's connection to the daemon is shared by everybody, and the daemon ends one that sends three bad requests:
nothing is passed on that its own types do not take.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from console import live_calls, whose_call
from console.api.answers import API, response_of, shown
from console.api.answers import Shown as Answer
from console.api.bodies import declared, json_object
from console.api.entries import CallToEnd, Question
from console.api.errors import CODES, RETRY_SECONDS, ApiError, ErrorAnswer
from console.api.operation import Operation, changing, parameters_of
from console.api.parameters import Id, Parameter, Text
from console.context import console_of
from console.database import Transaction
from console.door import actor_of
from console.errors import FieldErrors
from matcher.address import AddressError, canonical_address
from protocol import messages as m

SAYS_WHO = ("ip", "name", "ani")
_NOT_SHOWN = ("id", "op")

NO_ANSWER = shown(
    ErrorAnswer(
        error="daemon_away",
        message="The daemon did not answer, and may have ended the call: see whether it is listed.",
    ),
    CODES["daemon_away"][0],
    {"Retry-After": RETRY_SECONDS},
)
"""Not raised: that it was asked is in the audit log."""

PARAMETERS: tuple[Parameter, ...] = (
    Parameter("account_id", Id, "Calls of this account."),
    Parameter("client_id", Id, "Calls of this client."),
    Parameter("gateway", Text, "Calls of the gateway of this name."),
    Parameter("limit", Annotated[int, Meta(ge=1, le=m.LISTED_CALLS_MAX)], "At most so many, the oldest."),
)


class CallListing(msgspec.Struct, frozen=True, kw_only=True):
    """Live calls, oldest first; `omitted` counts those past the limit. Ages and leases in seconds."""

    items: tuple[m.LiveCall, ...]
    omitted: int


class CallEnded(msgspec.Struct, frozen=True, kw_only=True):
    """`unknown` and `already_released`: nothing was done. `seconds` since it was answered, 0 if it never was.

    `call`: what was ended, as it was; `calls`: what the account has up now in its direction.
    """

    result: Literal["released", "already_released", "unknown"]
    seconds: float | None = None
    calls: int | None = None
    call: m.LiveCall | None = None


def _without_envelope(name: str, answer: type[msgspec.Struct], doc: str) -> Any:
    """The Struct of an answer of the daemon, without what belongs to its connection."""
    fields = [
        (f.name, f.type, f.default) if f.default is not msgspec.NODEFAULT else (f.name, f.type)
        for f in msgspec.structs.fields(answer)
        if f.name not in _NOT_SHOWN
    ]
    struct = msgspec.defstruct(name, fields, frozen=True, kw_only=True, omit_defaults=True)
    struct.__doc__ = doc
    return struct


Decision = _without_envelope(
    "Decision",
    m.DecisionAnswer,
    "Whose call it would be, and in `explain` what became of each account that was looked at (docs/protocol.md).",
)
Status = _without_envelope("Status", m.StatusAnswer, "How the daemon is (docs/protocol.md).")


async def show_calls(request: Request) -> Response:
    """GET /calls"""
    console = console_of(request)
    wanted = m.Calls(id=console.daemon.next_id(), **parameters_of(request))
    answer = await live_calls.list_calls(console.daemon, wanted)
    return response_of(shown(CallListing(items=answer.calls, omitted=answer.omitted)))


async def end_call(request: Request) -> Response:
    """POST /calls/end"""
    console = console_of(request)
    values = await json_object(request)
    wanted = declared(values, CallToEnd)
    key = live_calls.CallKey(call_id=wanted.call_id, leg=wanted.leg, gateway=wanted.gateway)

    async def work(tx: Transaction) -> Answer:
        ended = await live_calls.end_call(console.daemon, tx, key)
        return (
            NO_ANSWER
            if ended.result == "no_answer"
            else shown(msgspec.convert(ended, CallEnded, from_attributes=True))
        )

    return await changing(request, work, repeatable=False)  # ended once, it would be over at the second try


async def ask_whose(request: Request) -> Response:
    """POST /whose"""
    console, actor = console_of(request), actor_of(request)
    values = await json_object(request)
    question = declared(values, Question)
    if not whose_call.may_ask(actor, question.password):
        raise ApiError("forbidden", whose_call.NOT_YOU)
    _check_bytes(question)
    if not any(getattr(question, name) for name in SAYS_WHO):
        raise FieldErrors({"ip": "Send at least one of ip, name and ani: nothing else says who is calling"})
    if question.ip is not None:
        try:
            canonical_address(question.ip)
        except AddressError:
            raise FieldErrors({"ip": "Send one IPv4 or IPv6 address, such as 192.0.2.7 or 2001:db8::7"}) from None
    asked = m.Identify(id=console.daemon.next_id(), explain=True, **msgspec.structs.asdict(question))
    answer = await whose_call.ask_whose(console, actor, asked)
    return response_of(shown(msgspec.convert(answer, Decision, from_attributes=True)))


async def show_status(request: Request) -> Response:
    """GET /status"""
    answer = await console_of(request).daemon.status()
    return response_of(shown(msgspec.convert(answer, Status, from_attributes=True)))


def _check_bytes(value: msgspec.Struct) -> None:
    """The daemon's protocol counts bytes where JSON counts characters."""
    long = [
        name
        for name, text in msgspec.structs.asdict(value).items()
        if isinstance(text, str) and len(text.encode()) > m.STRING_BYTES_MAX
    ]
    if long:
        raise FieldErrors(dict.fromkeys(long, f"Shorten this to {m.STRING_BYTES_MAX} bytes"))


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        name="list_calls",
        method="GET",
        path=f"{API}/calls",
        permission="read",
        handler=show_calls,
        tag="calls",
        summary="Calls that are up now, oldest first.",
        parameters=PARAMETERS,
        answers={200: CallListing},
        errors=("daemon_away",),
    ),
    Operation(
        name="end_call",
        method="POST",
        path=f"{API}/calls/end",
        permission="release",
        handler=end_call,
        tag="calls",
        summary="End a call by hand: it no longer counts. Only its switch can hang up. It is in the audit log.",
        body=CallToEnd,
        answers={200: CallEnded},
        once=True,
        writes=True,
        errors=("daemon_away",),
    ),
    Operation(
        name="ask_whose",
        method="POST",
        path=f"{API}/whose",
        permission="read",
        handler=ask_whose,
        tag="whose",
        summary="Whose call is it? Asks the daemon as a switch would, and changes nothing. Only roles that may see "
        "passwords may send one; that is in the audit log.",
        body=Question,
        answers={200: Decision},
        errors=("daemon_away",),
    ),
    Operation(
        name="get_status",
        method="GET",
        path=f"{API}/status",
        permission="read",
        handler=show_status,
        tag="status",
        summary="How the daemon is.",
        answers={200: Status},
        errors=("daemon_away",),
    ),
)
