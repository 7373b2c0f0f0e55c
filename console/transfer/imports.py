"""Imports in the database: what is being checked or written, by whom, what each line would do, and how it ended.

The state of an import is in its row and nowhere else, so a console that is killed leaves nothing but a row whose
heart has stopped: it shows as failed. `done` is written in the transaction that writes the accounts.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from console.database import Database, Row, Session, Transaction
from console.errors import FieldErrors, NotFoundError

State = Literal["checking", "errors", "checked", "writing", "done", "failed", "discarded"]
Outcome = Literal["creates", "changes", "same", "error"]
OUTCOMES: tuple[Outcome, ...] = ("creates", "changes", "same", "error")

RUNNING_MAX = 2
"""Imports at work at the same time: each takes a connection and a good part of the one thread."""
HEARTBEAT_SECONDS = 1.0
FILE_NAME_BYTES_MAX = 255

_BOUND = 0x696D706F727473  # "imports": whoever starts one counts the others first
STOPPED = "The console stopped while it worked on this file. Nothing was written: import it again."


class GivenUpError(Exception):
    """Nothing was heard of this import for so long that others buried it."""


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """One import as its owner sees it. `progress` from 0 to 1; counts are of lines; `xid` of what wrote it."""

    id: int
    owner: str
    file_name: str
    update_existing: bool
    state: State
    created_at: float
    lines: int
    progress: float
    creates: int
    changes: int
    same: int
    errors: int
    notice: str
    xid: int | None

    @property
    def is_running(self) -> bool:
        return self.state in ("checking", "writing")


class ImportLine(msgspec.Struct, frozen=True):
    """What one line would do. `details`: (field, before, after), or (field, sentence) of an error."""

    line: int
    outcome: Outcome
    account_id: int | None
    account: str
    details: tuple[tuple[str, ...], ...]


async def begin_import(database: Database, owner: str, file_name: str, update_existing: bool) -> int:
    """A new import in state checking; its id. FieldErrors where the owner, or too many others, are at work."""
    async with database.transaction(owner) as tx:
        await _make_room(tx, owner)
        import_id: int = await tx.value(
            "INSERT INTO imports (owner, file_name, update_existing) VALUES ($1, $2, $3) RETURNING id",
            owner,
            _bounded(file_name),
            update_existing,
        )
        return import_id


async def claim_import(database: Database, owner: str, import_id: int) -> None:
    """A checked import is in state writing from now on. FieldErrors where it cannot be, NotFoundError."""
    async with database.transaction(owner) as tx:
        await _make_room(tx, owner)
        tag = await tx.execute(
            "UPDATE imports SET state = 'writing', heartbeat_at = now(), progress = 0, notice = '' "
            "WHERE id = $1 AND owner = $2 AND state = 'checked' AND import_is_kept(imports)",
            import_id,
            owner,
        )
        if tag != "UPDATE 1":
            await get_import(tx, owner, import_id)
            raise FieldErrors({"": "This import cannot be written any more: look at how it stands."})


async def _make_room(tx: Transaction, owner: str) -> None:
    """Bury what is dead, then see whether one more may begin."""
    await tx.value("SELECT pg_advisory_xact_lock($1)", _BOUND)
    await tx.execute("UPDATE imports SET state = 'failed', notice = $1 WHERE import_is_silent(imports)", STOPPED)
    await _forget_parts(tx)
    await wipe_expired(tx)
    owners = [row[0] for row in await tx.fetch("SELECT owner FROM imports WHERE state IN ('checking', 'writing')")]
    if owner in owners:
        raise FieldErrors({"file": "Another import of yours is being worked on: wait for its end."})
    if len(owners) >= RUNNING_MAX:
        raise FieldErrors({"file": f"{len(owners)} imports are being worked on: try again in a minute."})


async def wipe_expired(session: Database | Session) -> None:
    """Imports of yesterday go, with their lines and files."""
    await session.execute("DELETE FROM imports WHERE NOT import_is_kept(imports)")


async def beat(database: Database, import_id: int, progress: float) -> None:
    """Somebody works on it, and is so far."""
    await database.execute(
        "UPDATE imports SET heartbeat_at = now(), progress = $2 WHERE id = $1 AND state IN ('checking', 'writing')",
        import_id,
        progress,
    )


async def write_lines(tx: Transaction, import_id: int, lines: Sequence[ImportLine]) -> None:
    """Note what lines would do."""
    encode = msgspec.json.encode
    await tx.copy_in(
        "identd.import_lines",
        ("import_id", "line", "outcome", "account_id", "account", "details"),
        [(import_id, li.line, li.outcome, li.account_id, li.account, encode(li.details).decode()) for li in lines],
    )


async def write_part(tx: Transaction, import_id: int, part: int, lines: bytes) -> None:
    """Keep what is to be written; `part` from 0."""
    await tx.execute("INSERT INTO import_parts (import_id, part, lines) VALUES ($1, $2, $3)", import_id, part, lines)


async def count_parts(session: Database | Session, import_id: int) -> int:
    """How many there are."""
    return int(await session.value("SELECT count(*) FROM import_parts WHERE import_id = $1", import_id))


async def read_part(session: Database | Session, import_id: int, part: int) -> bytes:
    """One of them."""
    found: bytes = await session.value(
        "SELECT lines FROM import_parts WHERE import_id = $1 AND part = $2", import_id, part
    )
    return found


async def finish_check(tx: Transaction, import_id: int, counts: Mapping[Outcome, int]) -> None:
    """The dry run is over: with errors nothing will be written, without any it waits for its owner's word.

    GivenUpError where it was buried in the meantime.
    """
    tag = await tx.execute(
        "UPDATE imports SET state = $2, lines = $3, creates = $4, changes = $5, same = $6, errors = $7, progress = 1 "
        "WHERE id = $1 AND state = 'checking'",
        import_id,
        "errors" if counts["error"] else "checked",
        sum(counts.values()),
        *(counts[outcome] for outcome in OUTCOMES),
    )
    if tag != "UPDATE 1":
        raise GivenUpError
    await _forget_parts(tx)


async def finish_write(tx: Transaction, import_id: int) -> None:
    """All is written, if this transaction commits. GivenUpError where it was buried in the meantime."""
    tag = await tx.execute(
        "UPDATE imports SET state = 'done', progress = 1, xid = pg_current_xact_id()::text::bigint "
        "WHERE id = $1 AND state = 'writing'",
        import_id,
    )
    if tag != "UPDATE 1":
        raise GivenUpError
    await _forget_parts(tx)


async def accounts_of(session: Database | Session, import_id: int) -> list[int]:
    """The ids of the accounts that its lines change."""
    ids: list[int] = await session.value(
        "SELECT coalesce(array_agg(account_id), '{}') FROM import_lines WHERE import_id = $1 AND outcome = 'changes'",
        import_id,
    )
    return ids


async def fail_import(database: Database, import_id: int, notice: str) -> None:
    """It ended badly, and why; whoever worked on it knows better than who buried it."""
    await database.execute(
        "UPDATE imports SET state = 'failed', notice = $2 "
        "WHERE id = $1 AND (state IN ('checking', 'writing') OR state = 'failed' AND notice = $3)",
        import_id,
        notice,
        STOPPED,
    )
    await _forget_parts(database)


async def _forget_parts(session: Database | Session) -> None:
    """What will never be written, of anybody, is not kept."""
    await session.execute(
        "DELETE FROM import_parts AS p USING imports AS i "
        "WHERE i.id = p.import_id AND i.state NOT IN ('checking', 'checked', 'writing')"
    )


async def discard_import(database: Database, owner: str, import_id: int) -> None:
    """Its owner wants it no more: the file and what its lines would have done are gone."""
    await get_import(database, owner, import_id)
    tag = await database.execute(
        "UPDATE imports SET state = 'discarded' "
        "WHERE id = $1 AND (state IN ('checked', 'errors') OR import_is_silent(imports))",
        import_id,
    )
    if tag == "UPDATE 1":
        await database.execute("DELETE FROM import_lines WHERE import_id = $1", import_id)
        await _forget_parts(database)


async def get_import(session: Database | Session, owner: str, import_id: int) -> Import:
    """One of this owner's. NotFoundError, also for those of others."""
    row = await session.row(_SELECT + "WHERE i.id = $1 AND i.owner = $2 AND import_is_kept(i)", import_id, owner)
    if row is None:
        raise NotFoundError("import", import_id)
    return _import(row)


