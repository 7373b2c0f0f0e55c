"""The audit log as it is asked for and as it is shown: filters from a URL and back, entries side by side. Pure.

An entry holds the columns that differ; ids stand beside the names that they have, or had when they were deleted.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec

from console.errors import FieldErrors
from console.objects import field_values as v
from console.objects.account import AccountDraft
from console.objects.client import ClientDraft
from console.objects.gateway import GatewayDraft

SIZES = (20, 50, 100, 500)

ENTITIES: dict[str, str] = {
    "accounts": "Account",
    "account_gateways": "Gateway of an account",
    "account_statistics": "Statistics of an account",
    "calls": "Call",
    "clients": "Client",
    "resellers": "Reseller",
    "gateways": "Gateway",
    "rate_tables": "Rate table",
    "routing_plans": "Routing plan",
    "console_users": "Person",
    "console_keys": "API key",
}
"""Tables as the log names them, and what people call one of their rows."""

OF_ACCOUNTS: tuple[str, ...] = ("accounts", "account_gateways", "account_statistics", "calls")
"""Entities whose id in the log is that of an account."""

REFERENCES: dict[str, str] = {
    "client_id": "clients",
    "reseller_id": "resellers",
    "orig_rate_table_id": "rate_tables",
    "term_rate_table_id": "rate_tables",
    "routing_plan_id": "routing_plans",
    "gateway_id": "gateways",
    "account_id": "accounts",
}
"""Columns that hold an id -> whose."""

NAMED: frozenset[str] = frozenset({*REFERENCES.values(), "console_users", "console_keys"})
"""Tables whose rows have a name."""


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that is set must hold; newest first.

    `client`, `account`: a name, or `#12` for an id, also of what is deleted. A client's history is its own and that
    of its accounts while they were its own; an account's has its gateways, statistics and calls in it.
    `since` included, `until` not. `before`, `after`: entries older or newer than that entry; one of them.
    """

    client: str = ""
    account: str = ""
    actor: str = ""
    entity: str = ""
    entity_id: int | None = None
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    after: int | None = None
    size: int = 50


class AuditChange(msgspec.Struct, frozen=True, kw_only=True):
    """One column, before and after; None: was not set. The names are those of the ids, where they are known."""

    column: str
    before: str | None = None
    after: str | None = None
    before_name: str | None = None
    after_name: str | None = None


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what when. `name`: of the row, as it is called now or was when it was deleted."""

    id: int
    at: datetime
    actor: str
    action: str
    entity: str
    entity_id: int | None
    name: str | None
    changes: tuple[AuditChange, ...]

    @property
    def kind(self) -> str:
        """What people call a row of this entity."""
        return ENTITIES.get(self.entity, self.entity)

    @property
    def account_id(self) -> int | None:
        """The account that it is about."""
        return self.entity_id if self.entity in OF_ACCOUNTS else None


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Entries, newest first. `older`: `before` of the page behind it, `newer`: `after` of the one in front of it."""

    entries: tuple[AuditEntry, ...]
    older: int | None = None
    newer: int | None = None


_TEXTS = ("client", "account", "actor", "entity", "action")
_IDS = ("entity_id", "before", "after")
_TIMES = {"from": "since", "until": "until"}
_DAY = len("2026-01-31")


def read_query(query: Mapping[str, str]) -> AuditFilter:
    """The filter of a URL's query; names that are none of it are not looked at. Raises FieldErrors."""
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}

    def take(name: str, field: str, read: Any) -> None:
        try:
            if text := query.get(name, "").strip():
                values[field] = read(text)
        except v.BadValueError as fault:
            faults[name] = str(fault)

    for name in _TEXTS:
        take(name, name, v.line)
    for name in _IDS:
        take(name, name, v.whole(1, v.ID_MAX, ""))
    take("from", "since", v.moment)
    take("until", "until", _end)
    take("size", "size", _size)
    if "before" in values and "after" in values:
        faults["after"] = "Ask for what is before an entry or for what is after one, not for both"
    if faults:
        raise FieldErrors(faults)
    return AuditFilter(**values)


def write_query(wanted: AuditFilter) -> str:
    """The query of a URL that asks for this; the inverse of `read_query`."""
    names = {field: name for name, field in _TIMES.items()}
    pairs = []
    for field, value in msgspec.structs.asdict(wanted).items():
        if value != getattr(_ANYTHING, field):
            text = v.moment_text(value) if isinstance(value, datetime) else str(value)
            pairs.append((names.get(field, field), text))
    return urlencode(pairs)


def changes_of(
    before: str | None, after: str | None, names: Mapping[tuple[str, int], str]
) -> tuple[AuditChange, ...]:
    """Columns side by side; `before` and `after`: JSON objects or None, `names` by (table, id).

    What is set in neither is left out: a new row has many columns and few values.
    """
    was, became = _object(before), _object(after)
    found = []
    for column in sorted(was.keys() | became.keys(), key=lambda name: (_PLACES.get(name, len(_PLACES)), name)):
        old, new = _shown(was.get(column)), _shown(became.get(column))
        if old is None and new is None:
            continue
        table = REFERENCES.get(column, "")
        found.append(
            AuditChange(
                column=column,
                before=old,
                after=new,
                before_name=names.get((table, _id(was.get(column)))),
                after_name=names.get((table, _id(became.get(column)))),
            )
        )
    return tuple(found)


def referred_to(rows: Iterable[tuple[str, int | None, str | None, str | None]]) -> dict[str, set[int]]:
    """Table -> ids that rows (entity, entity_id, before, after) speak of, so that names can be asked for at once."""
    found: dict[str, set[int]] = {}
    for entity, entity_id, before, after in rows:
        table = "accounts" if entity in OF_ACCOUNTS else entity
        if entity_id is not None and table in NAMED:
            found.setdefault(table, set()).add(entity_id)
        for values in (_object(before), _object(after)):
            for column, table in REFERENCES.items():
                if row_id := _id(values.get(column)):
                    found.setdefault(table, set()).add(row_id)
    return found


def _end(text: str) -> datetime:
    """Until a day is until its end."""
    when = v.moment(text)
    try:
        return when + timedelta(days=1) if len(text) == _DAY else when
    except OverflowError:
        raise v.BadValueError("Write an earlier day: this is the last one that there is") from None


def _size(text: str) -> int:
    size = v.whole(1, SIZES[-1], "")(text)
    return min(SIZES, key=lambda allowed: abs(allowed - size))


def _object(text: str | None) -> dict[str, Any]:
    # numbers as they are written: money is not to be rounded by a float
    value = None if text is None else json.loads(text, parse_float=str)
    return value if isinstance(value, dict) else {} if value is None else {"": value}


def _id(value: Any) -> int:
    return value if type(value) is int else 0


def _shown(value: Any) -> str | None:
    if value in (None, "", [], {}):
        return None
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return "; ".join(str(_shown(each)) for each in value)
        case dict():
            return "\n".join(f"{name} = {_shown(each)}" for name, each in value.items())
    return str(value)


_ANYTHING = AuditFilter()
_PLACES: dict[str, int] = {
    name: place
    for place, name in enumerate(
        dict.fromkeys(
            ("id", *AccountDraft.__struct_fields__, *ClientDraft.__struct_fields__, *GatewayDraft.__struct_fields__)
        )
    )
}
"""Columns in the order of the forms."""
