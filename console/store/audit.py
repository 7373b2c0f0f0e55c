"""The audit log in SQL: written by hand for what no trigger sees, and read by client, account, actor, time.

Every question is answered from the front of one index of the migration `audit_search`, because a page is a few
entries of millions: the order is (at, id), and a page begins at an entry, never at a count.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from console.database import Database, Row, Session, Transaction
from console.errors import FieldErrors
from console.objects.audit import (
    NAMED,
    OF_ACCOUNTS,
    AuditEntry,
    AuditFilter,
    AuditPage,
    changes_of,
    referred_to,
)
from console.objects.field_values import shown
from console.objects.row_id import read_id
from console.store.catalogue import Reader

ALIKE_MAX = 10
"""Accounts of one name that are looked at together; each client may have one, and each is four places in an index."""
OFFERED_MAX = 200

_COLUMNS = "l.id, l.at, l.actor, l.action, l.entity, l.entity_id, l.before::text AS before, l.after::text AS after"


async def write_audit(
    tx: Transaction,
    action: str,
    entity: str,
    entity_id: int | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """An entry for what no trigger sees (reveal, release, login …), by the actor of the transaction. No secrets."""
    await tx.execute(
        """INSERT INTO identd.audit_log (actor, action, entity, entity_id, before, after)
           VALUES (coalesce(nullif(current_setting('identd.actor', true), ''), session_user),
                   $1, $2, $3, $4::jsonb, $5::jsonb)""",
        action,
        entity,
        entity_id,
        None if before is None else _json(before),
        None if after is None else _json(after),
    )


async def list_audit(db: Database, wanted: AuditFilter) -> AuditPage:
    """One page. Raises FieldErrors where the client or the account that is named was never there."""
    async with db.transaction("", isolation="repeatable_read", readonly=True) as tx:
        # a plan for any client is none for the one that has a tenth of the log
        await tx.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        return await _page_of(tx, wanted)


async def _page_of(db: Session, wanted: AuditFilter) -> AuditPage:
    client_ids = await _ids(db, "client", wanted.client)
    account_ids = await _ids(db, "account", wanted.account)
    cursor = wanted.before or wanted.after
    cursor_at = None if cursor is None else await db.value("SELECT at FROM identd.audit_log WHERE id = $1", cursor)
    question = _Question(wanted, cursor_at)
    rows = list(await db.fetch(question.statement(client_ids, account_ids), *question.values))
    more, rows = len(rows) > wanted.size, rows[: wanted.size]
    if question.is_ascending:
        rows.reverse()
    names = await _names(db, rows)
    entries = tuple(_entry(row, names) for row in rows)
    if not entries:
        return AuditPage(entries=())
    # there is always something on the side that one comes from
    came_from_newer = cursor_at is not None and not question.is_ascending
    has_newer = more if question.is_ascending else came_from_newer
    has_older = True if question.is_ascending else more
    return AuditPage(
        entries=entries,
        older=entries[-1].id if has_older else None,
        newer=entries[0].id if has_newer else None,
    )


async def audited_actors(db: Reader) -> tuple[str, ...]:
    """Who stands in the log, in alphabetical order, at most 200."""
    return await _different(db, "actor")


async def audited_actions(db: Reader) -> tuple[str, ...]:
    """What was done, in alphabetical order, at most 200."""
    return await _different(db, "action")


class _Question:
    """The statement that answers a filter, and its parameters in order."""

    __slots__ = ("_conditions", "_order", "_wanted", "is_ascending", "values")

    def __init__(self, wanted: AuditFilter, cursor_at: datetime | None) -> None:
        self._wanted = wanted
        self.values: list[object] = []
        self.is_ascending = cursor_at is not None and wanted.after is not None
        self._order = "ASC" if self.is_ascending else "DESC"
        self._conditions: list[str] = []
        for column in ("actor", "action", "entity", "entity_id"):
            if (value := getattr(wanted, column)) not in ("", None):
                self._conditions.append(f"l.{column} = {self._parameter(value)}")
        for sign, moment in ((">=", wanted.since), ("<", wanted.until)):
            if moment is not None:
                self._conditions.append(f"l.at {sign} {self._parameter(moment)}")
        if cursor_at is not None:
            way = ">" if self.is_ascending else "<"
            at, entry_id = self._parameter(cursor_at), self._parameter(wanted.after or wanted.before)
            self._conditions.append(f"(l.at, l.id) {way} ({at}, {entry_id})")

    def statement(self, client_ids: list[int] | None, account_ids: list[int] | None) -> str:
        """One more row than a page: whether there are more."""
        if account_ids is not None:
            return self._of_accounts(account_ids, client_ids)
        if client_ids is not None:
            return self._of_clients(client_ids)
        return self._page([])

    def _of_clients(self, client_ids: list[int]) -> str:
        # The order is that of the client's index; where few entries of a big client are asked for (deletions), the
        # planner may come from the log's index instead. Time is not joined on: it would then guess at one row.
        conditions = [text.replace("l.at", "c.at").replace("l.id)", "c.audit_id)") for text in self._conditions]
        parts = []
        for client_id in client_ids:
            where = " AND ".join([f"c.client_id = {self._parameter(client_id)}", *conditions])
            parts.append(
                f"""(SELECT {_COLUMNS} FROM identd.audit_clients AS c
                    JOIN identd.audit_log AS l ON l.id = c.audit_id
                    WHERE {where} ORDER BY c.at {self._order}, c.audit_id {self._order} LIMIT {self._limit})"""  # noqa: S608
            )
        return self._union(parts)

    def _of_accounts(self, account_ids: list[int], client_ids: list[int] | None) -> str:
        also = []
        if client_ids is not None:
            also.append(
                "EXISTS (SELECT FROM identd.audit_clients AS c WHERE c.audit_id = l.id"
                f" AND c.client_id = ANY ({self._parameter(client_ids)}::bigint[]))"
            )
        parts = []
        for account_id in account_ids:
            place = self._parameter(account_id)
            parts += [
                f"({self._page([f'l.entity = {entity!r}', f'l.entity_id = {place}', *also])})"
                for entity in OF_ACCOUNTS
            ]
        return self._union(parts)

    def _page(self, also: list[str]) -> str:
        where = " AND ".join([*also, *self._conditions]) or "true"
        return (
            f"SELECT {_COLUMNS} FROM identd.audit_log AS l WHERE {where} "  # noqa: S608 - conditions of this class, values apart
            f"ORDER BY l.at {self._order}, l.id {self._order} LIMIT {self._limit}"
        )

    def _union(self, parts: list[str]) -> str:
        if len(parts) == 1:
            return parts[0]
        # not ALL: a move between two clients of one name, the one deleted, is one entry
        return f"{' UNION '.join(parts)} ORDER BY at {self._order}, id {self._order} LIMIT {self._limit}"

    @property
    def _limit(self) -> int:
        return self._wanted.size + 1

    def _parameter(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"


async def _ids(db: Reader, what: str, text: str) -> list[int] | None:
    """The ids of a name or of `#12`, of what is there or was; None where nothing is asked. Raises FieldErrors."""
    if not text:
        return None
    rows = await db.fetch(
        f"""(SELECT id FROM identd.{what}s WHERE name = $1 ORDER BY id LIMIT {ALIKE_MAX})
            UNION
            (SELECT entity_id FROM identd.audit_log WHERE action = 'delete' AND entity = '{what}s'
             AND entity IN ('clients', 'accounts') AND before ->> 'name' = $1 ORDER BY at DESC LIMIT {ALIKE_MAX})""",  # noqa: S608
        text,
    )
    if rows:
        return sorted(row["id"] for row in rows)[-ALIKE_MAX:]
    if (row_id := read_id(text.removeprefix("#"))) is not None:
        return [row_id]
    raise FieldErrors({what: f"There never was a {what} {shown(text)}: write its whole name, or its id as #12"})


async def _names(db: Reader, rows: Iterable[Row]) -> dict[tuple[str, int], str]:
    """Names by (table, id), of what is there now, else of what was deleted."""
    spoken_of = referred_to((row["entity"], row["entity_id"], row["before"], row["after"]) for row in rows)
    names: dict[tuple[str, int], str] = {}
    for table in sorted(spoken_of.keys() & NAMED):
        wanted = sorted(spoken_of[table])
        there = await db.fetch(f"SELECT id, name FROM identd.{table} WHERE id = ANY ($1::bigint[])", wanted)  # noqa: S608
        names |= {(table, row["id"]): row["name"] for row in there}
        if gone := [row_id for row_id in wanted if (table, row_id) not in names]:
            deleted = await db.fetch(
                """SELECT w.id, (SELECT before ->> 'name' FROM identd.audit_log
                                 WHERE entity = $1 AND entity_id = w.id AND action IN ('delete', 'truncate')
                                 ORDER BY at DESC, id DESC LIMIT 1) AS name
                   FROM unnest($2::bigint[]) AS w (id)""",
                table,
                gone,
            )
            names |= {(table, row["id"]): row["name"] for row in deleted if row["name"] is not None}
    return names


async def _different(db: Reader, column: str) -> tuple[str, ...]:
    """Each value once, by jumps in the index: reading millions of rows for a few words takes seconds."""
    rows = await db.fetch(
        f"""WITH RECURSIVE found (word) AS (
                (SELECT {column} FROM identd.audit_log ORDER BY {column} LIMIT 1)
                UNION ALL
                SELECT (SELECT {column} FROM identd.audit_log WHERE {column} > f.word ORDER BY {column} LIMIT 1)
                FROM found AS f WHERE f.word IS NOT NULL)
            SELECT word FROM found WHERE word IS NOT NULL LIMIT {OFFERED_MAX}"""  # noqa: S608
    )
    return tuple(row["word"] for row in rows)


def _entry(row: Row, names: Mapping[tuple[str, int], str]) -> AuditEntry:
    table = "accounts" if row["entity"] in OF_ACCOUNTS else row["entity"]
    return AuditEntry(
        id=row["id"],
        at=row["at"],
        actor=row["actor"],
        action=row["action"],
        entity=row["entity"],
        entity_id=row["entity_id"],
        name=None if row["entity_id"] is None else names.get((table, row["entity_id"])),
        changes=changes_of(row["before"], row["after"], names),
    )


def _json(value: Mapping[str, Any]) -> str:
    return msgspec.json.encode(_kept(msgspec.to_builtins(dict(value)))).decode()


def _kept(value: Any) -> Any:
    """Without what PostgreSQL's JSON cannot hold; a call id comes from a switch and may be anything."""
    match value:
        case str():
            return value.replace("\0", "�").encode("utf-8", "replace").decode()
        case dict():
            return {_kept(name): _kept(each) for name, each in value.items()}
        case list():
            return [_kept(each) for each in value]
    return value
