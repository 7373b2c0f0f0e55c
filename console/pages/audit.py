"""The audit log: who changed what when, before and after side by side. What is asked for is in the URL."""

import functools
from collections.abc import Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from console.context import console_of
from console.door import Door, actor_of
from console.errors import FieldErrors
from console.objects.audit import ENTITIES, SIZES, AuditEntry, AuditFilter, AuditPage, read_query, write_query
from console.pages.render import render
from console.store.audit import audited_actions, audited_actors, list_audit

PATH = "/audit"
FIELDS = ("client", "account", "actor", "entity", "entity_id", "action", "from", "until", "size")

SHOWN_MAX = 6
"""Values of one entry that stand open: a new account has two dozen, and a page has fifty entries."""

PROFILES: dict[str, str] = {
    "accounts": "/accounts/{}/edit",
    "account_gateways": "/accounts/{}/edit",
    "account_statistics": "/accounts/{}/edit",
    "calls": "/accounts/{}/edit",
    "clients": "/clients/{}",
    "resellers": "/resellers/{}",
    "gateways": "/gateways/{}",
    "rate_tables": "/rate-tables/{}",
    "routing_plans": "/routing-plans/{}",
}
"""Entity -> where what it is about is shown."""
PROFILES_OF_PEOPLE: dict[str, str] = {"console_users": "/people/{}", "console_keys": "/people/keys"}
"""The same, for those who may open these."""

ACTIONS: dict[str, tuple[str, str]] = {
    "insert": ("ok", "created"),
    "update": ("info", "changed"),
    "delete": ("bad", "deleted"),
    "truncate": ("bad", "deleted with all"),
    "release": ("warn", "released by hand"),
    "reveal": ("warn", "password shown"),
    "ask": ("warn", "password tried"),
    "login": ("info", "logged in"),
    "login_failed": ("bad", "login refused"),
    "logout": ("off", "logged out"),
    "link": ("warn", "one-time link made"),
}
"""Action -> how its marker looks, and its word; others stand for themselves."""


async def show(request: Request) -> Response:
    """One page of entries, newest first."""
    console = console_of(request)
    query = _with_names(request.query_params)
    errors: Mapping[str, str] = {}
    wanted, page = AuditFilter(), AuditPage(entries=())
    try:
        wanted = read_query(query)
        page = await list_audit(console.database, wanted)
    except FieldErrors as wrong:
        errors = wrong.errors
    first = msgspec.structs.replace(wanted, before=None, after=None)
    may_see_people = actor_of(request).may("people")
    values = {
        "query": {field: query.get(field, "") for field in FIELDS},
        "errors": errors,
        "entries": page.entries,
        "newest_url": _url(first) if wanted.before or wanted.after else "",
        "older_url": _url(msgspec.structs.replace(first, before=page.older)) if page.older else "",
        "newer_url": _url(msgspec.structs.replace(first, after=page.newer)) if page.newer else "",
        "is_filtered": first != AuditFilter(size=first.size),
        "entities": tuple(ENTITIES.items()),
        "actors": await audited_actors(console.database),
        "actions": [(action, _action(action)[1]) for action in await audited_actions(console.database)],
        "sizes": [(size, size) for size in SIZES],
        "shown_max": SHOWN_MAX,
        "profile": functools.partial(_profile, PROFILES | PROFILES_OF_PEOPLE if may_see_people else PROFILES),
        "action": _action,
    }
    return render(request, "audit/page.html", values, 422 if errors else 200)


def _with_names(query: Mapping[str, str]) -> dict[str, str]:
    """The query, in which other pages may name a client or an account by id alone."""
    named = dict(query)
    for field in ("client", "account"):
        if (row_id := named.get(f"{field}_id", "")) and not named.get(field):
            named[field] = f"#{row_id.removeprefix('#')}"
    return named


def _profile(profiles: Mapping[str, str], entry: AuditEntry) -> str:
    """Where what the entry is about is shown, "" where it is nowhere (any more)."""
    if entry.entity_id is None or entry.action in ("delete", "truncate"):
        return ""
    return profiles.get(entry.entity, "").format(entry.entity_id)


def _action(action: str) -> tuple[str, str]:
    return ACTIONS.get(action, ("off", action))


def _url(wanted: AuditFilter) -> str:
    query = write_query(wanted)
    return f"{PATH}?{query}" if query else PATH


DOORS: tuple[Door, ...] = (Door("GET", PATH, "audit", show),)
