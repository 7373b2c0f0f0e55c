"""A file against the database: what each of its lines would do now. Reads only, and lets others work in between.

Lines are judged some hundred at a time, with a handful of statements for all of them; what a file refers to and whom
it has named already is remembered from one time to the next.
"""

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from itertools import islice

import trio

from console.database import Transaction
from console.errors import FieldErrors
from console.objects.account import Account
from console.objects.account_fields import FIELDS
from console.objects.divided import joined
from console.objects.references import Kind, References
from console.store.accounts import get_accounts
from console.store.references import resolve
from console.transfer.format import CsvError, CsvFile, Record
from console.transfer.judging import COLUMNS, Judged, account_id_of, failed_line, judge, key_of, references_of

LINES_AT_ONCE = 500
"""Of one set of statements: enough that their round trips do not count, and what cannot be interrupted is short."""
LINES_MAX = 250_000
"""Of a file: 2.5 times what we promise the time of."""
LINES_A_SLICE = 10
"""Lines that are judged before other requests have their turn: some milliseconds."""

_FIELD_OF: dict[Kind, str] = {field.refers_to: field.name for field in FIELDS if field.refers_to}

OnProgress = Callable[[float], None]
"""Told how much of the file is done, from 0 to 1."""


def _ignore(progress: float) -> None:
    """Nobody looks."""


class Planner:
    """Judges the lines of one file, in their order."""

    __slots__ = ("_has_key", "_ids", "_keys", "_nearest", "_references", "_tx", "_update_existing")

    def __init__(self, tx: Transaction, *, update_existing: bool, has_key: bool) -> None:
        self._tx = tx
        self._update_existing = update_existing
        self._has_key = has_key
        self._references = References(ids={}, nearest={}, names={})
        self._ids: dict[int, int] = {}  # account -> the line that named it first
        self._keys: dict[tuple[int, str], int] = {}

    async def judge(self, records: Sequence[Record]) -> list[Judged]:
        """What these lines would do."""
        await self._look_up(records)
        by_id = await self._accounts(_ids_of(records))
        befores = [by_id.get(account_id) if account_id else None for account_id in _ids_of(records)]
        keys = [
            key_of(record.cells, before, self._references) for record, before in zip(records, befores, strict=True)
        ]
        holders = await self._holders([key for key in keys if key is not None])
        named = await self._accounts(
            [
                holders.get(key) if key is not None and not record.cells.get("id", "").strip() else None
                for record, key in zip(records, keys, strict=True)
            ]
        )
        judged = []
        for number, (record, before, key) in enumerate(zip(records, befores, keys, strict=True)):
            if number % LINES_A_SLICE == 0:
                await trio.lowlevel.checkpoint()
            holder = holders.get(key) if key is not None else None
            if before is None and holder is not None:
                before = named.get(holder)  # noqa: PLW2901 - an account named by client and name instead of its id
            judged.append(
                self._once(
                    key,
                    judge(
                        record,
                        before,
                        holder,
                        self._references,
                        update_existing=self._update_existing,
                        has_key=self._has_key,
                    ),
                )
            )
        return judged

    def _once(self, key: tuple[int, str] | None, judged: Judged) -> Judged:
        """The line, unless an earlier one is about the same account or name."""
        line, errors = judged.line, {}
        if judged.before is not None:
            first = self._ids.setdefault(judged.before.id, line.line)
            if first != line.line:
                errors["id"] = f"Lines {first} and {line.line} are about the same account: leave one of them out."
        if judged.draft is not None and key is not None and not errors:
            first = self._keys.setdefault(key, line.line)
            if first != line.line:
                errors["name"] = f"Lines {first} and {line.line} give two accounts of a client the same name."
        return Judged(failed_line(line.line, line.account, errors)) if errors else judged

    async def _look_up(self, records: Sequence[Record]) -> None:
        """Ask the database for what has not been asked yet."""
        wanted: set[tuple[Kind, str]] = set()
        for record in records:
            wanted |= references_of(record.cells)
        known = self._references
        missing = [one for one in wanted if one not in known.ids and one not in known.nearest]
        if missing:
            found = await resolve(self._tx, [_as_typed(kind, text) for kind, text in missing])
            self._references = References(
                ids={**known.ids, **found.ids},
                nearest={**known.nearest, **found.nearest},
                names={**known.names, **found.names},
            )

    async def _accounts(self, ids: Sequence[int | None]) -> dict[int, Account]:
        wanted = sorted({account_id for account_id in ids if account_id is not None})
        if not wanted:
            return {}
        return {account.id: account for account in await get_accounts(self._tx, wanted)}

    async def _holders(self, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], int]:
        """Who has these names now."""
        if not keys:
            return {}
        rows = await self._tx.fetch(
            "SELECT a.client_id, a.name, a.id FROM unnest($1::bigint[], $2::text[]) AS k (client_id, name) "
            "JOIN accounts AS a USING (client_id, name)",
            [client_id for client_id, _ in keys],
            [name for _, name in keys],
        )
        return {(row[0], row[1]): row[2] for row in rows}


def _as_typed(kind: Kind, text: str) -> dict[str, str]:
    """A line that refers to this alone."""
    return {"gateways": joined([text])} if kind == "gateway" else {_FIELD_OF[kind]: text}


def _ids_of(records: Sequence[Record]) -> list[int | None]:
    """The id of each line; None also where it is no id, which judging says."""
    ids: list[int | None] = []
    for record in records:
        try:
            ids.append(account_id_of(record.cells))
        except FieldErrors:
            ids.append(None)
    return ids


async def plan(
    planner: Planner, data: bytes, on_progress: OnProgress = _ignore
) -> AsyncGenerator[list[Judged], None]:
    """What the lines of the file would do, some hundred at a time. A file that cannot be read ends with an error."""
    lines = data.count(b"\n") + 1
    try:
        records = iter(CsvFile(data, COLUMNS))
    except CsvError as error:
        yield [Judged(failed_line(error.line, "", {"": f"{error.reason}."}))]
        return
    is_begun = False
    while True:
        some, wrong = _next(records)
        judged = await planner.judge(some) if some else []
        if wrong is None and some and some[-1].line > LINES_MAX:
            wrong = CsvError(some[-1].line, f"a file has at most {LINES_MAX:,} lines: divide it")
        if wrong is not None:
            judged.append(
                Judged(failed_line(wrong.line, "", {"": f"{wrong.reason}. Lines from here on were not read."}))
            )
        if not (judged or is_begun):
            judged.append(Judged(failed_line(2, "", {"": "There is no line below the one that names the columns."})))
        is_begun = True
        if judged:
            yield judged
        if wrong is not None or len(some) < LINES_AT_ONCE:
            return
        on_progress(min(some[-1].line / lines, 1.0))


def _next(records: Iterator[Record]) -> tuple[list[Record], CsvError | None]:
    some: list[Record] = []
    try:
        some.extend(islice(records, LINES_AT_ONCE))
    except CsvError as error:
        return some, error
    return some, None
