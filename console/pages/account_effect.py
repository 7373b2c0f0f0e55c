"""What a change of an account would do, as its form shows it before it is saved: faults, differences, effect."""

from collections.abc import Mapping
from typing import NamedTuple

from console.context import Console
from console.errors import FieldErrors
from console.objects.account import Account
from console.objects.account_fields import Difference, changes, read_text, remarks
from console.objects.password_fields import read_password
from console.store.references import resolve


class Judged(NamedTuple):
    """`errors` by field, where there are any: then there is nothing else. `differences` to what is saved."""

    errors: Mapping[str, str] = {}
    remarks: Mapping[str, str] = {}
    differences: tuple[Difference, ...] = ()
    is_new: bool = False


async def judge(console: Console, values: Mapping[str, str], account: Account | None) -> Judged:
    """What saving these values would do to the account; None: a new one."""
    references = await resolve(console.database, [values])
    try:
        draft = read_text(values, references, before=account)
        read_password(values, draft)
    except FieldErrors as wrong:
        return Judged(wrong.errors, remarks(values))
    differences = () if account is None else tuple(changes(account, draft, references))
    return Judged({}, remarks(values), differences, account is None)
