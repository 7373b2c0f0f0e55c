"""A question with a password is noted with the account it was tried on, as far as anybody can say which."""

import pytest

from console.context import Console
from console.door import Actor
from console.errors import DaemonAwayError
from console.roles import ROLES, Role
from console.whose_call import _account_of, ask_whose, may_ask
from protocol import messages as m

RIGHT = m.ExplainedAccount(account_id=5, account="a", client_id=1, ident_by="name", matched="rose", verdict="failed")
WIDE = m.ExplainedAccount(account_id=6, account="b", client_id=1, ident_by="ip", matched="10.0.0.0/8", verdict="lost")


def actor(role: Role) -> Actor:
    return Actor(name="rose", role=role, kind="person")


def test_everybody_may_ask_and_who_sees_passwords_may_try_them():
    assert all(may_ask(actor(role), None) for role in ROLES)
    assert [role for role in ROLES if may_ask(actor(role), "")] == ["operator", "admin"]


@pytest.mark.parametrize(
    ("account_id", "explain", "noted"),
    [(7, (WIDE, RIGHT), 7), (None, (RIGHT,), 5), (None, (RIGHT, WIDE), None), (None, (), None), (None, None, None)],
)
def test_the_account_is_the_owner_or_the_only_one_looked_at(
    account_id: int | None, explain: tuple[m.ExplainedAccount, ...] | None, noted: int | None
):
    answer = m.DecisionAnswer(
        id=1, op="identify", decision="refuse", generation=1, account_id=account_id, explain=explain
    )
    assert _account_of(answer) == noted


async def test_a_question_that_the_daemon_never_heard_is_not_noted(console: Console):
    with pytest.raises(DaemonAwayError):
        await ask_whose(console, actor("operator"), m.Identify(id=1, name="rose", dnis="1", password="x"))
    assert await console.database.value("SELECT count(*) FROM audit_log WHERE action = 'ask'") == 0
