"""Many accounts at once, for imports: created by a COPY of thousands, changed by a statement a thousand.

All in the caller's transaction, so all or nothing. What is refused is a `RowErrors`, which says the row as well.
A sealed password is bound to the account's id, so ids are drawn before the rows are written.
"""

# ruff: noqa: S608 - what is put together are columns and $n, never values

import re
from collections.abc import Iterator, Mapping, Sequence

import asyncpg
import msgspec

from console.database import Transaction
from console.errors import FieldErrors
from console.objects.account import Account, AccountDraft, KeepPassword, PasswordChange, SetPassword
from console.store.account_columns import SELECT, TIMES, WRITTEN, account_of, time_read, time_written, values_of
from console.store.account_faults import fault_of
from console.store.account_passwords import column_of, outlives
from identd.credentials import KeyRing

ROWS_A_STATEMENT = 1000
"""With 64 KB of notes in each, 64 MB; usually half a megabyte. Its triggers cost as much as ten rows do."""

ROWS_A_COPY = 5000
"""What is written while nothing else of the console is answered: some 30 ms."""


class RowErrors(FieldErrors):
    """As `FieldErrors`, of the row with this index (from 0); None where the database does not tell which."""

    def __init__(self, errors: Mapping[str, str], row: int | None) -> None:
        super().__init__(errors)
        self.row = row


class AccountEdit(msgspec.Struct, frozen=True, kw_only=True):
    """What an account is to become. `etag`: as it was read; None does not ask."""

    id: int
    draft: AccountDraft
    password: PasswordChange = KeepPassword()
    etag: str | None = None


async def create_accounts(
    tx: Transaction, rows: Sequence[tuple[AccountDraft, PasswordChange]], keys: KeyRing
) -> list[int]:
    """The ids of the new accounts, in the order of `rows`. Raises RowErrors."""
    ids: list[int] = []
    for begin in range(0, len(rows), ROWS_A_COPY):
        part = rows[begin : begin + ROWS_A_COPY]
        drawn: list[int] = await tx.value(
            "SELECT ARRAY(SELECT nextval('accounts_id_seq') FROM generate_series(1, $1))", len(part)
        )
        drafts = [draft for draft, _ in part]
        with _RowErrors(drafts, range(begin, begin + len(part))):
            await tx.copy_in("identd.accounts", ("id", "password", *WRITTEN), _created(drawn, part, keys, begin))
            await tx.copy_in("identd.account_gateways", ("account_id", "gateway_id"), _bound(drawn, drafts))
        ids += drawn
    return ids


async def update_accounts(tx: Transaction, edits: Sequence[AccountEdit], keys: KeyRing) -> int:
    """How many accounts are other than before. Raises RowErrors, also where one is gone or its etag differs."""
    changed = 0
    order = sorted(range(len(edits)), key=lambda row: edits[row].id)  # locks in the order of ids: no deadlock
    for begin in range(0, len(order), ROWS_A_STATEMENT):
        changed += await _update(
            tx, {edits[row].id: (row, edits[row]) for row in order[begin : begin + ROWS_A_STATEMENT]}, keys
        )
    return changed


async def _update(tx: Transaction, edits: Mapping[int, tuple[int, AccountEdit]], keys: KeyRing) -> int:
    ids = list(edits)
    await tx.execute("SELECT FROM accounts WHERE id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE", ids)
    before = {row["id"]: account_of(row) for row in await tx.fetch(f"{SELECT} WHERE a.id = ANY ($1::bigint[])", ids)}
    for account_id, (row, edit) in edits.items():
        if account_id not in before:
            raise RowErrors({"": f"There is no account {account_id} any more."}, row)
        if edit.etag is not None and edit.etag != before[account_id].etag:
            raise RowErrors({"": f"Account {account_id} was changed by somebody else in the meantime."}, row)
    await _refuse_lost_passwords(tx, edits, before)
    written = []
    for account_id, (row, edit) in edits.items():
        keeps = isinstance(edit.password, KeepPassword)
        if keeps and values_of(edit.draft) == values_of(before[account_id]):
            continue
        password = _password(row, edit, keys)
        values = dict(zip(WRITTEN, values_of(edit.draft), strict=True))
        written.append(
            {
                "id": account_id,
                "password": None if password is None else "\\x" + password.hex(),
                **values,
                "keeps": keeps,
            }
        )
    with _RowErrors([edit.draft for _, edit in edits.values()], [row for row, _ in edits.values()]):
        if written:
            await tx.execute(_UPDATE, msgspec.json.encode(written).decode())
        rebound = [i for i, (_, edit) in edits.items() if edit.draft.gateway_ids != before[i].gateway_ids]
        if rebound:
            await _rebind(tx, [(i, before[i].gateway_ids, edits[i][1].draft.gateway_ids) for i in rebound])
    return len({*rebound, *(each["id"] for each in written)})


