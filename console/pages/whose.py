"""Whose call is it? The question that a switch asks, asked by hand, and what became of every account looked at.

The form is posted, so that a password never stands in a URL; without one the answer is at a URL that can be passed
on. The daemon ends a connection with three bad requests, and ours is shared by all operators: what it would refuse is
found here first.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from console import whose_call
from console.context import Console, console_of
from console.door import Door, actor_of, form_text
from console.errors import DaemonAwayError, FieldErrors
from console.objects.references import Kind, Options
from console.pages.reasons import words_of
from console.pages.render import render
from console.store.references import options, references_of
from identd.cli.explaining import why
from matcher.address import AddressError, canonical_address
from protocol import messages as m

PATH = "/whose"
FIELDS = ("direction", "ip", "port", "protocol", "name", "name_verified", "ani", "dnis", "gateway")
"""What a URL may carry. Not the password."""
SHOWS_WHO = ("ip", "name", "ani")
TEXTS = ("ip", "protocol", "name", "ani", "gateway")
DIRECTIONS = {"orig": "a customer calls us", "term": "we call a vendor"}


class LookedAt(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table under the answer."""

    account: m.ExplainedAccount
    client: str
    why: str


def question(entered: Mapping[str, str], request_id: int) -> m.Identify:
    """The request to the daemon. FieldErrors where it would refuse it."""
    texts = {field: entered.get(field, "").strip() or None for field in TEXTS}
    password = entered.get("password") or None
    dnis = entered.get("dnis", "").strip()
    direction = entered.get("direction") or "orig"
    errors = {
        field: f"Shorten this to {m.STRING_BYTES_MAX} bytes."
        for field, text in {**texts, "dnis": dnis, "password": password}.items()
        if text is not None and len(text.encode()) > m.STRING_BYTES_MAX
    }
    if texts["ip"] is not None and "ip" not in errors:
        try:
            canonical_address(texts["ip"])
        except AddressError:
            errors["ip"] = "Enter one IPv4 or IPv6 address, such as 192.0.2.7 or 2001:db8::7."
    port = _port(entered.get("port", "").strip(), errors)
    if direction not in DIRECTIONS:
        errors["direction"] = "Choose one of the two."
    if not any(texts[field] for field in SHOWS_WHO):
        errors.setdefault("ip", "Enter at least one of address, name and ANI: nothing else says who is calling.")
    if errors:
        raise FieldErrors(errors)
    return m.Identify(
        id=request_id,
        direction=cast(Literal["orig", "term"], direction),
        dnis=dnis,
        port=port,
        name_verified=bool(entered.get("name_verified")),
        password=password,
        explain=True,
        ip=texts["ip"],
        protocol=texts["protocol"],
        name=texts["name"],
        ani=texts["ani"],
        gateway=texts["gateway"],
    )


def _port(text: str, errors: dict[str, str]) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535):
        errors["port"] = "Enter a number from 1 to 65535, or leave it empty where the port is not known."
        return 0
    return int(text)


async def show(request: Request) -> Response:
    """GET: the empty form, or the question in the URL and its answer."""
    entered = {field: request.query_params.get(field, "") for field in FIELDS}
    if not any(field in request.query_params for field in FIELDS):
        return await _page(request, entered)
    return await _answered(request, entered)


async def ask(request: Request) -> Response:
    """POST: with a password the answer itself, without one the way to its URL."""
    form = await request.form()
    entered = {field: form_text(form, field) for field in (*FIELDS, "password")}
    if not whose_call.may_ask(actor_of(request), entered["password"] or None):
        values = {"title": "Not allowed", "message": whose_call.NOT_YOU, "back": PATH}
        return render(request, "error.html", values, 403)
    if entered["password"]:
        return await _answered(request, entered)
    return RedirectResponse(f"{PATH}?{urlencode({field: entered[field] for field in FIELDS if entered[field]})}", 303)


async def _answered(request: Request, entered: Mapping[str, str]) -> Response:
    console = console_of(request)
    try:
        asked = question(entered, console.daemon.next_id())
        answer = await whose_call.ask_whose(console, actor_of(request), asked)
    except FieldErrors as wrong:
        return await _page(request, entered, errors=wrong.errors, status=422)
    except DaemonAwayError:
        return await _page(request, entered, away=True, status=503)
    return await _page(request, entered, answer=answer)


async def _page(
    request: Request,
    entered: Mapping[str, str],
    *,
    answer: m.DecisionAnswer | None = None,
    errors: Mapping[str, str] | None = None,
    away: bool = False,
    status: int = 200,
) -> Response:
    console = console_of(request)
    gateways = await options(console.database, "gateway")
    values: dict[str, Any] = {
        "entered": {**entered, "password": ""},  # it is not echoed
        "with_password": bool(entered.get("password")),
        "directions": DIRECTIONS,
        "gateways": gateways,
        "gateway_options": offered(gateways, entered["gateway"]),
        "errors": errors or {},
        "away": away,
        "answer": answer,
        "looked_at": (),
    }
    if answer is not None:
        values |= await _told(console, answer)
    return render(request, "whose/page.html", values, status)


def offered(gateways: Options, entered: str) -> list[tuple[str, str]]:
    """What can be chosen; also what the URL names and nobody knows, so that the form shows what was asked."""
    names = [option.name for option in gateways.options]
    return [(name, name) for name in (names if entered in ("", *names) else [*names, entered])]


async def _told(console: Console, answer: m.DecisionAnswer) -> dict[str, Any]:
    explain: Sequence[m.ExplainedAccount] = answer.explain or ()
    clients = {one.client_id for one in explain} | _set(answer.client_id)
    known = await references_of(
        console.database,
        {"client": clients, "rate_table": _set(answer.rate_table_id), "routing_plan": _set(answer.routing_plan_id)},
    )

    def name(kind: Kind, row_id: int | None) -> str:
        return "" if row_id is None else known.names.get((kind, row_id), f"#{row_id}")

    return {
        "reason": words_of(answer.reason) if answer.reason is not None else "",
        "owner": next((one for one in explain if one.verdict == "won"), None),
        "client": answer.client or name("client", answer.client_id),
        "rate_table": name("rate_table", answer.rate_table_id),
        "routing_plan": name("routing_plan", answer.routing_plan_id),
        "looked_at": [
            LookedAt(account=one, client=name("client", one.client_id), why=_capital(why(one))) for one in explain
        ],
    }


def _set(row_id: int | None) -> set[int]:
    return set() if row_id is None else {row_id}


def _capital(sentence: str) -> str:
    return f"{sentence[:1].upper()}{sentence[1:]}."


DOORS: tuple[Door, ...] = (
    Door("GET", PATH, "read", show),
    Door("POST", PATH, "read", ask),
)
