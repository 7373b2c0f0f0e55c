"""Accounts: the same filters, fields, checks and statements as the pages. What differs is JSON.

`?dry_run=true` does the change in a transaction that is rolled back, so everything that could be refused is, and
answers with what it would do to the calls of this account and of its neighbours.
"""

import contextlib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import msgspec
import trio
from starlette.requests import Request
from starlette.responses import Response

from console.api.answers import API, Listing, one, page_links, response_of, shown
from console.api.answers import Shown as Answer
from console.api.bodies import declared, json_object
from console.api.entries import AccountNew, AccountPatch
from console.api.operation import Operation, changing, id_of, parameters_of
from console.api.parameters import PAGING, Id, Parameter, Text, sorting
from console.api.preconditions import Tags, check_edited, required_tags
from console.context import console_of
from console.database import Transaction
from console.door import actor_of
from console.errors import DaemonAwayError
from console.live_calls import calls_up_of
from console.objects.account import Account, AccountDraft, PasswordChange
from console.objects.account_fields import changes, read_values, remarks
from console.objects.effect import Effect, effect_of
from console.objects.field_values import Json
from console.objects.listing import AccountRow
from console.objects.listing_query import read_query
from console.objects.password_fields import has_password_after, read_password_values
from console.store.accounts import (
    create_account,
    deactivate,
    delete_account,
    get_account,
    update_account,
)
from console.store.listing import list_accounts
from console.store.neighbours import neighbours

PATH = f"{API}/accounts"

FILTERS: tuple[Parameter, ...] = (
    Parameter("q", Text, "Quick search: an id, part of a name, login, ANI or client's name, or an address."),
    Parameter("ident", Text, "Name / ANI / IP: networks that cover the address, or part of a name or ANI."),
    Parameter("tech_prefix", Text, "Begins with it."),
    Parameter("orig", bool, "Originator Settings are on, or off."),
    Parameter("orig_rate_table_id", Id, "Its own, as originator."),
    Parameter("routing_plan_id", Id, "Its own."),
    Parameter("orig_tags", Text, "All of them, divided by commas or given several times.", several=True),
    Parameter("term", bool, "Terminator Settings are on, or off."),
    Parameter("term_rate_table_id", Id, "Its own, as terminator."),
    Parameter("term_tags", Text, "All of them, divided by commas or given several times.", several=True),
    Parameter("client_type", Text, "Of its client, exactly."),
    Parameter("client", Text, "Part of the name of its client."),
    Parameter("client_id", Id, "Its client."),
    Parameter("gateway_id", Id, "Bound to this gateway."),
    Parameter("state", Literal["on", "off", "blocked"], "On in a direction; in none; it or its client blocked."),
)
DRY_RUN = Parameter("dry_run", bool, "Change nothing: answer 200 with what it would do.")


class AccountListing(Listing[AccountRow], frozen=True, kw_only=True):
    """`has_more`: more than `total` were found; `is_sorted`: false where too many were found to sort in time."""

    has_more: bool
    is_sorted: bool


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """A field that would change, as forms show it; "" where nothing is set."""

    label: str
    before: str
    after: str


class Foretold(msgspec.Struct, frozen=True, kw_only=True):
    """What a change would do. `remarks`: what is taken and means something else than it seems, by field."""

    differences: tuple[FieldChange, ...]
    remarks: dict[str, str]
    effect: Effect


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """An account that is gone, and what came of it: `amount` went back to the client's balance."""

    id: int
    name: str
    client_id: int
    client: str
    amount: Decimal
    balance: Decimal
    balance_after: Decimal
    days: int
    first_day: date | None
    last_day: date | None
    calls: int
    seconds: int


class _UndoneError(Exception):
    """Ends the transaction of a dry run."""


async def show_list(request: Request) -> Response:
    """GET /accounts"""
    wanted, paging = read_query(request.query_params.multi_items(), strict=True)
    page = await list_accounts(console_of(request).database, wanted, paging)
    listing = AccountListing(
        items=page.rows,
        total=page.total,
        page=page.paging.page,
        size=page.paging.size,
        has_more=page.has_more,
        is_sorted=page.is_sorted,
    )
    return response_of(shown(listing, headers=page_links(request, listing.page, listing.size, listing.total)))


async def show(request: Request) -> Response:
    """GET /accounts/{id}"""
    return one(request, await get_account(console_of(request).database, id_of(request)))


async def create(request: Request) -> Response:
    """POST /accounts"""
    console = console_of(request)
    values = await json_object(request)
    draft = read_values(values)
    password = read_password_values(values, draft)
    declared(values, AccountNew)

    async def work(tx: Transaction) -> Answer:
        account_id = await create_account(tx, draft, password, console.keys)
        account = await get_account(tx, account_id)
        return shown(account, 201, {"Location": f"{PATH}/{account_id}"})

    if parameters_of(request).get("dry_run"):
        return await _foretold(request, values, draft, password, None, work)
    return await changing(request, work)


