"""A file written: its lines are judged again inside the transaction, and must do what their owner was shown.

Whoever changed an account, a name or a reference in between makes one print differ, and then nothing is written.
"""

from collections.abc import Mapping, Sequence

from console.database import Transaction
from console.errors import ChangedError, FieldErrors, NotFoundError
from console.store.accounts_bulk import create_accounts, update_accounts
from console.transfer.judging import Judged
from console.transfer.planning import OnProgress, Planner, plan
from identd.credentials import KeyRing


class ConflictError(Exception):
    """Line `line` (0: one of them) would no longer do what was agreed to. The transaction must not be committed."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(f"line {line} would do something else now")


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
    created = [(one.draft, one.password) for one in judged if one.line.outcome == "creates" and one.draft is not None]
    changed = [
        (one.before.id, one.draft, one.password, one.before.etag)
        for one in judged
        if one.line.outcome == "changes" and one.draft is not None and one.before is not None
    ]
    try:
        if changed:
            await update_accounts(tx, changed, keys)
        if created:
            await create_accounts(tx, created, keys)
    except (FieldErrors, ChangedError, NotFoundError) as error:
        # the lines were judged a moment ago: somebody else took a name or deleted a reference since
        raise ConflictError(0) from error
