"""Taking an account out of use: deactivate, which the article recommends, and delete, which says what it does first.

Deleting asks for the account's name to be typed: it gives money back and removes what billing has counted.
"""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from console.context import console_of
from console.door import Door, actor_of, form_text
from console.errors import ChangedError, DaemonAwayError
from console.objects.account import Account
from console.pages.accounts import table_url
from console.pages.drawn_fields import money
from console.pages.live import usage_of
from console.pages.render import redirect, render
from console.store.accounts import deactivate, delete_account, delete_figures, get_account

CHANGED = "Somebody else changed this account in the meantime. Look at it again: below is what is there now."


async def ask(request: Request) -> Response:
    """GET /accounts/{account_id}/delete: what it would do, with this account's figures."""
    back = request.query_params.get("back", "")
    return await _page(request, await get_account(console_of(request).database, _id(request)), back)


async def delete(request: Request) -> Response:
    """POST /accounts/{account_id}/delete: with the account's name in `confirm` and the etag of the page."""
    console = console_of(request)
    form = await request.form()
    back = form_text(form, "back")
    account = await get_account(console.database, _id(request))
    if form_text(form, "confirm").strip() != account.name.strip():
        errors = {"confirm": f"Type the account's name, {account.name}, to delete it"}
        return await _page(request, account, back, errors=errors, typed=form_text(form, "confirm"))
    try:
        async with console.database.transaction(actor_of(request).name) as tx:
            _, figures = await delete_account(tx, account.id, form_text(form, "etag"))
    except ChangedError:
        return await _page(request, await get_account(console.database, account.id), back, warning=CHANGED)
    in_force = await console.daemon.in_force(tx.xid)
    said = f"Account {account.name} is deleted."
    if figures.amount:
        way = "went back to" if figures.amount > 0 else "was taken from"
        said += f" {money(abs(figures.amount))} {way} the balance of {account.client}."
    return redirect(request, table_url(back), said, in_force=in_force)


async def turn_off(request: Request) -> Response:
    """POST /accounts/{account_id}/deactivate: both directions off, nothing else."""
    console = console_of(request)
    form = await request.form()
    back = form_text(form, "back")
    try:
        async with console.database.transaction(actor_of(request).name) as tx:
            account = await deactivate(tx, _id(request), form_text(form, "etag"))
    except ChangedError:
        return await _page(request, await get_account(console.database, _id(request)), back, warning=CHANGED)
    in_force = await console.daemon.in_force(tx.xid)
    said = f"Account {account.name} is off in both directions. Calls that are up go on."
    return redirect(request, table_url(back), said, in_force=in_force)


async def _page(
    request: Request,
    account: Account,
    back: str,
    *,
    errors: Mapping[str, str] | None = None,
    typed: str = "",
    warning: str = "",
) -> Response:
    console = console_of(request)
    values: dict[str, Any] = {
        "account": account,
        "figures": await delete_figures(console.database, account.id),
        "calls": None,
        "back": back,
        "back_url": table_url(back),
        "errors": errors or {},
        "typed": typed,
        "warning": warning,
    }
    try:
        usage = (await usage_of(console.daemon, [account.id])).get(account.id)
        values["calls"] = 0 if usage is None else usage.orig + usage.term
    except DaemonAwayError:
        pass  # the page says that nobody knows
    return render(request, "accounts/delete.html", values, 422 if errors else 409 if warning else 200)


def _id(request: Request) -> int:
    account_id: int = request.path_params["account_id"]
    return account_id


DOORS: tuple[Door, ...] = (
    Door("GET", "/accounts/{account_id:int}/delete", "delete", ask),
    Door("POST", "/accounts/{account_id:int}/delete", "delete", delete),
    Door("POST", "/accounts/{account_id:int}/deactivate", "edit", turn_off),
)