async def list_imports(database: Database, owner: str) -> tuple[Import, ...]:
    """This owner's of the last day, latest first; at most 20."""
    rows = await database.fetch(
        _SELECT + "WHERE i.owner = $1 AND import_is_kept(i) ORDER BY i.id DESC LIMIT 20", owner
    )
    return tuple(_import(row) for row in rows)


async def lines_of(
    session: Database | Session, import_id: int, outcome: Outcome | None, after: int, count: int
) -> tuple[ImportLine, ...]:
    """Lines behind line `after` in order, of one outcome or all."""
    rows = await session.fetch(
        "SELECT line, outcome, account_id, account, details FROM import_lines "
        "WHERE import_id = $1 AND line > $2 AND ($3::text IS NULL OR outcome = $3) ORDER BY line LIMIT $4",
        import_id,
        after,
        outcome,
        count,
    )
    return tuple(_line(row) for row in rows)


_SELECT = """
SELECT i.id, i.owner, i.file_name, i.update_existing, i.lines, i.progress, i.creates, i.changes, i.same, i.errors,
    i.xid, i.notice, CASE WHEN import_is_silent(i) THEN 'failed' ELSE i.state END AS state,
    extract(epoch FROM i.created_at)::float8 AS created_at
FROM imports AS i
"""


def _import(row: Row) -> Import:
    found = Import(**dict(row))
    return found if found.state != "failed" or found.notice else msgspec.structs.replace(found, notice=STOPPED)


def _line(row: Row) -> ImportLine:
    values: dict[str, Any] = dict(row)
    values["details"] = msgspec.json.decode(values["details"], type=tuple[tuple[str, ...], ...])
    return ImportLine(**values)


def _bounded(file_name: str) -> str:
    """What the browser says the file is called: to be shown, never to be opened."""
    printable = "".join(character for character in file_name if character.isprintable())
    return printable.encode(errors="replace")[:FILE_NAME_BYTES_MAX].decode(errors="ignore") or "without a name"
