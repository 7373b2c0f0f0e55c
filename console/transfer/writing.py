"""Planned lines written: what the dry run showed, or nothing.

An account that was changed since has another etag, a name that was taken and a reference that was deleted are refused
by the database: whichever comes first names its line, and the transaction is not committed.
"""

from collections.abc import Mapping, Sequence

from console.database import Transaction
from console.objects.account_fields import by_name
from console.store.accounts_bulk import AccountEdit, RowErrors, create_accounts, update_accounts
from console.transfer.planned import PlannedLine
from identd.credentials import KeyRing


class ConflictError(Exception):
    """Line `line` (0: it is not known which) cannot be written any more; why, by field. Nothing must be committed."""

    def __init__(self, line: int, errors: Mapping[str, str]) -> None:
        self.line = line
        self.errors = dict(errors)
        where = f"line {line}" if line else "one of the lines"
        super().__init__(f"{where}: {' '.join(self.errors.values())}")


async def lock_accounts(tx: Transaction, account_ids: Sequence[int]) -> None:
    """Nobody else writes these accounts until the transaction ends. BusyError where that cannot be had.

    All that a file changes, in the order of ids and before its first line is written: two files about the same
    accounts wait for one another, in whichever order their lines are.
    """
    if account_ids:
        await tx.value(
            "SELECT count(*) FROM"
            " (SELECT FROM accounts WHERE id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE) AS locked",
            list(account_ids),
        )


async def write_lines(tx: Transaction, lines: Sequence[PlannedLine], keys: KeyRing) -> None:
    """Create and change what the lines say. Raises ConflictError."""
    changed = [line for line in lines if line.account_id is not None]
    created = [line for line in lines if line.account_id is None]
    rows = changed
    try:
        if changed:
            await update_accounts(tx, [_edit_of(line) for line in changed], keys)
        rows = created
        if created:
            await create_accounts(tx, [(line.draft, line.password_change) for line in created], keys)
    except RowErrors as refused:
        raise ConflictError(
            0 if refused.row is None else rows[refused.row].line, by_name(refused).errors
        ) from refused


def _edit_of(line: PlannedLine) -> AccountEdit:
    assert line.account_id is not None, "what changes has an id"
    return AccountEdit(id=line.account_id, draft=line.draft, password=line.password_change, etag=line.etag)
