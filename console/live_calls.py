"""Live calls as the daemon has them: counted, listed, and ended by hand. One way for pages and API.

An ending is in the audit log exactly when the daemon may have done it: whoever ends a call comes with a transaction
that was open before the daemon is asked, and the entry is written in it. What the call was says the daemon itself.
"""

from typing import Any, Literal

import msgspec

from console.daemon import Daemon
from console.database import Transaction
from console.errors import DaemonAwayError, FieldErrors
from console.objects.account_warnings import CallsUp
from console.store.audit import write_audit
from protocol import messages as m

Result = Literal["released", "already_released", "unknown", "no_answer"]


class CallKey(msgspec.Struct, frozen=True, kw_only=True):
    """What names a live call. `gateway` None: one that was asked for without, or whose gateway is gone."""

    call_id: str
    leg: str = ""
    gateway: str | None = None


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """`no_answer`: it may be ended, nobody can say. `calls`, `seconds`, `call`: as in the daemon's answer."""

    result: Result
    calls: int | None = None
    seconds: float | None = None
    call: m.LiveCall | None = None


async def calls_up_of(daemon: Daemon, account_id: int) -> CallsUp:
    """What counts against the account's capacity now. Raises DaemonAwayError."""
    usage = await daemon.usage((account_id,))
    return next((CallsUp(one.orig, one.term) for one in usage.accounts), CallsUp(0, 0))


async def list_calls(daemon: Daemon, wanted: m.Calls) -> m.CallsAnswer:
    """The calls that are up, oldest first. Raises DaemonAwayError, FieldErrors."""
    answer = await daemon.ask(wanted)
    assert isinstance(answer, m.CallsAnswer), "calls are answered by a list"
    return answer


async def find_call(
    daemon: Daemon, key: CallKey, account_id: int | None = None
) -> tuple[m.LiveCall | None, m.CallsAnswer]:
    """The call, where it is among the oldest of its gateway and, if given, of this account; and where it was sought.

    Raises DaemonAwayError, FieldErrors.
    """
    wanted = m.Calls(id=daemon.next_id(), account_id=account_id, gateway=key.gateway)
    answer = await list_calls(daemon, wanted)
    return next((call for call in answer.calls if _key_of(call) == key), None), answer


async def end_call(daemon: Daemon, tx: Transaction, key: CallKey, account_id: int | None = None) -> Ended:
    """End it and note who did. `account_id`: whose it may be; what is noted where the daemon does not answer.

    Raises FieldErrors where the key is none or could mean several calls (at `gateway`), and DaemonAwayError where the
    daemon was not asked: then nothing was done.
    """
    _check(key)
    seen, _ = await find_call(daemon, key, account_id)
    try:
        answer = await daemon.ask(m.End(id=daemon.next_id(), **msgspec.structs.asdict(key)))
    except DaemonAwayError:
        ended = Ended(result="no_answer", call=seen)
    else:
        assert isinstance(answer, m.EndAnswer), "an ending is answered by what was ended"
        ended = Ended(result=answer.result, calls=answer.calls, seconds=answer.seconds, call=answer.call)
    if ended.result in ("released", "no_answer"):
        before: dict[str, Any] = msgspec.to_builtins(key if ended.call is None else ended.call)
        after = {"result": ended.result, "calls": ended.calls, "seconds": ended.seconds}
        said = {name: value for name, value in after.items() if value is not None}
        await write_audit(tx, "release", "calls", None if ended.call is None else ended.call.account_id, before, said)
    return ended


def _key_of(call: m.LiveCall) -> CallKey:
    return CallKey(call_id=call.call_id, leg=call.leg, gateway=call.gateway)


def _check(key: CallKey) -> None:
    """The daemon's protocol counts bytes, and its connection is everybody's: it hears nothing that is no request."""
    faults = {
        name: f"Shorten this to {m.STRING_BYTES_MAX} bytes"
        for name, text in msgspec.structs.asdict(key).items()
        if text is not None and len(text.encode()) > m.STRING_BYTES_MAX
    }
    if not key.call_id:
        faults["call_id"] = "Send the Call ID of the call"
    if faults:
        raise FieldErrors(faults)
