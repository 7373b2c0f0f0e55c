"""Imports at work: the dry run and the writing, as tasks that go on when their request was answered.

A task says each second that it lives and how far it is. Whatever goes wrong in it is written into its import's row
and into the log, and goes no further. Cancelled with the console, it leaves a row whose heart stops.
"""

import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

import msgspec
import trio

from console.context import Console
from console.errors import DatabaseAwayError
from console.transfer import imports
from console.transfer.imports import OUTCOMES, ImportLine, Outcome
from console.transfer.judging import failed_line
from console.transfer.kept_file import KeptFileError, open_file, seal_file
from console.transfer.planning import Planner, plan
from console.transfer.writing import ConflictError, write_file

NOTHING_WRITTEN = "Nothing was written: somebody changed accounts, or what they refer to, since the dry run. "
LOOK_AGAIN = "Lines that would now do something else are marked: look at them, then write."
AS_BEFORE = "Every line still does what you saw: write again."
_AWAY = "The database did not answer. Nothing was written: import the file again."
_KEY_GONE = (
    "The file cannot be opened any more: was the credentials key changed? Nothing was written: import it again."
)
_SAID: tuple[tuple[type[Exception], str], ...] = ((DatabaseAwayError, _AWAY), (KeptFileError, _KEY_GONE))
_FAULT = "A fault of ours; it is in the log of the console. Nothing was written."


class Work:
    """One import at work, and how far it is, from 0 to 1."""

    __slots__ = ("console", "import_id", "owner", "progress", "update_existing")

    def __init__(self, console: Console, import_id: int, owner: str, *, update_existing: bool) -> None:
        self.console = console
        self.import_id = import_id
        self.owner = owner
        self.update_existing = update_existing
        self.progress = 0.0

    def at(self, progress: float) -> None:
        """It is so far."""
        self.progress = progress


class Agreed(msgspec.Struct, frozen=True):
    """What its owner had agreed to, line -> print, and why that could not be written."""

    prints: Mapping[int, bytes]
    conflict: ConflictError

    def compared(self, line: ImportLine) -> ImportLine:
        """The line as it is now, marked where it is not what was agreed to."""
        if self.prints.get(line.line) != line.print:
            return msgspec.structs.replace(line, differs=True)
        if line.line == self.conflict.line and self.conflict.errors:  # only the database sees what is wrong with it
            return msgspec.structs.replace(
                failed_line(line.line, line.account, self.conflict.errors), account_id=line.account_id, differs=True
            )
        return line

    def notice(self, differing: int) -> str:
        """What its owner reads first."""
        if differing:
            return NOTHING_WRITTEN + LOOK_AGAIN
        reasons = " ".join(self.conflict.errors.values())
        return NOTHING_WRITTEN + (f"{reasons} " if reasons else "") + AS_BEFORE


async def check_import(work: Work, data: bytes) -> None:
    """The dry run, as a task."""

    async def check() -> None:
        await _check(work, data, None)

    await _bounded(work, check)


async def write_import(work: Work, kept: bytes, is_sealed: bool) -> None:
    """The writing, as a task."""

    async def write() -> None:
        keys = work.console.keys
        data = open_file(kept, work.import_id, keys) if is_sealed else kept
        agreed = await imports.prints(work.console.database, work.import_id)
        try:
            async with work.console.database.transaction(work.owner) as tx:
                await write_file(tx, data, agreed, keys, update_existing=work.update_existing, on_progress=work.at)
                await imports.finish_write(tx, work.import_id)
        except ConflictError as conflict:
            await _check(work, data, Agreed(agreed, conflict))
        else:
            await work.console.daemon.in_force(tx.xid)

    await _bounded(work, write)


async def _check(work: Work, data: bytes, agreed: Agreed | None) -> None:
    """Note what each line would do; `agreed`: what they were to do, where that could not be written."""
    keys = work.console.keys
    counts: Counter[Outcome] = Counter(dict.fromkeys(OUTCOMES, 0))
    differing = 0
    async with work.console.database.transaction(work.owner) as tx:
        if agreed is not None:
            await imports.forget_lines(tx, work.import_id)
        planner = Planner(tx, update_existing=work.update_existing, has_key=keys.current is not None)
        async for judged in plan(planner, data, work.at):
            lines = [one.line for one in judged]
            if agreed is not None:
                lines = [agreed.compared(line) for line in lines]
                differing += sum(line.differs for line in lines)
            await imports.write_lines(tx, work.import_id, lines)
            counts.update(line.outcome for line in lines)
        kept, is_sealed = seal_file(data, work.import_id, keys)
        notice = "" if agreed is None else agreed.notice(differing)
        await imports.finish_check(tx, work.import_id, counts, kept, is_sealed=is_sealed, notice=notice)


async def _bounded(work: Work, task: Callable[[], Awaitable[None]]) -> None:
    """The task with its heartbeat; its end, whichever, in the import's row."""
    failure: Exception | None = None
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_beat, work)
            await task()
            nursery.cancel_scope.cancel()
    except Exception as error:
        failure = error
    if failure is None:
        return
    notice = next((said for kind, said in _SAID if _is_only(failure, kind)), _FAULT)
    if notice is _FAULT:
        work.console.log.error("import_failed", exception=failure, import_id=work.import_id)
    with contextlib.suppress(DatabaseAwayError):  # then its heart stops, which says the same a little later
        await imports.fail_import(work.console.database, work.import_id, notice)


def _is_only(failure: Exception, kind: type[Exception]) -> bool:
    """Whether this is all that happened: nurseries put what their tasks raise into groups."""
    return isinstance(failure, kind) or (isinstance(failure, ExceptionGroup) and failure.split(kind)[1] is None)


async def _beat(work: Work) -> None:
    while True:
        await trio.sleep(imports.HEARTBEAT_SECONDS)
        with contextlib.suppress(DatabaseAwayError):
            await imports.beat(work.console.database, work.import_id, work.progress)
