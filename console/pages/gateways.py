"""Gateways, the switches that ask: list, profile, form, delete, and the secret, which is shown once."""

from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from console.context import console_of
from console.database import Database
from console.door import Door, actor_of, form_text
from console.errors import ChangedError
from console.objects.gateway import FIELDS, Gateway, GatewayDraft, read_text
from console.objects.listing import Paging
from console.objects.paged import Paged
from console.pages.editing import Editor, Values, counted
from console.pages.render import redirect
from console.store.gateways import (
    create_gateway,
    delete_gateway,
    get_gateway,
    list_gateways,
    make_secret,
    remove_secret,
    update_gateway,
)

CHANGED = "Nothing was done: somebody changed the gateway in the meantime. Look again."


async def _find(database: Database, query: QueryParams, paging: Paging) -> tuple[Paged[Any], Values]:
    return await list_gateways(database, query.get("q", ""), paging), {}


async def _users(_database: Database, gateway: Gateway) -> str:
    return counted(gateway.accounts, "account")


async def _beside(_request: Request, _gateway: Gateway) -> Values:
    return {"secret": ""}


async def new_secret(request: Request) -> Response:
    """Make a secret instead of the one that was, and show it: in this answer and never again."""
    console = console_of(request)
    gateway_id, etag = EDITOR.id_in(request), form_text(await request.form(), "etag")
    try:
        async with console.database.transaction(actor_of(request).name) as tx:
            secret = await make_secret(tx, gateway_id, etag)
    except ChangedError:
        return redirect(request, EDITOR.url(gateway_id), CHANGED, kind="warning")
    in_force = await console.daemon.in_force(tx.xid)
    gateway = await get_gateway(console.database, gateway_id)
    return await EDITOR.profile(request, gateway, {"secret": secret, "in_force": in_force})


async def no_secret(request: Request) -> Response:
    """From now on the gateway needs none."""
    console = console_of(request)
    gateway_id, etag = EDITOR.id_in(request), form_text(await request.form(), "etag")
    try:
        async with console.database.transaction(actor_of(request).name) as tx:
            await remove_secret(tx, gateway_id, etag)
    except ChangedError:
        return redirect(request, EDITOR.url(gateway_id), CHANGED, kind="warning")
    in_force = await console.daemon.in_force(tx.xid)
    return redirect(request, EDITOR.url(gateway_id), "The gateway has no secret any more.", in_force=in_force)


EDITOR = Editor(
    word="gateway",
    title="Gateways",
    entity="gateways",
    path="/gateways",
    parameter="gateway_id",
    templates="gateways",
    fields=FIELDS,
    blank=GatewayDraft(name=""),
    read=lambda entered, _references: read_text(entered),
    find=_find,
    get=get_gateway,
    create=create_gateway,
    update=update_gateway,
    delete=delete_gateway,
    users=_users,
    beside=_beside,
)

DOORS: tuple[Door, ...] = (
    *EDITOR.doors,
    Door("POST", "/gateways/{gateway_id:int}/secret", "edit", new_secret),
    Door("POST", "/gateways/{gateway_id:int}/secret/remove", "edit", no_secret),
)
