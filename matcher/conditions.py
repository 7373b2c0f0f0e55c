"""What makes an account eligible for a call (docs/matching.md §2), apart from how it is known.

One function answers yes or no on the path of a call; one table answers which condition does not hold, for
`explain`. A condition that the account does not set holds for every call.
"""

from collections.abc import Callable

from matcher.account import Account, Direction
from matcher.attempt import CallAttempt

ANONYMOUS_ANIS = frozenset({"anonymous", "unknown", "restricted", "private", "unavailable"})
"""What switches write, in any case, where the caller withholds the number (RFC 3323 §4.1.1.3 and habit)."""


def ani_compared(text: str | None) -> str:
    """The ANI (or DNIS) as it is compared: without one leading `+`; "" where it is withheld and matches nobody."""
    if not text:
        return ""
    number = text[1:] if text[0] == "+" else text
    return "" if number.lower() in ANONYMOUS_ANIS else number


def conditions_hold(account: Account, attempt: CallAttempt, gateway_id: int | None) -> bool:
    """Whether tech prefix, gateways, protocol and port hold together. `gateway_id` None: no gateway is asking."""
    prefix = account.tech_prefix
    if prefix and not attempt.dnis.startswith(prefix):
        return False
    gateway_ids = account.gateway_ids
    if gateway_ids and gateway_id not in gateway_ids:
        return False
    protocol = account.protocol
    if protocol is not None and not _same_protocol(protocol, attempt.protocol):
        return False
    port = account.port
    return port is None or (port == attempt.port and port != 0)  # port 0: the switch does not know it


def _same_protocol(ours: str, theirs: str | None) -> bool:
    return ours == theirs or (theirs is not None and ours.lower() == theirs.lower())


Shown = tuple[str, str]
"""What was expected and what was seen, in words for an operator."""

Condition = Callable[[Account, CallAttempt, int | None], Shown | None]
"""None where the condition holds."""


def _tech_prefix(account: Account, attempt: CallAttempt, _gateway_id: int | None) -> Shown | None:
    if attempt.dnis.startswith(account.tech_prefix):
        return None
    return account.tech_prefix, attempt.dnis[: len(account.tech_prefix)]


def _gateway(account: Account, _attempt: CallAttempt, gateway_id: int | None) -> Shown | None:
    if not account.gateway_ids or gateway_id in account.gateway_ids:
        return None
    ids = ", ".join(str(number) for number in account.gateway_ids)
    return f"gateway {ids}", "no gateway" if gateway_id is None else f"gateway {gateway_id}"


def _protocol(account: Account, attempt: CallAttempt, _gateway_id: int | None) -> Shown | None:
    if account.protocol is None or _same_protocol(account.protocol, attempt.protocol):
        return None
    return account.protocol, attempt.protocol or "unknown"


def _port(account: Account, attempt: CallAttempt, _gateway_id: int | None) -> Shown | None:
    if account.port is None or (account.port == attempt.port and account.port != 0):
        return None
    return str(account.port), str(attempt.port) if attempt.port else "unknown"


CONDITIONS: tuple[tuple[str, Condition], ...] = (
    ("tech_prefix", _tech_prefix),
    ("gateway", _gateway),
    ("protocol", _protocol),
    ("port", _port),
)
"""In the order of docs/matching.md §2, in which `explain` names the first that does not hold."""


def first_failing(account: Account, attempt: CallAttempt, gateway_id: int | None) -> tuple[str, str, str] | None:
    """The first condition that does not hold, what was expected and what was seen; None if all hold."""
    for name, condition in CONDITIONS:
        shown = condition(account, attempt, gateway_id)
        if shown is not None:
            return name, *shown
    return None


def stripped_dnis(account: Account, direction: Direction, dnis: str) -> str:
    """The DNIS without the account's tech prefix, taken off exactly once (docs/matching.md §4).

    Only for orig calls and unless the account turns it off. "" where the DNIS is nothing but the tech prefix.
    """
    prefix = account.tech_prefix
    if direction != "orig" or not account.strip_tech_prefix or not dnis.startswith(prefix):
        return dnis
    return dnis[len(prefix) :]
