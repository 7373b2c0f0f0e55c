"""Imports at work: the dry run and the writing, as tasks that go on when their request was answered.

A task says each second that it lives and how far it is. Whatever goes wrong in it is written into its import's row
and into the log, and goes no further. Cancelled with the console, it leaves a row whose heart stops.
"""

import contextlib
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import asyncpg
import trio

from console.context import Console
from console.errors import BusyError, DatabaseAwayError
from console.transfer import imports
from console.transfer.imports import OUTCOMES, Outcome
from console.transfer.planned import PlanError, open_part, planned, seal_part
from console.transfer.planning import Planner, plan
from console.transfer.writing import ConflictError, lock_accounts, write_lines
from identd.credentials import NONCE_BYTES

WIPE_SECONDS = 3600.0
CONFLICT = "Nothing was written, because somebody changed something since the dry run: {}. Import the file again."
_AWAY = "The database did not answer. Nothing was written: import the file again."
_KEY_GONE = (
    "It cannot be opened any more: was the credentials key changed? Nothing was written: import the file again."
)
_FAULT = "A fault of ours; it is in the log of the console. Nothing was written."
_GIVEN_UP = (
    "Nothing was heard of it for half a minute, so it was given up. Nothing was written: import the file again."
)
_BUSY = CONFLICT.format("others are writing the same accounts")
_SAID: tuple[tuple[type[Exception], str], ...] = (
    (BusyError, _BUSY),
    (DatabaseAwayError, _AWAY),
    (PlanError, _KEY_GONE),
    (imports.GivenUpError, _GIVEN_UP),
)


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


async def check_import(work: Work, data: bytes) -> None:
    """The dry run, as a task."""

    async def check() -> None:
        keys = work.console.keys
        counts: Counter[Outcome] = Counter(dict.fromkeys(OUTCOMES, 0))
        part = 0
        async with work.console.database.transaction(work.owner) as tx:
            planner = Planner(tx, update_existing=work.update_existing, has_key=keys.current is not None)
            async with aclosing(plan(planner, data, work.at)) as planning:
                async for judged in planning:
                    await imports.write_lines(tx, work.import_id, [one.line for one in judged])
                    counts.update(one.line.outcome for one in judged)
                    lines = tuple(line for one in judged if (line := planned(one)) is not None)
                    if lines and not counts["error"]:
                        kept = seal_part(lines, work.import_id, part, keys, os.urandom(NONCE_BYTES))
                        await imports.write_part(tx, work.import_id, part, kept)
                        part += 1
            await imports.finish_check(tx, work.import_id, counts)

    await _bounded(work, check)


async def write_import(work: Work) -> None:
    """The writing, as a task."""

    async def write() -> None:
        keys = work.console.keys
        async with work.console.database.transaction(work.owner) as tx:
            await lock_accounts(tx, await imports.accounts_of(tx, work.import_id))
            parts = await imports.count_parts(tx, work.import_id)
            for part in range(parts):
                kept = await imports.read_part(tx, work.import_id, part)
                await write_lines(tx, open_part(kept, work.import_id, part, keys), keys)
                work.at((part + 1) / parts)
            await imports.finish_write(tx, work.import_id)

    await _bounded(work, write)


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
    notice = _notice(failure)
    if notice is _FAULT:
        work.console.log.error("import_failed", exception=failure, import_id=work.import_id)
    with contextlib.suppress(
        DatabaseAwayError, BusyError
    ):  # then its heart stops, which says the same a little later
        await imports.fail_import(work.console.database, work.import_id, notice)


def _notice(failure: Exception) -> str:
    """What its owner is told; nurseries put what their tasks raise into groups."""
    causes = failure.exceptions if isinstance(failure, ExceptionGroup) else (failure,)
    if len(causes) != 1:
        return _FAULT
    if isinstance(causes[0], ConflictError):
        return CONFLICT.format(str(causes[0]).rstrip("."))
    return next((said for kind, said in _SAID if isinstance(causes[0], kind)), _FAULT)


async def _beat(work: Work) -> None:
    while True:
        await trio.sleep(imports.HEARTBEAT_SECONDS)
        with contextlib.suppress(DatabaseAwayError, BusyError):
            await imports.beat(work.console.database, work.import_id, work.progress)


async def wipe_daily(console: Console) -> None:
    """For ever, as a task: imports that are a day old go, also where nobody imports any more."""
    while True:
        with contextlib.suppress(DatabaseAwayError, BusyError, asyncpg.PostgresError):
            await imports.wipe_expired(console.database)
        await trio.sleep(WIPE_SECONDS)
