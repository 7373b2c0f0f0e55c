"""What a change of an account would do, as its form shows it before it is saved: faults, differences, effect."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import trio

from console.context import Console
from console.errors import DaemonAwayError, FieldErrors
from console.live_calls import calls_up_of
from console.objects.account import Account, PasswordChange, RemovePassword, SetPassword
from console.objects.account_fields import Difference, changes, read_text, remarks
from console.objects.effect import Effect, effect_of
from console.objects.password_fields import has_password_after, read_password
from console.store.neighbours import neighbours
from console.store.references import resolve


class Judged(NamedTuple):
    """`errors` by field; where there are any there is nothing else. `differences`: to what is saved now.

    `password`: set, removed, or "" where it stays. `effect` has no `calls_up` where `is_away`: nobody knows then.
    """

    errors: Mapping[str, str] = {}
    remarks: Mapping[str, str] = {}
    is_new: bool = False
    differences: tuple[Difference, ...] = ()
    password: str = ""
    effect: Effect | None = None
    is_away: bool = False


async def judge(console: Console, values: Mapping[str, str], account: Account | None) -> Judged:
    """What saving these values would do to the account; None: a new one. Writes nothing."""
    references = await resolve(console.database, [values])
    try:
        draft = read_text(values, references, before=account)
        password = read_password(values, draft)
    except FieldErrors as wrong:
        return Judged(wrong.errors, remarks(values))
    had_password = account is not None and account.has_password
    around = await neighbours(console.database, draft, None if account is None else account.id)
    calls_up, is_away = None, False
    if account is not None:
        try:
            calls_up = await calls_up_of(console.daemon, account.id)
        except DaemonAwayError:
            is_away = True
    # where thousands of networks meet it takes some tenths of a second, which other pages need not wait for
    effect = await trio.to_thread.run_sync(
        partial(
            effect_of,
            draft,
            around,
            console.wall(),
            has_password=has_password_after(password, had=had_password),
            calls_up=calls_up,
        )
    )
    return Judged(
        {},
        remarks(values),
        account is None,
        () if account is None else tuple(changes(account, draft, references)),
        _said_of(password, had=had_password),
        effect,
        is_away,
    )


def _said_of(change: PasswordChange, *, had: bool) -> str:
    match change:
        case SetPassword():
            return "is set"
        case RemovePassword() if had:
            return "is removed"
    return ""
