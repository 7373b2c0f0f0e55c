"""Rate tables and routing plans: what is in them is billing's; here they are names that accounts refer to."""

from typing import Any

from starlette.datastructures import QueryParams

from console.database import Database
from console.door import Door
from console.objects.listing import Paging
from console.objects.named import FIELDS, WORDS, Named, NamedDraft, NamedKind, read_text
from console.objects.paged import Paged
from console.pages.editing import Editor, Values
from console.store.named import create_named, delete_named, get_named, list_named, named_users, update_named

FILTERS: dict[NamedKind, tuple[tuple[str, str], ...]] = {
    "rate_tables": (("Originators", "orig_rate_table_id"), ("Terminators", "term_rate_table_id")),
    "routing_plans": (("Originators", "routing_plan_id"),),
}
"""The filters of the accounts' list that find who refers to one."""


def _editor(kind: NamedKind, title: str) -> Editor:
    async def find(database: Database, query: QueryParams, paging: Paging) -> tuple[Paged[Any], Values]:
        return await list_named(database, kind, query.get("q", ""), paging), {"filters": FILTERS[kind]}

    async def users(database: Database, named: Named) -> str:
        return await named_users(database, kind, named.id)

    async def beside(request: Any, named: Named) -> Values:
        return {"filters": FILTERS[kind], "users": await users(request.app.state.console.database, named)}

    return Editor(
        word=WORDS[kind],
        title=title,
        entity=kind,
        path=f"/{kind.replace('_', '-')}",
        parameter=f"{kind.removesuffix('s')}_id",
        templates="catalogue",
        fields=FIELDS,
        blank=NamedDraft(name=""),
        read=lambda entered, _references: read_text(entered),
        find=find,
        get=lambda reader, row_id: get_named(reader, kind, row_id),
        create=lambda tx, draft: create_named(tx, kind, draft),
        update=lambda tx, row_id, draft, etag: update_named(tx, kind, row_id, draft, etag),
        delete=lambda tx, row_id, etag: delete_named(tx, kind, row_id, etag),
        users=users,
        beside=beside,
    )


EDITORS = (_editor("rate_tables", "Rate tables"), _editor("routing_plans", "Routing plans"))

DOORS: tuple[Door, ...] = tuple(door for editor in EDITORS for door in editor.doors)
