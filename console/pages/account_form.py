"""The account form: the article's three blocks, what a change would do before it is saved, OK and Apply.

A form that comes back has what was typed. Somebody else's change in between is shown beside one's own (ChangedError),
and the operator decides.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from console.context import Console, console_of
from console.door import Door, actor_of, form_text
from console.errors import ChangedError, FieldErrors, NotFoundError
from console.objects.account import Account
from console.objects.account_fields import (
    BLOCKS,
    FIELDS,
    PASSWORD_NAMES,
    Difference,
    by_name,
    changes,
    read_text,
    remarks,
    to_text,
    typed,
)
from console.objects.divided import divided
from console.objects.password_fields import read_password
from console.objects.references import Kind, Option
from console.pages.account_effect import Judged, judge
from console.pages.accounts import table_url
from console.pages.render import redirect, render
from console.store.accounts import create_account, get_account, reveal_password, update_account
from console.store.references import options, resolve, suggest_clients

PASSWORD_BYTES = 15
"""Of a generated password: 120 bits, 20 characters that no switch has to quote."""
SUGGESTIONS_MAX = 20
ON = ("on", "yes", "true", "1")
LABELS = {
    **{field.name: field.full_label for field in FIELDS},
    "password": "Password",
    "password_keep": "Password: keep it",
    "password_realms": "Password: realms",
    "password_remove": "Password: remove it",
}
NEW: Mapping[str, str] = {
    "ident_by": "ip",
    "strip_tech_prefix": "yes",
    "status": "active",
    "orig_enabled": "yes",
}
"""What a new account begins with."""


class Choices(NamedTuple):
    """What a field can be chosen from; `more`: too many for a list, so names are typed."""

    options: tuple[Option, ...]
    more: bool

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """As `<option>`s: the name, or the id where a name would not come back as it went."""
        return [(o.name if o.name == o.name.strip() else o.value, o.name) for o in self.options]


class Entry(NamedTuple):
    """What the form holds, and what is to be said of it."""

    account: Account | None
    values: Mapping[str, str]
    etag: str
    back: str
    errors: Mapping[str, str] = {}
    judged: Judged | None = None
    conflict: list[Difference] | None = None
    revealed: str | bool | None = None
    generated: bool = False


async def new(request: Request) -> Response:
    """GET /accounts/new?client=NAME&from=ID: an empty form, or one filled in from an account that is there."""
    console = console_of(request)
    back = request.query_params.get("back", "")
    source = request.query_params.get("from", "")
    values = {**NEW, "client": await _client_name(console, request.query_params.get("client", ""))}
    if source:
        like = await get_account(console.database, _typed_id(source))
        values = {**to_text(like, zone=False), "name": f"{like.name} (copy)"}
    return await _page(request, Entry(None, _with_keep(console, values), "", back))


async def edit(request: Request) -> Response:
    """GET /accounts/{account_id}/edit: the account as it is; to look at for those who may not edit."""
    console = console_of(request)
    account = await get_account(console.database, request.path_params["account_id"])
    values = _with_keep(console, to_text(account, zone=False))
    return await _page(request, Entry(account, values, account.etag, request.query_params.get("back", "")))


async def submit(request: Request) -> Response:
    """POST /accounts/new and /accounts/{account_id}/edit. `do`: ok, apply, check or generate."""
    console = console_of(request)
    entry = await _entered(request, request.path_params.get("account_id"))
    do = form_text(await request.form(), "do")
    if do == "check":
        return await _page(request, entry._replace(judged=await judge(console, entry.values, entry.account)))
    if do == "generate":
        values = {**entry.values, "password": secrets.token_urlsafe(PASSWORD_BYTES)}
        return await _page(request, entry._replace(values=values, generated=True))
    references = await resolve(console.database, [entry.values])
    before = entry.account
    try:
        draft = read_text(entry.values, references, before=before)
        password = read_password(entry.values, draft)
    except FieldErrors as wrong:
        return await _page(request, entry._replace(errors=wrong.errors), 422)
    try:
        async with console.database.transaction(actor_of(request).name) as tx:
            if before is None:
                account_id = await create_account(tx, draft, password, console.keys)
            else:
                account_id = before.id
                await update_account(tx, account_id, draft, password, console.keys, entry.etag)
    except FieldErrors as wrong:
        return await _page(request, entry._replace(errors=by_name(wrong).errors), 422)
    except ChangedError:
        # what is there now is read again: it may have changed once more
        now = await get_account(console.database, request.path_params["account_id"])
        conflict = changes(now, draft, references)
        return await _page(request, entry._replace(account=now, etag=now.etag, conflict=conflict), 409)
    in_force = await console.daemon.in_force(tx.xid)
    said = f"Account {draft.name} is {'created' if before is None else 'saved'}."
    if do == "apply":
        suffix = _back_suffix(entry.back)
        return redirect(request, f"/accounts/{account_id}/edit{suffix}", said, in_force=in_force)
    return redirect(request, table_url(entry.back), said, in_force=in_force)


async def check(request: Request) -> Response:
    """POST /accounts/check: the fragment that says what a change would do, while it is being typed."""
    console = console_of(request)
    typed_id = form_text(await request.form(), "id")
    entry = await _entered(request, _typed_id(typed_id) if typed_id else None)
    judged = await judge(console, entry.values, entry.account)
    return render(request, "accounts/effect.html", {"judged": judged, "labels": LABELS})


async def show_password(request: Request) -> Response:
    """POST /accounts/{account_id}/password: the stored password on the page, this once; audited."""
    console = console_of(request)
    account_id = request.path_params["account_id"]
    async with console.database.transaction(actor_of(request).name) as tx:
        text = await reveal_password(tx, account_id, console.keys)
    revealed = False if text is None else text
    if "hx-request" in request.headers:
        return render(request, "accounts/revealed.html", {"revealed": revealed})
    entry = await _entered(request, account_id)
    if "name" not in entry.values and entry.account is not None:  # asked for by itself, without the form
        entry = entry._replace(
            values=_with_keep(console, to_text(entry.account, zone=False)), etag=entry.account.etag
        )
    return await _page(request, entry._replace(revealed=revealed))


async def suggest(request: Request) -> Response:
    """GET /clients/suggest?q=…: `<option>`s of clients whose name has this in it."""
    query = request.query_params
    found = await suggest_clients(
        console_of(request).database, query.get("q") or query.get("client", ""), SUGGESTIONS_MAX
    )
    return render(request, "accounts/suggestions.html", {"options": found})


async def _entered(request: Request, account_id: int | None) -> Entry:
    """What was posted, over the account as it is now."""
    console = console_of(request)
    form = await request.form()
    account = None if account_id is None else await get_account(console.database, account_id)
    values = typed((name, text) for name, text in form.multi_items() if isinstance(text, str))
    return Entry(account, values, form_text(form, "etag"), form_text(form, "back"))


async def _page(request: Request, entry: Entry, status: int = 200) -> HTMLResponse:
    console = console_of(request)
    account = entry.account
    kinds: tuple[Kind, ...] = ("rate_table", "routing_plan", "gateway")
    choices = {kind: Choices(*_fields_of(await options(console.database, kind))) for kind in kinds}
    return render(
        request,
        "accounts/form.html",
        {
            **entry._asdict(),
            "action": "/accounts/new" if account is None else f"/accounts/{account.id}/edit",
            "back_url": table_url(entry.back),
            "back_suffix": _back_suffix(entry.back),
            "blocks": {block: [field for field in FIELDS if field.block == block] for block in BLOCKS},
            "choices": choices,
            "chosen_gateways": set(divided(entry.values.get("gateways", ""))),
            "labels": LABELS,
            "remarks": remarks(entry.values),
            "on_words": ON,
            "password_names": PASSWORD_NAMES,
            "can_seal": console.keys.current is not None,
        },
        status,
    )


def _fields_of(found: Any) -> tuple[tuple[Option, ...], bool]:
    return found.options, found.more


def _back_suffix(back: str) -> str:
    return f"?{urlencode({'back': back})}" if back else ""


def _with_keep(console: Console, values: Mapping[str, str]) -> dict[str, str]:
    """A password is kept so that it can be shown again, where there is a key, unless one says otherwise."""
    return {**values, "password_keep": "on"} if console.keys.current is not None else dict(values)


def _typed_id(text: str) -> int:
    """The id of an account that a form or a link names; what is none is nobody's."""
    if not re.fullmatch(r"[0-9]{1,19}", text):
        raise NotFoundError("account", text[:20])
    return int(text)


async def _client_name(console: Console, typed_name: str) -> str:
    """`#12` as the name of that client; a name as it is."""
    names = (await resolve(console.database, [{"client": typed_name}])).names
    return next(iter(names.values()), typed_name)


DOORS: tuple[Door, ...] = (
    Door("GET", "/accounts/new", "edit", new),
    Door("POST", "/accounts/new", "edit", submit),
    Door("POST", "/accounts/check", "edit", check),
    Door("GET", "/accounts/{account_id:int}/edit", "read", edit),
    Door("POST", "/accounts/{account_id:int}/edit", "edit", submit),
    Door("POST", "/accounts/{account_id:int}/password", "reveal", show_password),
    Door("GET", "/clients/suggest", "read", suggest),
)