def _as_written(name: str) -> str:
    return time_written(name, time_read(f"e.{name}")) if name in TIMES else f"e.{name}"


_UPDATE = f"""
UPDATE accounts AS a SET {", ".join(f"{name} = {_as_written(name)}" for name in WRITTEN)},
    password = CASE WHEN (e.keeps) THEN a.password ELSE e.password END
FROM (SELECT r.*, (value ->> 'keeps')::boolean AS keeps
      FROM jsonb_array_elements($1::text::jsonb), jsonb_populate_record(NULL::accounts, value) AS r) AS e
WHERE a.id = e.id
"""


async def _refuse_lost_passwords(
    tx: Transaction, edits: Mapping[int, tuple[int, AccountEdit]], before: Mapping[int, Account]
) -> None:
    renamed = [
        account_id
        for account_id, (_, edit) in edits.items()
        if isinstance(edit.password, KeepPassword)
        and before[account_id].has_password
        and before[account_id].ident_name != edit.draft.ident_name
    ]
    if not renamed:
        return
    for stored in await tx.fetch("SELECT id, password FROM accounts WHERE id = ANY ($1::bigint[])", renamed):
        row, edit = edits[stored["id"]]
        if not outlives(stored["password"], before[stored["id"]].ident_name, edit.draft):
            raise RowErrors(
                {"password": "It is kept as HA1, which is bound to the name: give it again, or remove it."}, row
            )


async def _rebind(tx: Transaction, bindings: Sequence[tuple[int, Sequence[int], Sequence[int]]]) -> None:
    """(account, gateways before, gateways from now on)."""
    gone = [(account_id, each) for account_id, was, now in bindings for each in was if each not in now]
    new = [(account_id, each) for account_id, was, now in bindings for each in now if each not in was]
    for statement, pairs in (
        (
            "DELETE FROM account_gateways WHERE (account_id, gateway_id) IN"
            " (SELECT * FROM unnest($1::bigint[], $2::bigint[]))",
            gone,
        ),
        (
            "INSERT INTO account_gateways (account_id, gateway_id)"
            " SELECT * FROM unnest($1::bigint[], $2::bigint[]) ON CONFLICT DO NOTHING",
            new,
        ),
    ):
        if pairs:
            await tx.execute(statement, [pair[0] for pair in pairs], [pair[1] for pair in pairs])


def _created(
    ids: Sequence[int], rows: Sequence[tuple[AccountDraft, PasswordChange]], keys: KeyRing, begin: int
) -> Iterator[tuple[object, ...]]:
    for row, (account_id, (draft, password)) in enumerate(zip(ids, rows, strict=True), begin):
        column = _password(row, AccountEdit(id=account_id, draft=draft, password=password), keys)
        yield (account_id, column, *values_of(draft))


def _bound(ids: Sequence[int], drafts: Sequence[AccountDraft]) -> Iterator[tuple[int, int]]:
    for account_id, draft in zip(ids, drafts, strict=True):
        for gateway_id in draft.gateway_ids:
            yield account_id, gateway_id


def _password(row: int, edit: AccountEdit, keys: KeyRing) -> bytes | None:
    if not isinstance(edit.password, SetPassword):
        return None
    try:
        return column_of(edit.password, edit.id, edit.draft.ident_name, keys)
    except FieldErrors as fault:
        raise RowErrors(fault.errors, row) from fault


class _RowErrors:
    """Within it, what PostgreSQL refuses is a `RowErrors`, with the row as far as its report tells which.

    COPY names a line; a key that is not there, or there twice, is quoted as `Key (columns)=(values)`.
    """

    def __init__(self, drafts: Sequence[AccountDraft], rows: Sequence[int] | None = None) -> None:
        self._drafts = drafts
        self._rows = rows or range(len(drafts))

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, asyncpg.IntegrityConstraintViolationError | asyncpg.DataError):
            field, sentence = fault_of(error)
            raise RowErrors({field: sentence}, self._row(error)) from error

    def _row(self, error: asyncpg.PostgresError) -> int | None:
        copied = re.match(r"COPY accounts, line (\d+)", error.context or "")
        if copied:
            return self._rows[int(copied[1]) - 1]
        keyed = re.match(r"Key \(([^)]*)\)=\((.*)\) ", error.detail or "", re.DOTALL)
        if not keyed:
            return None
        columns = keyed[1].split(", ")
        for row, draft in zip(self._rows, self._drafts, strict=True):
            if columns == ["gateway_id"]:
                found = keyed[2] in map(str, draft.gateway_ids)
            else:
                values = [str(getattr(draft, column, None)) for column in columns]
                found = ", ".join(values) == keyed[2]
            if found:
                return row
        return None
