"""Live calls, and ending one by hand.

What is up only the daemon knows; the names of accounts and clients come from the database, in one query a look.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from console.context import console_of
from console.database import Database
from console.door import Door, actor_of, form_text
from console.errors import DaemonAwayError, FieldErrors
from console.live_calls import CallKey, end_call, find_call, list_calls
from console.objects.row_id import read_id
from console.pages.call_filter import FIELDS, CallFilter, read_filter
from console.pages.call_sums import Sums, sums_by
from console.pages.drawn_fields import duration
from console.pages.render import Kind, redirect, render
from console.pages.whose import offered
from console.store.account_names import suggest_accounts
from console.store.references import options, resolve
from protocol import messages as m

PATH = "/calls"
END_PATH = "/calls/end"
SUGGEST_PATH = "/calls/accounts"
SUGGESTIONS_MAX = 20
REFRESH_SECONDS = 2
"""How often the page asks again: a listing of 500 calls costs the daemon less than a millisecond."""

UNKNOWN = {"gateway": "There is no gateway of this name."}
"""By the field that the daemon refused, in the page's words."""

ENDED: dict[str, tuple[Kind, str]] = {
    "released": ("done", "The call no longer counts. Only its switch can hang up, where people still talk."),
    "already_released": ("info", "Nothing was done: the call had been released before."),
    "unknown": ("info", "Nothing was done: no such call is up any more."),
    "no_answer": (
        "warning",
        "The daemon did not answer, and may have ended it: see whether it is still listed.",
    ),
    "several": (
        "warning",
        "Nothing was done: its gateway is gone, and several calls could be meant. They end with their leases.",
    ),
}
"""By the daemon's result, what is said afterwards."""


class ShownCall(msgspec.Struct, frozen=True, kw_only=True):
    """A row: the call, the names that it belongs to, and the URL of the question whether to end it."""

    call: m.LiveCall
    account: str
    client: str
    age: str
    lease_left: str
    end_url: str


def wanted(query: Mapping[str, str], request_id: int) -> m.Calls:
    """The request for the part of the calls that the URL names. FieldErrors where it cannot be one."""
    errors: dict[str, str] = {}
    account_id = _row_id(query, "account_id", errors)
    client_id = _row_id(query, "client_id", errors)
    gateway = query.get("gateway", "") or None
    if gateway is not None and len(gateway.encode()) > m.STRING_BYTES_MAX:
        errors["gateway"] = f"Shorten this to {m.STRING_BYTES_MAX} bytes."
    if errors:
        raise FieldErrors(errors)
    return m.Calls(id=request_id, account_id=account_id, client_id=client_id, gateway=gateway)


def _row_id(query: Mapping[str, str], field: str, errors: dict[str, str]) -> int | None:
    text = query.get(field, "").strip()
    if not text:
        return None
    row_id = read_id(text)
    if row_id is None:
        errors[field] = "Enter the number under which it is listed, such as 176."
    return row_id


async def show(request: Request) -> Response:
    """The calls that are up now."""
    console = console_of(request)
    query = {field: request.query_params.get(field, "") for field in FIELDS}
    sought = CallFilter()
    shown: Sequence[ShownCall] = ()
    sums: Mapping[str, Sums] = {}
    errors: Mapping[str, str] = {}
    omitted, away, status = 0, False, 200
    try:
        sought = await read_filter(console.database, request.query_params)
        query = {"account": sought.account, "client": sought.client, "gateway": sought.gateway or ""}
        answer = await list_calls(console.daemon, sought.request(console.daemon.next_id()))
        shown, omitted = await _shown(console.database, answer.calls), answer.omitted
        names = {
            "client": {row.call.client_id: row.client for row in shown},
            "account": {row.call.account_id: row.account for row in shown},
        }
        sums = await sums_by(console.daemon, sought, names, answer)
    except FieldErrors as wrong:
        errors, status = {name: UNKNOWN.get(name, sentence) for name, sentence in wrong.errors.items()}, 422
        query = {field: query[field] or request.query_params.get(f"{field}_id", "") for field in FIELDS}
    except DaemonAwayError:
        away, status = True, 503
    gateways = await options(console.database, "gateway")
    kept = sought.pairs
    is_paused = request.query_params.get("refresh") == "off"
    values = {
        "query": query,
        "errors": errors,
        "shown": shown,
        "sums": sums,
        "omitted": omitted,
        "away": away,
        "refresh_seconds": 0 if is_paused or errors else REFRESH_SECONDS,
        "is_paused": is_paused,
        "url": _url(PATH, kept | ({"refresh": "off"} if is_paused else {})),
        "other_url": _url(PATH, kept | ({} if is_paused else {"refresh": "off"})),
        "gateways": gateways,
        "gateway_options": offered(gateways, query["gateway"]),
        "as_of": console.wall(),
    }
    # a fragment that says "away" must be swapped in as well, and htmx swaps no 503
    is_fragment = "hx-request" in request.headers
    return render(request, "calls/page.html", values, 200 if is_fragment and away else status)