async def patch(request: Request) -> Response:
    """PATCH /accounts/{id}"""
    console, account_id = console_of(request), id_of(request)
    tags = required_tags(request.headers)
    values = await json_object(request)
    declared(values, AccountPatch)

    def wished(before: Account) -> tuple[AccountDraft, PasswordChange]:
        check_edited(tags, "account", account_id, before.etag)
        draft = read_values(values, before=before)
        return draft, read_password_values(values, draft)

    async def work(tx: Transaction) -> Answer:
        before = await get_account(tx, account_id)
        draft, password = wished(before)
        return shown(await update_account(tx, account_id, draft, password, console.keys, before.etag))

    if parameters_of(request).get("dry_run"):
        before = await get_account(console.database, account_id)
        return await _foretold(request, values, *wished(before), before, work)
    return await changing(request, work, tags=tags)


async def turn_off(request: Request) -> Response:
    """POST /accounts/{id}/deactivate"""
    account_id, tags = id_of(request), required_tags(request.headers)

    async def work(tx: Transaction) -> Answer:
        return shown(await deactivate(tx, account_id, await _etag_read(tx, account_id, tags)))

    return await changing(request, work, tags=tags)


async def delete(request: Request) -> Response:
    """DELETE /accounts/{id}"""
    account_id, tags = id_of(request), required_tags(request.headers)

    async def work(tx: Transaction) -> Answer:
        etag = await _etag_read(tx, account_id, tags)
        gone, figures = await delete_account(tx, account_id, etag)
        values: dict[str, Any] = msgspec.structs.asdict(figures)
        return shown(Refund(id=gone.id, name=gone.name, client_id=gone.client_id, client=gone.client, **values))

    return await changing(request, work, tags=tags)


async def _etag_read(tx: Transaction, account_id: int, tags: Tags) -> str:
    """The etag of now, which is one of those that were sent."""
    etag = (await get_account(tx, account_id)).etag
    check_edited(tags, "account", account_id, etag)
    return etag


async def _foretold(
    request: Request,
    values: Mapping[str, Json],
    draft: AccountDraft,
    password: PasswordChange,
    before: Account | None,
    work: Any,
) -> Response:
    console = console_of(request)
    account_id = None if before is None else before.id
    around = await neighbours(console.database, draft, account_id)
    calls_up = None
    if before is not None:
        with contextlib.suppress(DaemonAwayError):
            calls_up = await calls_up_of(console.daemon, before.id)
    has_password = has_password_after(password, had=before is not None and before.has_password)
    try:
        async with console.database.transaction(actor_of(request).name) as tx:
            await work(tx)
            raise _UndoneError
    except _UndoneError:
        pass
    effect = await trio.to_thread.run_sync(
        lambda: effect_of(draft, around, console.wall(), has_password=has_password, calls_up=calls_up)
    )
    differences = () if before is None else changes(before, draft)
    foretold = Foretold(
        differences=tuple(FieldChange(label=d.label, before=d.before, after=d.after) for d in differences),
        remarks=remarks(values),
        effect=effect,
    )
    return response_of(shown(foretold))


_ONE = f"{PATH}/{{id:int}}"

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        name="list_accounts",
        method="GET",
        path=PATH,
        permission="read",
        handler=show_list,
        tag="accounts",
        summary="A page of the accounts that fulfil all filters.",
        parameters=(*FILTERS, *PAGING, sorting("id", "client", "name", "ident", "tech_prefix")),
        answers={200: AccountListing},
        links=True,
    ),
    Operation(
        name="create_account",
        method="POST",
        path=PATH,
        permission="edit",
        handler=create,
        tag="accounts",
        summary="Create an account.",
        parameters=(DRY_RUN,),
        body=AccountNew,
        answers={201: Account, 200: Foretold},
        etag=True,
        once=True,
        writes=True,
    ),
    Operation(
        name="get_account",
        method="GET",
        path=_ONE,
        permission="read",
        handler=show,
        tag="accounts",
        summary="One account.",
        answers={200: Account, 304: None},
        etag=True,
    ),
    Operation(
        name="update_account",
        method="PATCH",
        path=_ONE,
        permission="edit",
        handler=patch,
        tag="accounts",
        summary="Change what is sent, leave the rest (JSON merge patch).",
        parameters=(DRY_RUN,),
        body=AccountPatch,
        answers={200: (Account, Foretold)},
        etag=True,
        if_match=True,
        writes=True,
    ),
    Operation(
        name="deactivate_account",
        method="POST",
        path=f"{_ONE}/deactivate",
        permission="edit",
        handler=turn_off,
        tag="accounts",
        summary="Off in both directions: better than deleting, for nothing is lost, and calls that are up go on.",
        answers={200: Account},
        etag=True,
        if_match=True,
        once=True,
        writes=True,
    ),
    Operation(
        name="delete_account",
        method="DELETE",
        path=_ONE,
        permission="delete",
        handler=delete,
        tag="accounts",
        summary="Delete an account: its statistics go, and what was charged goes back to the client's balance.",
        answers={200: Refund},
        if_match=True,
        writes=True,
    ),
)
