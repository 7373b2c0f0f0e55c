"""A file written: its lines are judged again inside the transaction, and must do what their owner was shown.

Whoever changed an account, a name or a reference in between makes one print differ, and then nothing is written.
"""

from collections.abc import Mapping, Sequence

from console.database import Transaction
from console.objects.account import AccountDraft
from console.objects.account_fields import by_name
from console.store.accounts_bulk import AccountEdit, RowErrors, create_accounts, update_accounts
from console.transfer.judging import Judged
from console.transfer.planning import OnProgress, Planner, plan
from identd.credentials import KeyRing


class ConflictError(Exception):
    """Line `line` (0: it is not known which) would not do what was agreed to. The transaction must not be committed.

    `errors`: what the database has against it, by field, where judging the line again need not show it.
    """

    def __init__(self, line: int, errors: Mapping[str, str] | None = None) -> None:
        self.line = line
        self.errors = dict(errors or {})
        super().__init__(f"line {line} would not do what was agreed to")


async def write_file(
    tx: Transaction,
    data: bytes,
    agreed: Mapping[int, bytes],
    keys: KeyRing,
    *,
    update_existing: bool,
    on_progress: OnProgress,
) -> None:
    """Do what every line says, or raise ConflictError. `agreed`: line -> the print that its owner was shown."""
    planner = Planner(tx, update_existing=update_existing, has_key=keys.current is not None, lock=True)
    async for judged in plan(planner, data, on_progress):
        for one in judged:
            if one.line.outcome == "error" or agreed.get(one.line.line) != one.line.print:
                raise ConflictError(one.line.line)
        await _write(tx, judged, keys)


async def _write(tx: Transaction, judged: Sequence[Judged], keys: KeyRing) -> None:
    changed = [one for one in judged if one.line.outcome == "changes"]
    created = [one for one in judged if one.line.outcome == "creates"]
    rows = changed
    try:
        if changed:
            await update_accounts(tx, [_edit_of(one) for one in changed], keys)
        rows = created
        if created:
            await create_accounts(tx, [(_draft_of(one), one.password) for one in created], keys)
    except RowErrors as refused:
        line = 0 if refused.row is None else rows[refused.row].line.line
        raise ConflictError(line, by_name(refused).errors) from refused


def _edit_of(one: Judged) -> AccountEdit:
    assert one.before is not None, "what changes was there before"
    return AccountEdit(id=one.before.id, draft=_draft_of(one), password=one.password, etag=one.before.etag)


def _draft_of(one: Judged) -> AccountDraft:
    assert one.draft is not None, "what is written was read"
    return one.draft
