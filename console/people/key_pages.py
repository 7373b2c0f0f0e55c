"""The pages by which an admin makes and revokes keys of the API."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from console.context import console_of
from console.door import Door, actor_of, form_text
from console.errors import FieldErrors
from console.pages.render import redirect, render
from console.people.keys import keys, make_key, revoke_key
from console.roles import ROLES

BAD_DAY = "Write the last day as 2030-12-31, or leave it empty."


async def keys_page(request: Request) -> Response:
    """GET /people/keys"""
    return await _keys_page(request)


async def new_key(request: Request) -> Response:
    """POST /people/keys: the key is on the page that comes back, and nowhere afterwards."""
    console, form = console_of(request), await request.form()
    typed = {field: form_text(form, field).strip() for field in ("name", "role", "expires_at")}
    try:
        key = await make_key(
            console.database,
            typed["name"],
            typed["role"],
            actor=actor_of(request).name,
            now=console.wall(),
            expires_at=end_of_day(typed["expires_at"]),
        )
    except FieldErrors as wrong:
        return await _keys_page(request, typed, wrong.errors, 422)
    return render(request, "people/key.html", {"name": typed["name"], "role": typed["role"], "key": key})


async def revoke(request: Request) -> Response:
    """POST /people/keys/{key_id}/revoke"""
    console = console_of(request)
    await revoke_key(
        console.database, request.path_params["key_id"], actor=actor_of(request).name, now=console.wall()
    )
    return redirect(request, "/people/keys", "The key is revoked: it opens nothing any more.")


def end_of_day(text: str) -> float | None:
    """The end of a day, UTC, in Unix seconds; None for "". FieldErrors at `expires_at`."""
    if not text:
        return None
    try:
        day = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
        return (day + timedelta(days=1)).timestamp()
    except (ValueError, OverflowError):
        raise FieldErrors({"expires_at": BAD_DAY}) from None


async def _keys_page(
    request: Request,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    console = console_of(request)
    values = {
        "keys": await keys(console.database),
        "now": console.wall(),
        "role_options": [(role, role) for role in ROLES],
        "typed": typed or {"name": "", "role": "viewer", "expires_at": ""},
        "errors": errors or {},
    }
    return render(request, "people/keys.html", values, status)


DOORS: tuple[Door, ...] = (
    Door("GET", "/people/keys", "people", keys_page),
    Door("POST", "/people/keys", "people", new_key),
    Door("POST", "/people/keys/{key_id:int}/revoke", "people", revoke),
)
