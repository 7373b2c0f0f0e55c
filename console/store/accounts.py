"""One account: read, created, changed, deactivated, deleted, its password shown. Many at once: accounts_bulk.py.

Every change locks the account's row first and compares the etag that its reader had, so that two operators cannot
overwrite each other. What the database refuses is a `FieldErrors` (account_faults.py).
"""

# ruff: noqa: S608 - what is put together are columns and $n, never values

import json
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from console.database import Database, Row, Session
from console.errors import ChangedError, FieldErrors, NotFoundError
from console.objects.account import (
    Account,
    AccountDraft,
    KeepPassword,
    PasswordChange,
    RemovePassword,
    SetPassword,
)
from console.objects.row_id import ID_MAX
from console.store.account_columns import SELECT, TIMES, WRITTEN, account_of, time_written, values_of
from console.store.account_faults import as_field_errors
from console.store.account_passwords import column_of, outlives, reveal
from identd.credentials import KeyRing

_PLACES = {name: f"${n}" + ("::text[]::inet[]" if name == "ip" else "") for n, name in enumerate(WRITTEN, 3)}
_INSERT = f"INSERT INTO accounts (id, password, {', '.join(WRITTEN)}) VALUES ($1, $2, {', '.join(_PLACES.values())})"
_SET = ", ".join(
    f"{name} = {time_written(name, f'{place}::timestamptz') if name in TIMES else place}"
    for name, place in _PLACES.items()
)
_UPDATE = f"UPDATE accounts AS a SET password = $2, {_SET} WHERE a.id = $1"


class DeleteFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What deleting an account would do. `amount` goes back to the client: `balance_after` is the balance plus it.

    `days` with statistics, the first and the last of them; `calls` and `seconds` of all of them.
    """

    amount: Decimal
    balance: Decimal
    balance_after: Decimal
    days: int
    first_day: object
    last_day: object
    calls: int
    seconds: int


async def get_account(source: Database | Session, account_id: int) -> Account:
    """The account as it is now. Raises `NotFoundError`."""
    return account_of(await _row(source, account_id))


async def get_accounts(source: Database | Session, account_ids: Sequence[int]) -> tuple[Account, ...]:
    """Those of the accounts that are there, in the order asked for."""
    rows = await source.fetch(f"{SELECT} WHERE a.id = ANY ($1::bigint[])", list(account_ids))
    found = {row["id"]: account_of(row) for row in rows}
    return tuple(found[account_id] for account_id in account_ids if account_id in found)


async def create_account(tx: Session, draft: AccountDraft, password: PasswordChange, keys: KeyRing) -> int:
    """Its id. FieldErrors where the database or the password has something against it."""
    account_id: int = await tx.value("SELECT nextval('accounts_id_seq')")
    column = column_of(password, account_id, draft.ident_name, keys) if isinstance(password, SetPassword) else None
    with as_field_errors():
        await tx.execute(_INSERT, account_id, column, *values_of(draft))
        await _bind(tx, account_id, draft.gateway_ids)
    return account_id


async def update_account(
    tx: Session, account_id: int, draft: AccountDraft, password: PasswordChange, keys: KeyRing, etag: str | None
) -> Account:
    """The account as it is then. `etag`: as it was read; None does not ask.

    Raises NotFoundError, ChangedError, and FieldErrors: also where only HA1 of the password is kept and the name
    that it is bound to changes. What is as it was is not written: the audit log has no row for it.
    """
    before = await _locked(tx, account_id, etag)
    column: bytes | None = await tx.value("SELECT password FROM accounts WHERE id = $1", account_id)
    match password:
        case SetPassword():
            column = column_of(password, account_id, draft.ident_name, keys)
        case RemovePassword():
            column = None
        case KeepPassword():
            if column is not None and not outlives(column, before.ident_name, draft):
                raise FieldErrors(
                    {"password": "It is kept as HA1, which is bound to the name: enter it again, or remove it."}
                )
    if not isinstance(password, KeepPassword) or values_of(draft) != values_of(before):
        with as_field_errors():
            await tx.execute(_UPDATE, account_id, column, *values_of(draft))
    if draft.gateway_ids != before.gateway_ids:
        with as_field_errors():
            await _bind(tx, account_id, draft.gateway_ids)
    return await get_account(tx, account_id)


async def deactivate(tx: Session, account_id: int, etag: str | None) -> Account:
    """Off in both directions, as the article recommends instead of deleting. NotFoundError, ChangedError."""
    await _locked(tx, account_id, etag)
    await tx.execute(
        "UPDATE accounts SET orig_enabled = false, term_enabled = false"
        " WHERE id = $1 AND (orig_enabled OR term_enabled)",
        account_id,
    )
    return await get_account(tx, account_id)


async def delete_account(tx: Session, account_id: int, etag: str | None) -> tuple[Account, DeleteFigures]:
    """The account that is gone now, and what that did: a trigger gave its charges back. NotFoundError, ChangedError.

    `amount` and both balances are what was done, with what billing has booked until the very end. Nobody else writes
    the balance meanwhile: the client's row is locked, after the account's as the trigger does.
    """
    gone = await _locked(tx, account_id, etag)
    balance = await tx.value("SELECT balance FROM clients WHERE id = $1 FOR NO KEY UPDATE", gone.client_id)
    figures = await delete_figures(tx, account_id)
    await tx.execute("DELETE FROM accounts WHERE id = $1", account_id)
    after = await tx.value("SELECT balance FROM clients WHERE id = $1", gone.client_id)
    return gone, msgspec.structs.replace(figures, amount=after - balance, balance=balance, balance_after=after)


async def delete_figures(source: Database | Session, account_id: int) -> DeleteFigures:
    """What a delete would do now; shown before it is done. NotFoundError."""
    row = await source.row(
        """
        SELECT s.*, c.balance, c.balance + s.amount AS balance_after
        FROM accounts AS a JOIN clients AS c ON c.id = a.client_id
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount), 0) AS amount, count(DISTINCT day) AS days, min(day) AS first_day,
                max(day) AS last_day, coalesce(sum(calls), 0)::bigint AS calls,
                coalesce(sum(seconds), 0)::bigint AS seconds
            FROM account_statistics WHERE account_id = a.id) AS s
        WHERE a.id = $1
        """,
        _checked_id(account_id),
    )
    if row is None:
        raise NotFoundError("account", account_id)
    return DeleteFigures(**dict(row))


async def reveal_password(tx: Session, account_id: int, keys: KeyRing) -> str | None:
    """The password in clear; None where there is none, or it cannot be read back. NotFoundError.

    That it was asked for is in the audit log, whatever came of it; the password never is.
    """
    row = await tx.row("SELECT password FROM accounts WHERE id = $1", _checked_id(account_id))
    if row is None:
        raise NotFoundError("account", account_id)
    shown = None if row["password"] is None else reveal(row["password"], account_id, keys)
    await tx.execute(
        "INSERT INTO audit_log (actor, action, entity, entity_id, after)"
        " VALUES (current_setting('identd.actor'), 'reveal', 'accounts', $1, $2)",
        account_id,
        json.dumps({"password": "nothing to show" if shown is None else "shown"}),
    )
    return shown


async def _row(source: Database | Session, account_id: int, lock: str = "") -> Row:
    row = await source.row(f"{SELECT} WHERE a.id = $1 {lock}", _checked_id(account_id))
    if row is None:
        raise NotFoundError("account", account_id)
    return row


async def _locked(tx: Session, account_id: int, etag: str | None) -> Account:
    """The account, locked against other writers; read after the lock, so that it is what will be overwritten."""
    await tx.execute("SELECT FROM accounts WHERE id = $1 FOR NO KEY UPDATE", _checked_id(account_id))
    account = account_of(await _row(tx, account_id))
    if etag is not None and etag != account.etag:
        raise ChangedError("account", account_id, account.etag)
    return account


def _checked_id(account_id: int) -> int:
    """An id that a bigint cannot hold is nobody's."""
    if not 1 <= account_id <= ID_MAX:
        raise NotFoundError("account", account_id)
    return account_id


async def _bind(tx: Session, account_id: int, gateway_ids: Sequence[int]) -> None:
    """Exactly these gateways from now on; rows that stay are not touched."""
    wanted = list(gateway_ids)
    await tx.execute(
        "DELETE FROM account_gateways WHERE account_id = $1 AND gateway_id <> ALL ($2::bigint[])", account_id, wanted
    )
    await tx.execute(
        "INSERT INTO account_gateways (account_id, gateway_id)"
        " SELECT $1, unnest($2::bigint[]) ON CONFLICT DO NOTHING",
        account_id,
        wanted,
    )