async def suggest(request: Request) -> Response:
    """GET /calls/accounts?account=…: `<option>`s of accounts whose name has this in it, of the client typed."""
    database, query = console_of(request).database, request.query_params
    client = query.get("client", "").strip()
    client_id = (await resolve(database, [{"client": client}])).ids.get(("client", client))
    found = await suggest_accounts(database, query.get("account", ""), client_id, SUGGESTIONS_MAX)
    names = Counter(one.name for one in found)
    offered_names = [
        {"name": one.name if names[one.name] == 1 else f"#{one.id}", "detail": f"{one.name} · {one.client}"}
        for one in found
    ]
    return render(request, "accounts/suggestions.html", {"options": offered_names})


async def ask_whether(request: Request) -> Response:
    """The question before a call is ended, with what the call is as far as the daemon lists it."""
    console = console_of(request)
    try:
        key, account_id = _named(request.query_params)
        call, sought = await find_call(console.daemon, key, account_id)
    except FieldErrors:
        return _said(request, "unknown")
    except DaemonAwayError:
        return _away(request)
    if call is None and not sought.omitted:
        return _said(request, "unknown")
    shown = await _shown(console.database, () if call is None else (call,))
    values = {"key": key, "account_id": account_id, "shown": shown[0] if shown else None, "action": END_PATH}
    return render(request, "calls/end.html", values)


async def end(request: Request) -> Response:
    """End one call by hand, and note who did it."""
    console = console_of(request)
    form = await request.form()
    entered = {field: form_text(form, field) for field in ("account_id", *CallKey.__struct_fields__)}
    try:
        key, account_id = _named(entered)
        async with console.database.transaction(actor_of(request).name) as tx:
            ended = await end_call(console.daemon, tx, key, account_id)
    except FieldErrors as wrong:
        is_unclear = "gateway" in wrong.errors and not entered["gateway"]
        return _said(request, "several" if is_unclear else "unknown")
    except DaemonAwayError:
        return _away(request)
    return _said(request, ended.result)


def _said(request: Request, result: str) -> Response:
    kind, sentence = ENDED[result]
    return redirect(request, PATH, sentence, kind=kind)


def _named(query: Mapping[str, str]) -> tuple[CallKey, int | None]:
    """The call that the URL or form names, and the account where to look for it. Raises FieldErrors."""
    place = wanted(query, 0)
    return CallKey(
        call_id=query.get("call_id", ""), leg=query.get("leg", ""), gateway=place.gateway
    ), place.account_id


async def _shown(database: Database, calls: Sequence[m.LiveCall]) -> Sequence[ShownCall]:
    if not calls:
        return ()
    rows = await database.fetch(
        "SELECT 'account' AS kind, id, name FROM accounts WHERE id = ANY ($1::bigint[]) "
        "UNION ALL SELECT 'client', id, name FROM clients WHERE id = ANY ($2::bigint[])",
        sorted({call.account_id for call in calls}),
        sorted({call.client_id for call in calls}),
    )
    names = {(row["kind"], row["id"]): row["name"] for row in rows}
    return [
        ShownCall(
            call=call,
            account=names.get(("account", call.account_id), ""),
            client=names.get(("client", call.client_id), ""),
            age=duration(call.age_seconds),
            lease_left=duration(call.lease_seconds_left),
            end_url=_url(
                END_PATH,
                {
                    "account_id": str(call.account_id),
                    "gateway": call.gateway or "",
                    "call_id": call.call_id,
                    "leg": call.leg,
                },
            ),
        )
        for call in calls
    ]


def _away(request: Request) -> Response:
    values = {"title": "The daemon does not answer", "message": "No call was ended. Try again in a moment."}
    return render(request, "error.html", values, 503)


def _url(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


DOORS: tuple[Door, ...] = (
    Door("GET", PATH, "read", show),
    Door("GET", SUGGEST_PATH, "read", suggest),
    Door("GET", END_PATH, "release", ask_whether),
    Door("POST", END_PATH, "release", end),
)
