"""One connection to PostgreSQL: read everything once, then tell every committed change (docs/matching.md §8).

LISTEN comes before the read, so that nothing committed in between goes unheard. Every read, whole or partial, is one
REPEATABLE READ snapshot, told as one update: the daemon never sees half a transaction. A NOTIFY only wakes the loop.
Nothing here catches a lost connection: that is `supervise.py`, which opens the next one.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from loader import changes, queries, stream
from loader.last_good import RowKey, keep_aside
from loader.link import DaemonLink
from loader.recording import Recording
from loader.rows import change_of
from matcher.change import AccountPut, Change, RowQuarantined, Table

FETCH_ROWS = 1000
"""Rows a fetch: a million accounts never stand in memory, and a round trip is paid once a thousand rows."""
FETCH_ALL_ROWS_MAX = 1000
"""Up to so many changes a table are fetched without a cursor, which costs two round trips more."""
QUARANTINE_LINES_MAX = 20
"""Log lines of an update for rows that cannot be used: what broke one may have broken a million. All are counted."""
PATIENCE_SECONDS_MAX = 60.0
"""A query over very many changes may rightly take longer than a heartbeat: after a timeout the next try waits twice
as long, up to this, so that a stalled server is noticed in one heartbeat and a slow one is not given up for ever."""


class FullReadNeeded(Exception):  # noqa: N818 - a turn of events, not a fault
    """What is missing cannot be told as changes; the message says why."""


class StandbyPromotedError(Exception):
    """The standby that we followed is a primary now: another history, and it can be LISTENed to."""


class Follower:
    """Follows one connection; `position` goes from one connection to the next."""

    __slots__ = (
        "_aside",
        "_connection",
        "_heartbeat",
        "_link",
        "_patience",
        "_pause",
        "_quarantined",
        "_recording",
        "as_of",
        "position",
        "told",
    )

    def __init__(self, link: DaemonLink, recording: Recording) -> None:
        self._link = link
        self._recording = recording
        self._heartbeat = link.configuration.heartbeat_seconds
        self._patience = self._heartbeat
        self._pause = min(link.configuration.poll_seconds, self._heartbeat)  # a poll is the heartbeat
        self._connection: asyncpg.Connection | None = None
        self.position: changes.Position | None = None
        self.as_of: float | None = None
        self._quarantined = 0
        self._aside: dict[RowKey, RowQuarantined] | None = None
        """Bad rows of a full read until its end, when the disk is asked for their last good versions."""
        self.told = link.configuration.daemon_ready  # whether the daemon has had a full update from anyone

    async def run(self, connection: asyncpg.Connection) -> None:
        """Never returns: it ends by cancellation, or by the error that the connection ends with."""
        self._connection = connection
        try:
            await self._follow(connection)
        except TimeoutError:
            self._patience = min(self._patience * 2, PATIENCE_SECONDS_MAX)
            raise

    async def _follow(self, connection: asyncpg.Connection) -> None:
        try:
            await connection.add_listener(queries.CHANNEL, self._ring)
        except asyncpg.ReadOnlySQLTransactionError:
            await self._link.log(
                "warning", "no_notifications", reason="a standby does not LISTEN: the poll has to do"
            )
        connection.add_termination_listener(self._ring)
        reason = await self._why_not_resumed()
        while True:
            self._link.wake.clear()
            try:
                if self._link.reconcile:
                    raise FullReadNeeded("it was asked for")
                if due := self._recording.why_rewrite:
                    raise FullReadNeeded(due)
                if reason is not None:
                    raise FullReadNeeded(reason)
                await self._read_changes()
            except FullReadNeeded as needed:
                await self._link.log("info", "full_read", reason=str(needed))
                self._link.reconcile = False
                await self._read_everything()
                reason = None
                continue
            except asyncpg.LockNotAvailableError:
                # somebody alters or truncates a table: not dead, but what we hold is getting older
                await self._link.send(stream.DatabaseState(True, "a table is locked", self.as_of))
            else:
                self._patience = self._heartbeat
                self._recording.confirm(self.as_of)
                await self._recording.tell_failures(self._link)
                seen = None if self.position is None else changes.seen(self.position)
                await self._link.send(stream.DatabaseState(True, None, self.as_of, seen))
            try:
                async with asyncio.timeout(self._pause):
                    await self._link.wake.wait()
            except TimeoutError:
                pass

    def _ring(self, *_: object) -> None:
        self._link.wake.set()

    async def _why_not_resumed(self) -> str | None:
        position = self.position
        if position is None:
            return "first read"
        there = position.mark is not None and await self._value(
            queries.MARK_IS_THERE, position.mark.xid, position.mark.recorded_at
        )
        return changes.why_not_resumed(position, await self._identity(), bool(there))

    async def _read_everything(self) -> None:
        """One full update from one snapshot, by cursor."""
        started = time.monotonic()
        self.position = None  # should this fail, the next connection must do it: the recording of it is gone too
        identity = await self._identity()
        slice_changes = stream.SLICE_CHANGES_MAX if self.told else stream.FIRST_SLICE_CHANGES_MAX
        rows = 0
        async with self._transaction(queries.BEGIN_READING):
            as_of = time.time()
            snapshot, in_recovery, pruned_below = await self._snapshot()
            mark = await self._row(queries.LAST_MARK, str(snapshot.xmax))
            async with self._update(full=True):
                self._aside = {}
                for table in queries.TABLES:
                    rows += await self._tell(table, queries.every_row(table), (), slice_changes)
                await self._tell_bad_rows(slice_changes)
            await self._commit(as_of, None)
        self.told = True
        self.position = changes.Position(
            identity, snapshot, in_recovery, pruned_below, None if mark is None else changes.Mark(*mark)
        )
        await self._link.log("info", "full_read_done", rows=rows, seconds=round(time.monotonic() - started, 3))

    async def _read_changes(self) -> None:
        """What has been committed since the last read, as one update; nothing is sent where there is nothing new."""
        position = self.position
        assert position is not None, "changes are read after everything has been"
        async with self._transaction(queries.BEGIN_FOLLOWING):
            as_of = time.time()
            snapshot, in_recovery, pruned_below = await self._snapshot()
            if position.in_recovery and not in_recovery:
                raise StandbyPromotedError
            if reason := changes.why_not_followed(position, snapshot, pruned_below):
                raise FullReadNeeded(reason)
            span = changes.new_since(position, snapshot, in_recovery)
            news = await self._rows(queries.NEW_CHANGES, *span, timeout=self._patience)
            if truncated := [entity for entity, _, gone, _ in news if gone]:
                raise FullReadNeeded(f"{truncated[0]} was truncated")
            mark = position.mark
            if news:
                counts = {entity: count for entity, count, _, _ in news}
                async with self._update(full=False):
                    for table in queries.TABLES:
                        if count := counts.get(table):
                            await self._tell_changed(table, span, count)
                await self._commit(as_of, min(told for _, _, _, told in news))
                if found := await self._row(queries.LAST_MARK, str(snapshot.xmax)):
                    mark = changes.Mark(*found)
        self.as_of = as_of
        self.position = changes.Position(position.identity, snapshot, in_recovery, pruned_below, mark)

    async def _tell_changed(self, table: Table, span: tuple[str, list[str], str], count: int) -> None:
        query = queries.changed_rows(table)
        if count > FETCH_ALL_ROWS_MAX:
            await self._tell(table, query, span, stream.SLICE_CHANGES_MAX)
            return
        rows = await self._rows(query, *span, timeout=self._patience)
        await self._send_slices([change_of(table, row) for row in rows], stream.SLICE_CHANGES_MAX)

    async def _tell(self, table: Table, query: str, parameters: tuple[object, ...], slice_changes: int) -> int:
        """Stream a query of any size; returns the number of rows."""
        connection = self._connection
        assert connection is not None, "a follower that runs has a connection"
        cursor = await connection.cursor(query, *parameters, timeout=self._patience)
        rows = await cursor.fetch(FETCH_ROWS, timeout=self._patience)
        total = 0
        while rows:
            # the server prepares the next rows while we take these apart; one behind, so that memory is bounded
            coming = asyncio.ensure_future(cursor.fetch(FETCH_ROWS, timeout=self._patience))
            try:
                await asyncio.sleep(0)
                total += len(rows)
                await self._send_slices([change_of(table, row) for row in rows], slice_changes)
            except BaseException:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)
                raise
            rows = await coming
        return total

    async def _tell_bad_rows(self, slice_changes: int) -> None:
        """Those kept aside: first their last good versions as the disk has them, then that they are bad.

        A daemon that has data has last good versions at least as new: for it they are only recorded, because the
        file that is being written anew would otherwise forget them.
        """
        bad, self._aside = self._aside, None
        if not bad:
            return
        known = await self._recording.last_good(bad)
        for part in _slices(list(known.values()), slice_changes):
            if self.told:
                self._recording.write(stream.encode(part))
            else:
                await self._send_slice(part)
        for part in _slices(list(bad.values()), slice_changes):
            await self._send_slice(part)
        if not self.told and (unknown := self._quarantined - len(known)):
            await self._link.log("warning", "last_good_unknown", rows=unknown)

    async def _send_slices(self, told: list[Change], slice_changes: int) -> None:
        if any(type(change) is RowQuarantined for change in told):
            await self._log_quarantined(told)
            if self._aside is not None:
                told = keep_aside(told, self._aside)
        for part in _slices(told, slice_changes):
            await self._send_slice(part)

    async def _send_slice(self, part: stream.UpdateSlice) -> None:
        self._recording.write(await self._link.send(part))

    async def _log_quarantined(self, told: list[Change]) -> None:
        for change in told:
            if isinstance(change, RowQuarantined):
                self._quarantined += 1
                if self._quarantined > QUARANTINE_LINES_MAX:
                    continue
                where = {"table": change.table, "row": change.id, "column": change.column}
                await self._link.log("warning", "row_quarantined", **where, reason=change.reason)

    @asynccontextmanager
    async def _update(self, full: bool) -> AsyncIterator[None]:
        """An update that is abandoned when its reading fails, whatever the failure: a half must not take effect."""
        await self._link.send(stream.UpdateBegin(full, "database"))
        self._recording.begin(full)
        self._quarantined = 0
        self._aside = None
        try:
            yield
        except BaseException as error:
            self._recording.abandon()
            await self._link.send(stream.UpdateAbandon(type(error).__name__))
            raise

    async def _commit(self, as_of: float, recorded_at: float | None) -> None:
        await self._link.send(stream.UpdateCommit(recorded_at))
        self._recording.commit(as_of)
        self.as_of = as_of

    @asynccontextmanager
    async def _transaction(self, begin: str) -> AsyncIterator[None]:
        connection = self._connection
        assert connection is not None, "a follower that runs has a connection"
        try:
            await connection.execute(begin, timeout=self._heartbeat)
            yield
        except (FullReadNeeded, asyncpg.LockNotAvailableError):
            await connection.execute("ROLLBACK", timeout=self._heartbeat)
            raise
        # any other error ends the connection: it may be dead, and asking it would wait for nothing
        await connection.execute("COMMIT", timeout=self._heartbeat)

    async def _identity(self) -> changes.Identity:
        row = await self._row(queries.IDENTITY)
        assert row is not None, "this query always has a row"
        return changes.Identity(*(field or "" for field in row))

    async def _snapshot(self) -> tuple[changes.Snapshot, bool, int]:
        row = await self._row(queries.SNAPSHOT)
        assert row is not None, "the horizon has its one row from the schema on"
        return changes.Snapshot.parse(row[0]), row[1], int(row[2])

    async def _rows(self, query: str, *args: object, timeout: float | None = None) -> list["asyncpg.Record"]:
        assert self._connection is not None, "a follower that runs has a connection"
        rows: list[asyncpg.Record] = await self._connection.fetch(query, *args, timeout=timeout or self._heartbeat)
        return rows

    async def _row(self, query: str, *args: object) -> "asyncpg.Record | None":
        rows = await self._rows(query, *args)
        return rows[0] if rows else None

    async def _value(self, query: str, *args: object) -> object:
        row = await self._row(query, *args)
        return None if row is None else row[0]


def _slices(told: Sequence[Change], slice_changes: int) -> Iterator[stream.UpdateSlice]:
    """Cut into what the daemon takes in at one go."""
    start = weight = 0
    for end, change in enumerate(told):
        heavy = 1 + len(change.account.networks) if type(change) is AccountPut else 1
        weight += heavy
        if end > start and (end - start == slice_changes or weight > stream.SLICE_WEIGHT_MAX):
            yield stream.UpdateSlice(tuple(told[start:end]))
            start, weight = end, heavy
    if start < len(told):
        yield stream.UpdateSlice(tuple(told[start:]))
