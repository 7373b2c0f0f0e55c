"""Resellers: list, profile, form, delete."""

from typing import Any

from starlette.datastructures import QueryParams

from console.database import Database
from console.door import Door
from console.objects.listing import Paging
from console.objects.paged import Paged
from console.objects.reseller import FIELDS, Reseller, ResellerDraft, read_text
from console.pages.editing import Editor, Values, counted
from console.store.resellers import create_reseller, delete_reseller, get_reseller, list_resellers, update_reseller


async def _find(database: Database, query: QueryParams, paging: Paging) -> tuple[Paged[Any], Values]:
    return await list_resellers(database, query.get("q", ""), paging), {}


async def _users(_database: Database, reseller: Reseller) -> str:
    return counted(reseller.clients, "client")


EDITOR = Editor(
    word="reseller",
    title="Resellers",
    entity="resellers",
    path="/resellers",
    parameter="reseller_id",
    templates="resellers",
    fields=FIELDS,
    blank=ResellerDraft(name=""),
    read=lambda entered, _references: read_text(entered),
    find=_find,
    get=get_reseller,
    create=create_reseller,
    update=update_reseller,
    delete=delete_reseller,
    users=_users,
)

DOORS: tuple[Door, ...] = EDITOR.doors
