"""What stands before every door: who is asking, may they, and did the request come from our own page.

The order: the actor, the permission, then for every change through a page the Origin, and the CSRF token of the
person's session. A door without a permission is open; its changes need the Origin all the same, so that no other
site can log somebody in. The API knows keys only: a browser sends none by itself, so it needs neither.
"""

import hmac
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import Message, Receive

from console.context import console_of
from console.door import Actor, Door, form_text
from console.form_token import first_field, is_multipart, is_pending
from console.objects.row_id import ID_MAX
from console.pages.render import render
from console.people.authentication import actor_of_key, actor_of_session

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"

NOT_OURS = "the request does not come from this console's own page"
STALE = "the form is no longer valid: load the page again"


async def pass_through(door: Door, request: Request) -> Response:
    """The answer of whoever is behind the door, or why it stays shut."""
    if any(isinstance(value, int) and value > ID_MAX for value in request.path_params.values()):
        raise HTTPException(404)  # the id of nothing
    request.state.actor = None
    actor = await (actor_of_key if door.is_api else actor_of_session)(request)
    request.state.actor = actor
    if door.permission is not None:
        if actor is None:
            return _who_are_you(door, request)
        if not actor.may(door.permission):
            return _refused(door, request, f"the role {actor.role} may not do this")
    if door.method in UNSAFE and not door.is_api:
        if not _is_our_page(request):
            return _refused(door, request, NOT_OURS)
        if actor is not None and door.permission is not None:
            passed = await _with_token(request, actor)
            if passed is None:
                return _refused(door, request, STALE)
            request = passed
    try:
        return await door.handler(request)
    finally:
        await request.close()  # files of a form that nobody asked for are gone with it


def _is_our_page(request: Request) -> bool:
    """Browsers say the Origin with every POST and cannot be made to lie; without one it is no form of ours."""
    return (
        request.headers.get("origin") == console_of(request).settings.console.origin
        and request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
    )


async def _with_token(request: Request, actor: Actor) -> Request | None:
    """The request to go on with, where it carries this session's token: in the header, or in the form."""
    token = request.headers.get(CSRF_HEADER)
    if token is not None:
        return request if _is_right(token.encode("utf-8", "surrogatepass"), actor) else None
    content_type = request.headers.get("content-type", "")
    if not is_multipart(content_type):
        value = form_text(await request.form(), CSRF_FIELD)
        return request if _is_right(value.encode("utf-8", "surrogatepass"), actor) else None
    seen: list[Message] = []
    body = b""
    while True:
        message = await request.receive()
        seen.append(message)
        body += message.get("body", b"")
        if not message.get("more_body", False) or not is_pending(content_type, body):
            break
    value_seen = first_field(content_type, body, CSRF_FIELD)
    if value_seen is None or not _is_right(value_seen, actor):
        return None
    return Request(request.scope, _replayed(seen, request.receive))


def _replayed(seen: list[Message], receive: Receive) -> Receive:
    """What was read already, then what comes."""

    async def receive_again() -> Message:
        return seen.pop(0) if seen else await receive()

    return receive_again


def _is_right(token: bytes, actor: Actor) -> bool:
    return actor.csrf != "" and hmac.compare_digest(token, actor.csrf.encode())


def _who_are_you(door: Door, request: Request) -> Response:
    if door.is_api:
        return JSONResponse(
            {"error": "unauthorized", "message": "a key is needed: Authorization: Bearer …"},
            401,
            {"WWW-Authenticate": "Bearer"},
        )
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    suffix = f"?next={quote(target, safe='')}" if door.method == "GET" and target != "/" else ""
    if "hx-request" in request.headers:  # htmx would put the login page where a piece of the page belongs
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    return RedirectResponse(f"/login{suffix}", 303)


def _refused(door: Door, request: Request, reason: str) -> Response:
    if door.is_api:
        return JSONResponse({"error": "forbidden", "message": reason}, 403)
    return render(
        request, "error.html", {"title": "Not allowed", "message": reason[0].upper() + reason[1:] + "."}, 403
    )
