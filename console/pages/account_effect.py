"""What a change of an account would do, as its form shows it before it is saved: faults, differences, effect."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import trio

from console.context import Console
from console.errors import DaemonAwayError, FieldErrors
from console.objects.account import Account, KeepPassword, RemovePassword
from console.objects.account_fields import Difference, changes, read_text, remarks
from console.objects.account_warnings import CallsUp
from console.objects.effect import Effect, effect_of
from console.objects.password_fields import read_password
from console.pages.live import usage_of
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
    keeps = isinstance(password, KeepPassword)
    removes = isinstance(password, RemovePassword)
    had_password = account is not None and account.has_password
    around = await neighbours(console.database, draft, None if account is None else account.id)
    calls_up, is_away = await _calls_up(console, account)
    # where thousands of networks meet it takes some tenths of a second, which other pages need not wait for
    effect = await trio.to_thread.run_sync(
        partial(
            effect_of,
            draft,
            around,
            console.wall(),
            has_password=had_password if keeps else not removes,
            calls_up=calls_up,
        )
    )
    return Judged(
        {},
        remarks(values),
        account is None,
        () if account is None else tuple(changes(account, draft, references)),
        "" if keeps or (removes and not had_password) else "is removed" if removes else "is set",
        effect,
        is_away,
    )


async def _calls_up(console: Console, account: Account | None) -> tuple[CallsUp | None, bool]:
    """What is up of the account, and whether the daemon is away; None also where it does not know the account."""
    if account is None:
        return None, False
    try:
        usage = (await usage_of(console.daemon, [account.id])).get(account.id)
    except DaemonAwayError:
        return None, True
    return CallsUp(0, 0) if usage is None else CallsUp(usage.orig, usage.term), False
