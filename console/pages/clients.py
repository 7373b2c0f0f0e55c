"""Clients: list, profile with figures and calls up now, form, delete."""

from typing import Any, Literal, cast

from starlette.datastructures import QueryParams
from starlette.requests import Request

from console.context import console_of
from console.database import Database
from console.door import Door
from console.errors import DaemonAwayError
from console.objects.client import FIELDS, Client, ClientDraft, ClientFilter, read_text, to_text
from console.objects.field_values import ID_MAX
from console.objects.listing import Paging
from console.objects.paged import Paged
from console.pages.drawn_fields import resellers
from console.pages.editing import Editor, Values, counted
from console.store.clients import (
    client_figures,
    client_types,
    create_client,
    delete_client,
    get_client,
    list_clients,
    update_client,
)
from console.store.resellers import get_reseller
from protocol import messages as m

STATUSES = ("active", "blocked", "archived")
Status = Literal["", "active", "blocked", "archived"]
ID_DIGITS_MAX = 19


def filter_of(query: QueryParams) -> ClientFilter:
    """The filter in a URL; what makes no sense is as if it were not there."""
    status, reseller = query.get("status", ""), query.get("reseller_id", "").removeprefix("#")
    is_id = reseller.isascii() and reseller.isdigit() and len(reseller) <= ID_DIGITS_MAX
    return ClientFilter(
        q=query.get("q", ""),
        client_type=query.get("client_type", "").replace("\0", ""),
        status=cast(Status, status) if status in STATUSES else "",
        reseller_id=min(int(reseller), ID_MAX) if is_id else None,
    )


async def _find(database: Database, query: QueryParams, paging: Paging) -> tuple[Paged[Any], Values]:
    wanted = filter_of(query)
    return await list_clients(database, wanted, paging), {
        "wanted": wanted,
        "types": await client_types(database),
        "statuses": STATUSES,
        "resellers": await resellers(database),
    }


async def _users(_database: Database, client: Client) -> str:
    return counted(client.accounts, "account")


async def _beside(request: Request, client: Client) -> Values:
    console = console_of(request)
    up: m.ClientUsage | None = None
    is_away = False
    try:
        usage = await console.daemon.usage((), (client.id,))
        up = next(iter(usage.clients), None)
    except DaemonAwayError:
        is_away = True
    reseller = None if client.reseller_id is None else await get_reseller(console.database, client.reseller_id)
    return {
        "figures": await client_figures(console.database, client.id),
        "up": up,
        "is_away": is_away,
        "reseller": reseller,
    }


EDITOR = Editor(
    word="client",
    title="Clients",
    entity="clients",
    path="/clients",
    parameter="client_id",
    templates="clients",
    fields=FIELDS,
    blank=ClientDraft(name=""),
    read=read_text,
    find=_find,
    get=get_client,
    create=create_client,
    update=update_client,
    delete=delete_client,
    users=_users,
    beside=_beside,
    to_text=to_text,
    hidden=("balance_was",),
)

DOORS: tuple[Door, ...] = EDITOR.doors
