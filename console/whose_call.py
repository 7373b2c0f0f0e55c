"""Whose call it is, asked of the daemon as a switch asks. One way for pages and API.

A question with a password in it is a guess at that password: it needs the permission to see passwords, and stands in
the audit log. The entry is written in a transaction that was open before the daemon was asked, so none is missing.
"""

from typing import Any

from console.context import Console
from console.door import Actor
from console.roles import Permission
from console.store.audit import write_audit
from protocol import messages as m

TO_TRY: Permission = "reveal"
NOT_YOU = "Your role may ask whose call it is, but not try passwords: leave the password out."
_ASKED = ("direction", "ip", "name", "ani")
_ANSWERED = ("decision", "reason")


def may_ask(actor: Actor, password: str | None) -> bool:
    """Whether this one may ask this."""
    return password is None or actor.may(TO_TRY)


async def ask_whose(console: Console, actor: Actor, question: m.Identify) -> m.DecisionAnswer:
    """The daemon's answer. Raises FieldErrors, DaemonAwayError. Who may not ask has been turned away before."""
    assert may_ask(actor, question.password), "the door has looked"
    if question.password is None:
        return await _asked(console, question)
    async with console.database.transaction(actor.name) as tx:
        answer = await _asked(console, question)
        noted: dict[str, Any] = {field: getattr(question, field) for field in _ASKED}
        noted |= {field: getattr(answer, field) for field in _ANSWERED}
        await write_audit(tx, "ask", "accounts", _account_of(answer), None, noted)
    return answer


async def _asked(console: Console, question: m.Identify) -> m.DecisionAnswer:
    answer = await console.daemon.ask(question)
    assert isinstance(answer, m.DecisionAnswer), "identify is answered by a decision"
    return answer


def _account_of(answer: m.DecisionAnswer) -> int | None:
    """Whose password was tried: the account whose call it is, or the only one that was looked at."""
    if answer.account_id is not None:
        return answer.account_id
    looked_at = answer.explain or ()
    return looked_at[0].account_id if len(looked_at) == 1 else None
