"""Which of the live calls are looked at: typed names, or ids as links carry them -> ids for the daemon."""

from collections.abc import Mapping

import msgspec

from console.database import Database
from console.errors import FieldErrors
from console.objects.references import missing
from console.objects.row_id import read_id
from console.store.account_names import accounts_named, suggest_accounts
from console.store.references import references_of, resolve
from protocol import messages as m

FIELDS = ("account", "client", "gateway")
"""As the form has them. A URL may also say `account_id` and `client_id`, which win."""
SAME_NAME_MAX = 5
"""Accounts of one name that are offered by id."""
NEAREST_MAX = 3


class CallFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask the daemon for, and how the form's fields say it."""

    account_id: int | None = None
    client_id: int | None = None
    gateway: str | None = None
    account: str = ""
    client: str = ""

    @property
    def pairs(self) -> dict[str, str]:
        """For a URL: ids, which stay when a name changes."""
        found = {"account_id": self.account_id, "client_id": self.client_id, "gateway": self.gateway}
        return {name: str(value) for name, value in found.items() if value is not None}

    def request(self, request_id: int) -> m.Calls:
        """The question to the daemon."""
        return m.Calls(id=request_id, account_id=self.account_id, client_id=self.client_id, gateway=self.gateway)


async def read_filter(db: Database, query: Mapping[str, str]) -> CallFilter:
    """The filter that a URL asks for. FieldErrors, at the form's fields, where it cannot be one."""
    errors: dict[str, str] = {}
    typed = {name: query.get(name, "").strip() for name in (*FIELDS, "account_id", "client_id")}
    client_id = _row_id(typed, "client", errors) if typed["client_id"] else await _client(db, typed["client"], errors)
    account_id = (
        _row_id(typed, "account", errors)
        if typed["account_id"]
        else await _account(db, typed["account"], client_id, errors)
    )
    if typed["gateway"] and not await _is_gateway(db, typed["gateway"]):
        errors["gateway"] = "There is no gateway of this name."
    if errors:
        raise FieldErrors(errors)
    return CallFilter(
        account_id=account_id,
        client_id=client_id,
        gateway=typed["gateway"] or None,
        account=await _account_said(db, account_id, client_id),
        client=await _client_said(db, client_id),
    )


def _row_id(typed: Mapping[str, str], field: str, errors: dict[str, str]) -> int | None:
    row_id = _id_in(typed[f"{field}_id"])
    if row_id is None:
        errors[field] = f"There is no {field} under this number: enter its name, or #176."
    return row_id


def _id_in(text: str) -> int | None:
    return read_id(text.removeprefix("#"))


async def _client(db: Database, text: str, errors: dict[str, str]) -> int | None:
    if not text:
        return None
    references = await resolve(db, [{"client": text}])
    if ("client", text) in references.ids:
        return references.ids["client", text]
    errors["client"] = missing("client", text, references.nearest.get(("client", text), ())) + "."
    return None


async def _account(db: Database, text: str, client_id: int | None, errors: dict[str, str]) -> int | None:
    """By its name; where no account has it, by its id, which is also right of an account that is deleted."""
    if not text:
        return None
    named = await accounts_named(db, text, client_id, SAME_NAME_MAX)
    if len(named) == 1:
        return named[0].id
    if named:
        offered = " or ".join(f"#{one.id} ({one.client})" for one in named)
        errors["account"] = f"More than one client has an account of this name: enter {offered}."
        return None
    row_id = _id_in(text)
    if row_id is None:
        near = dict.fromkeys(one.name for one in await suggest_accounts(db, text, client_id, NEAREST_MAX))
        hint = f": did you mean {' or '.join(map(repr, near))}?" if near else ". Enter a whole name, or #176."
        errors["account"] = f"There is no account {text[:80]!r}{' of this client' if client_id else ''}{hint}"
    return row_id


async def _is_gateway(db: Database, name: str) -> bool:
    if "\0" in name or len(name.encode()) > m.STRING_BYTES_MAX:
        return False
    return bool(await db.value("SELECT EXISTS (SELECT FROM gateways WHERE name = $1)", name))


async def _client_said(db: Database, client_id: int | None) -> str:
    if client_id is None:
        return ""
    return (await references_of(db, {"client": {client_id}})).names.get(("client", client_id), f"#{client_id}")


async def _account_said(db: Database, account_id: int | None, client_id: int | None) -> str:
    """Its name, where that means no other."""
    if account_id is None:
        return ""
    name = await db.value("SELECT name FROM accounts WHERE id = $1", account_id)
    if name is None or len(await accounts_named(db, name, client_id, 2)) != 1:
        return f"#{account_id}"
    return str(name)
