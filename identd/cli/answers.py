"""An answer as an operator reads it, and the exit code it stands for. One table: answer type -> how it is shown."""

from collections.abc import Callable

import msgspec

from identd.cli.explaining import sentences
from identd.cli.show import Paint, pairs, printable, table
from protocol.messages import AnyAnswer, CallsAnswer, DecisionAnswer, ErrorAnswer, StatusAnswer

OK, REFUSED, USAGE, NO_DAEMON, UNAVAILABLE = range(5)
"""Exit codes."""

_EXIT_CODES = {"grant": OK, "refuse": REFUSED, "unavailable": UNAVAILABLE}
_COLOURS = {"grant": "green", "refuse": "red", "unavailable": "yellow"}
_WHAT_TO_DO = {
    "not_owner": "name the gateway that the call was authorized for with --gateway; `identd calls` shows it",
}
"""What an error means for the command line, where the daemon's message speaks to a switch."""
_NOT_REPEATED = frozenset({"id", "op", "decision", "reason", "sip_code", "q850", "explain", "explain_omitted"})
_CALL_COLUMNS = ("call_id", "leg", "direction", "state", "account_id", "client_id", "gateway", "age", "lease left")


def exit_code(answer: AnyAnswer) -> int:
    """0 grant or ok, 1 refused, 2 an error answer, 4 unavailable: a decision that is, or a daemon without data."""
    match answer:
        case DecisionAnswer():
            return _EXIT_CODES[answer.decision]
        case ErrorAnswer():
            return USAGE
        case StatusAnswer():
            return OK if answer.ready and not answer.draining else UNAVAILABLE
        case _:
            return OK


def shown(answer: AnyAnswer, paint: Paint) -> list[str]:
    """The lines to print."""
    return _SHOWN.get(type(answer), _plain)(answer, paint)


def _decision(answer: AnyAnswer, paint: Paint) -> list[str]:
    assert isinstance(answer, DecisionAnswer)
    head = paint(_COLOURS[answer.decision], answer.decision)
    if answer.reason is not None:
        head += f" {printable(answer.reason)} (SIP {answer.sip_code}, Q.850 {answer.q850})"
    lines = [head, *_pairs_of(answer)]
    if answer.explain is not None and answer.decision != "unavailable":  # where nothing was judged, nobody lost
        lines += ["", *sentences(answer)]
    return lines


def _calls(answer: AnyAnswer, paint: Paint) -> list[str]:
    assert isinstance(answer, CallsAnswer)
    rows = [
        (
            call.call_id,
            call.leg,
            call.direction,
            call.state,
            call.account_id,
            call.client_id,
            call.gateway,
            _duration(call.age_seconds),
            _duration(call.lease_seconds_left),
        )
        for call in answer.calls
    ]
    lines = table(_CALL_COLUMNS, rows, paint) if rows else ["no calls"]
    return [*lines, f"and {answer.omitted} more"] if answer.omitted else lines


def _duration(seconds: float) -> str:
    """Hours, minutes, seconds: `1:02:03`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _status(answer: AnyAnswer, paint: Paint) -> list[str]:
    assert isinstance(answer, StatusAnswer)
    state = "draining" if answer.draining else "ready" if answer.ready else "not ready"
    return [paint("green" if state == "ready" else "yellow", state), *_pairs_of(answer)]


def _error(answer: AnyAnswer, paint: Paint) -> list[str]:
    assert isinstance(answer, ErrorAnswer)
    key = f" ({answer.field})" if answer.field else ""
    line = f"{paint('red', 'error')} {printable(answer.code + key)}: {printable(answer.message)}"
    hint = _WHAT_TO_DO.get(answer.code)
    return [line] if hint is None else [line, f"  {hint}"]


def _plain(answer: AnyAnswer, paint: Paint) -> list[str]:
    result = getattr(answer, "result", answer.op)
    return [paint("green", printable(str(result))), *_pairs_of(answer)]


_SHOWN: dict[type[AnyAnswer], Callable[[AnyAnswer, Paint], list[str]]] = {
    DecisionAnswer: _decision,
    CallsAnswer: _calls,
    StatusAnswer: _status,
    ErrorAnswer: _error,
}


def _pairs_of(answer: AnyAnswer) -> list[str]:
    """Every other key that the answer carries, as it stands on the wire."""
    on_the_wire = msgspec.to_builtins(answer)
    return pairs((key, value) for key, value in on_the_wire.items() if key not in _NOT_REPEATED and key != "result")
