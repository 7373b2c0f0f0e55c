"""The table of accounts: the article's columns and search, and beside them what the daemon knows.

All of its state is in the URL, in the names of `objects/listing.py`; what cannot be read there is as if it were not.
"""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from console.context import Console, console_of
from console.door import Door
from console.errors import DaemonAwayError
from console.objects.listing import AccountFilter, Paging
from console.objects.listing_query import read_query, write_query
from console.objects.references import Kind
from console.pages.live import Usage, usage_of
from console.pages.render import render
from console.store.listing import list_accounts
from console.store.references import options, references_of

BACK_CHARACTERS_MAX = 2000
"""Of a table's query that forms carry along to come back to it."""
CLIENT_TYPES = (("client", "Clients"), ("reseller", "Resellers"), ("calling_card", "Calling cards"))
"""What the contract names; a client may be of any other type, which can be searched for by its word in the URL."""
ADVANCED = frozenset(AccountFilter.__struct_fields__) - {"q", "client_id", "gateway_id"}
"""Fields of the Advanced Search: it stands open while one of them is set."""

WORDS: dict[str, str] = {
    "q": "Search",
    "ident": "Name / ANI / IP",
    "tech_prefix": "Tech Prefix",
    "orig": "Origination",
    "orig_rate_table_id": "Orig Rate Table",
    "routing_plan_id": "Routing Plan",
    "orig_tags": "Orig Tags",
    "term": "Termination",
    "term_rate_table_id": "Term Rate Table",
    "term_tags": "Term Tags",
    "client_type": "Client Type",
    "client": "Client",
    "client_id": "Client",
    "gateway_id": "Gateway",
    "state": "State",
}
REFERRED: dict[str, Kind] = {
    "orig_rate_table_id": "rate_table",
    "term_rate_table_id": "rate_table",
    "routing_plan_id": "routing_plan",
    "client_id": "client",
    "gateway_id": "gateway",
}


async def start(_request: Request) -> Response:
    """GET /: the table."""
    return RedirectResponse("/accounts", 303)


async def table(request: Request) -> Response:
    """GET /accounts?…: a page of the accounts that the filter finds."""
    console = console_of(request)
    wanted, paging = read_query(request.query_params.multi_items())
    page = await list_accounts(console.database, wanted, paging)
    paging = page.paging
    usage: Usage = {}
    is_away = False
    try:
        usage = await usage_of(console.daemon, [row.id for row in page.rows])
    except DaemonAwayError:
        is_away = True
    filters = write_query(wanted)
    sorting = [pair for pair in write_query(wanted, paging) if pair[0] in ("sort", "descending")]
    sized = [("size", str(paging.size))] if paging.size != Paging().size else []
    here = urlencode(write_query(wanted, paging))
    return render(
        request,
        "accounts/list.html",
        {
            "wanted": wanted,
            "page": page,
            "paging": paging,
            "usage": usage,
            "is_away": is_away,
            "filters": filters,
            "filter_words": await _in_words(console, wanted),
            "is_advanced": any(name in ADVANCED for name, _ in filters),
            "sort_query": filters + sized,
            "pager_query": filters + sorting,
            "here": f"/accounts?{here}" if here else "/accounts",
            "back": here,
            "client_types": _with_chosen(list(CLIENT_TYPES), wanted.client_type),
            "rate_tables": await _choices(console, "rate_table"),
            "routing_plans": await _choices(console, "routing_plan"),
        },
    )


def table_url(back: str) -> str:
    """The URL of the table whose query a form has carried along; whatever it holds, it is a query of ours."""
    pairs = parse_qsl(back[:BACK_CHARACTERS_MAX])
    return f"/accounts?{urlencode(pairs)}" if pairs else "/accounts"


async def _choices(console: Console, kind: Kind) -> list[tuple[str, str]]:
    return [(str(option.id), option.name) for option in (await options(console.database, kind)).options]


def _with_chosen(choices: list[tuple[str, str]], chosen: str) -> list[tuple[str, str]]:
    if chosen and all(value != chosen for value, _ in choices):
        choices.append((chosen, chosen))
    return choices


async def _in_words(console: Console, wanted: AccountFilter) -> list[str]:
    """The filter as the page says it, with names for ids."""
    ids = {kind: [] for kind in REFERRED.values()}  # type: dict[Kind, list[int]]
    for name, kind in REFERRED.items():
        if (row_id := getattr(wanted, name)) is not None:
            ids[kind].append(row_id)
    names = (await references_of(console.database, {kind: found for kind, found in ids.items() if found})).names

    def said(name: str, value: Any) -> str:
        match value:
            case bool():
                return "on" if value else "off"
            case tuple():
                return ", ".join(value)
            case int():
                return names.get((REFERRED[name], value), f"#{value}")
        return str(value)

    empty = AccountFilter()
    return [
        f"{word}: {said(name, getattr(wanted, name))}"
        for name, word in WORDS.items()
        if getattr(wanted, name) != getattr(empty, name)
    ]


DOORS: tuple[Door, ...] = (
    Door("GET", "/", "read", start),
    Door("GET", "/accounts", "read", table),
)
