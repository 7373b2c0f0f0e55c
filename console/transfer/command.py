"""What the command line does with accounts: the same reading, judging and storing as the pages, without HTTP.

Nothing is printed here; `identd/cli/accounts.py` says what came of it.
"""

import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

import msgspec

from console.daemon import Daemon
from console.database import Database, Transaction
from console.errors import FieldErrors
from console.objects.account import Account, AccountDraft, PasswordChange
from console.objects.account_fields import by_name, read_text
from console.objects.password_fields import read_password
from console.store.accounts import (
    DeleteFigures,
    create_account,
    deactivate,
    delete_account,
    get_account,
    update_account,
)
from console.store.references import resolve
from console.transfer.imports import OUTCOMES, ImportLine, Outcome
from console.transfer.planned import PlannedLine, planned
from console.transfer.planning import OnProgress, Planner, plan
from console.transfer.writing import lock_accounts, write_lines
from identd.credentials import KeyRing


class Desk(msgspec.Struct, frozen=True):
    """Where the work is done: by whom, on which database, for which daemon, with which keys."""

    database: Database
    daemon: Daemon
    keys: KeyRing
    actor: str


class Done(msgspec.Struct, frozen=True):
    """The account as it is now (or was, when it is gone), and whether calls are judged by that already."""

    account: Account
    in_force: bool
    figures: DeleteFigures | None = None


class Imported(msgspec.Struct, frozen=True):
    """Lines by outcome; `is_written`: all of them, else none. `in_force` is True where nothing was written."""

    counts: Mapping[Outcome, int]
    is_written: bool
    in_force: bool


async def add(desk: Desk, values: Mapping[str, str]) -> Done:
    """Create an account from texts by names of fields. Raises FieldErrors; as all here, BusyError."""

    async def work(tx: Transaction) -> Account:
        draft, password = await _read(tx, values, None)
        with _by_names():
            return await get_account(tx, await create_account(tx, draft, password, desk.keys))

    return await _done(desk, work)


async def change(desk: Desk, account_id: int, values: Mapping[str, str]) -> Done:
    """Change the fields that are given. Raises FieldErrors, NotFoundError."""

    async def work(tx: Transaction) -> Account:
        before = await get_account(tx, account_id)
        draft, password = await _read(tx, values, before)
        with _by_names():
            return await update_account(tx, account_id, draft, password, desk.keys, before.etag)

    return await _done(desk, work)


async def switch_off(desk: Desk, account_id: int) -> Done:
    """Deactivate: off in both directions. Raises NotFoundError."""

    async def work(tx: Transaction) -> Account:
        return await deactivate(tx, account_id, None)

    return await _done(desk, work)


async def remove(desk: Desk, account_id: int, name: str) -> Done:
    """Delete the account of this id if this is its name. Raises FieldErrors, NotFoundError."""

    async def work(tx: Transaction) -> tuple[Account, DeleteFigures]:
        account, figures = await delete_account(tx, account_id, None)
        if account.name != name:  # raising undoes it
            raise FieldErrors(
                {"yes-delete": f"Account {account_id} is called {account.name!r}: nothing was deleted."}
            )
        return account, figures

    (account, figures), xid = await desk.database.repeated(desk.actor, work)
    return Done(account, await desk.daemon.in_force(xid), figures)


async def _done(desk: Desk, work: Callable[[Transaction], Awaitable[Account]]) -> Done:
    account, xid = await desk.database.repeated(desk.actor, work)
    return Done(account, await desk.daemon.in_force(xid))


async def import_file(
    desk: Desk,
    data: bytes,
    *,
    update_existing: bool,
    is_to_be_written: bool,
    on_lines: Callable[[Sequence[ImportLine]], None],
    on_progress: OnProgress,
) -> Imported:
    """Judge every line and, if there is no error and it is wanted, write them all. Raises ConflictError, BusyError.

    `on_lines` hears what each line does. Judging is the first half of the progress where writing follows.
    """
    counts: Counter[Outcome] = Counter(dict.fromkeys(OUTCOMES, 0))
    parts: list[list[PlannedLine]] = []
    share = 0.5 if is_to_be_written else 1.0
    async with desk.database.transaction(desk.actor, readonly=not is_to_be_written) as tx:
        planner = Planner(tx, update_existing=update_existing, has_key=desk.keys.current is not None)
        async with contextlib.aclosing(plan(planner, data, lambda done: on_progress(done * share))) as planning:
            async for judged in planning:
                lines = [one.line for one in judged]
                on_lines(lines)
                counts.update(line.outcome for line in lines)
                if is_to_be_written and not counts["error"]:
                    parts.append([line for one in judged if (line := planned(one)) is not None])
        is_written = is_to_be_written and not counts["error"]
        await lock_accounts(tx, [line.account_id for part in parts for line in part if line.account_id is not None])
        for number, part in enumerate(parts if is_written else ()):
            await write_lines(tx, part, desk.keys)
            on_progress(share + share * (number + 1) / len(parts))
    in_force = await desk.daemon.in_force(tx.xid) if is_written else True
    return Imported(dict(counts), is_written, in_force)


async def _read(
    tx: Transaction, values: Mapping[str, str], before: Account | None
) -> tuple[AccountDraft, PasswordChange]:
    draft = read_text(values, await resolve(tx, [values]), before=before, source="line")
    return draft, read_password(values, draft, source="line")


@contextlib.contextmanager
def _by_names() -> Iterator[None]:
    """What the store has against columns is told by the names that were typed."""
    try:
        yield
    except FieldErrors as wrong:
        raise by_name(wrong) from wrong
