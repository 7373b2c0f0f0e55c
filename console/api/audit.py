"""The audit log: the page's filters, entries newest first, and links to what is older and newer."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from console.api.answers import API, link_header, response_of, shown
from console.api.operation import Operation
from console.api.parameters import Id, Parameter, Size, Text
from console.context import console_of
from console.objects.audit import AuditEntry, read_query
from console.store.audit import list_audit

PARAMETERS: tuple[Parameter, ...] = (
    Parameter("client", Text, "A client's whole name, or #12; its own history and that of its accounts."),
    Parameter("account", Text, "An account's whole name, or #12; with its gateways, statistics and calls."),
    Parameter("actor", Text, "Who did it, exactly; key:NAME is a key of this API."),
    Parameter("entity", Text, "The table: accounts, clients, …; calls for what was ended by hand."),
    Parameter("entity_id", Id, "The row."),
    Parameter("action", Text, "insert, update, delete, reveal, release, …"),
    Parameter("from", Text, "ISO 8601; UTC unless a zone is written."),
    Parameter("until", Text, "ISO 8601; a day alone is until its end."),
    Parameter("before", Id, "What is older than this entry."),
    Parameter("after", Id, "What is newer than this entry; not together with before."),
    Parameter("size", Size, "Entries a page; 50 unless said otherwise."),
)


class AuditListing(msgspec.Struct, frozen=True, kw_only=True):
    """Entries, newest first. `older`: `before` of the page behind it, `newer`: `after` of the one in front of it."""

    items: tuple[AuditEntry, ...]
    older: int | None
    newer: int | None


async def show_list(request: Request) -> Response:
    """GET /audit"""
    page = await list_audit(console_of(request).database, read_query(request.query_params))
    places = {}
    if page.newer is not None:
        places["prev"] = {"after": str(page.newer), "before": ""}
    if page.older is not None:
        places["next"] = {"before": str(page.older), "after": ""}
    listing = AuditListing(items=page.entries, older=page.older, newer=page.newer)
    return response_of(shown(listing, headers=link_header(request, places)))


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        name="list_audit",
        method="GET",
        path=f"{API}/audit",
        permission="audit",
        handler=show_list,
        tag="audit",
        summary="Who changed what when, newest first.",
        parameters=PARAMETERS,
        answers={200: AuditListing},
        links=True,
    ),
)
