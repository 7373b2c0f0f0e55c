"""What stands before every door: who is asking, may they, and did the request come from our own page.

The order: the body's announced size, the actor, the permission, then for changes by people the Origin and the CSRF
token. A door without a permission is open, and what it does it checks itself.
"""

import hmac
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from console.context import console_of
from console.door import Actor, Door, form_text
from console.pages.render import render
from console.people.authentication import actor_of_key, actor_of_session

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"


async def pass_through(door: Door, request: Request) -> Response:
    """The answer of whoever is behind the door, or why it stays shut."""
    request.state.actor = None
    actor = await (actor_of_key if door.is_api else actor_of_session)(request)
    request.state.actor = actor
    if door.permission is not None:
        if actor is None:
            return _who_are_you(door, request)
        if not actor.may(door.permission):
            return _refused(door, request, f"the role {actor.role} may not do this")
    if actor is not None and actor.kind == "person" and door.method in UNSAFE:
        if request.headers.get("origin") != console_of(request).settings.console.origin:
            return _refused(door, request, "the request does not come from this console's own page")
        if not await _has_token(request, actor):
            return _refused(door, request, "the form is no longer valid: load the page again")
    return await door.handler(request)


async def _has_token(request: Request, actor: Actor) -> bool:
    token = request.headers.get(CSRF_HEADER)
    if token is None:
        token = form_text(await request.form(), CSRF_FIELD)
    return hmac.compare_digest(token.encode(), actor.csrf.encode())


def _who_are_you(door: Door, request: Request) -> Response:
    if door.is_api:
        return JSONResponse(
            {"error": "unauthorized", "message": "a key is needed: Authorization: Bearer …"},
            401,
            {"WWW-Authenticate": "Bearer"},
        )
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    suffix = f"?next={quote(target, safe='')}" if door.method == "GET" and target != "/" else ""
    return RedirectResponse(f"/login{suffix}", 303)


def _refused(door: Door, request: Request, reason: str) -> Response:
    if door.is_api:
        return JSONResponse({"error": "forbidden", "message": reason}, 403)
    return render(request, "error.html", {"title": "Not allowed", "message": reason}, 403)
