"""The pages before one is somebody: login, and the one-time link by which a password is set. And the way out."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from console.context import console_of
from console.door import Door, actor_of, form_text
from console.errors import FieldErrors, NotFoundError
from console.pages.render import render
from console.people.cookies import remove_session, set_session
from console.people.local_path import local_path
from console.people.login import Visitor, WaitError, link_is_for, log_in, log_out, use_link
from console.people.origin_address import address_of
from console.people.passwords import CHARACTERS_MIN
from console.people.sessions import end_session

LOGIN_BYTES_MAX = 16_384
"""Whoever is nobody yet may send this much: a name, a password of 1,024 bytes, each as %XX, and `next`."""


def visitor_of(request: Request) -> Visitor:
    """Where the request comes from, as the list of sessions and the audit log say it."""
    return Visitor(address_of(request), request.headers.get("user-agent", ""))


def wait_words(wait: WaitError) -> tuple[dict[str, str], int, dict[str, str]]:
    """Errors, status and headers of a page that says to wait."""
    unit = "second" if wait.seconds == 1 else "seconds"
    return (
        {"": f"Too many wrong tries. Wait {wait.seconds} {unit}, then try again: until then none is looked at."},
        429,
        {"Retry-After": str(wait.seconds)},
    )


async def login_form(request: Request) -> Response:
    """GET /login"""
    target = local_path(request.query_params.get("next", ""))
    if request.state.actor is not None:
        return RedirectResponse(target, 303)
    if request.headers.get("sec-fetch-site") == "cross-site":
        # A strict cookie is not sent where a link of another site led here; from a page of ours it is.
        return render(request, "people/once_more.html", {"target": request.url.path, "query": request.url.query})
    return _login_page(request, target)


async def login(request: Request) -> Response:
    """POST /login"""
    form = await request.form()
    target = local_path(form_text(form, "next"))
    name = form_text(form, "name")
    console = console_of(request)
    try:
        session = await log_in(
            console, name, form_text(form, "password"), form_text(form, "code"), visitor_of(request)
        )
    except FieldErrors as wrong:
        return _login_page(request, target, name, wrong.errors, 422)
    except WaitError as wait:
        return _login_page(request, target, name, *wait_words(wait))
    if request.state.actor is not None:  # somebody was logged in here: that session ends with this login
        await end_session(console.database, request.state.actor.id, request.state.session_id)
    response = RedirectResponse(target, 303)
    set_session(response, session)
    return response


async def logout(request: Request) -> Response:
    """POST /logout"""
    await log_out(console_of(request), actor_of(request), request.state.session_id)
    response = RedirectResponse("/login", 303)
    remove_session(response)
    return response


async def welcome_form(request: Request) -> Response:
    """GET /welcome/{token}: looking uses nothing up, because mail programs and chats look first."""
    name = await link_is_for(console_of(request), request.path_params["token"])
    return _no_link(request) if name is None else _welcome_page(request, name)


async def welcome(request: Request) -> Response:
    """POST /welcome/{token}"""
    console, token = console_of(request), request.path_params["token"]
    name = await link_is_for(console, token)
    if name is None:
        return _no_link(request)
    form = await request.form()
    try:
        session = await use_link(
            console, token, form_text(form, "password"), form_text(form, "again"), visitor_of(request)
        )
    except FieldErrors as wrong:
        return _welcome_page(request, name, wrong.errors, 422)
    except NotFoundError:
        return _no_link(request)
    response = RedirectResponse("/", 303)
    set_session(response, session)
    return response


def _login_page(
    request: Request,
    target: str,
    name: str = "",
    errors: Mapping[str, str] | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    values = {"target": target, "name": name, "errors": errors or {}}
    return render(request, "people/login.html", values, status, headers)


def _welcome_page(
    request: Request, name: str, errors: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    values = {"name": name, "errors": errors or {}, "characters_min": CHARACTERS_MIN}
    return render(request, "people/welcome.html", values, status)


def _no_link(request: Request) -> Response:
    message = (
        "This link was used already, is older than a day, or was replaced by a newer one. Ask whoever gave it to you"
        " for another."
    )
    return render(request, "error.html", {"title": "The link is no longer good", "message": message}, 404)


DOORS: tuple[Door, ...] = (
    Door("GET", "/login", None, login_form),
    Door("POST", "/login", None, login, LOGIN_BYTES_MAX),
    Door("POST", "/logout", "own", logout),
    Door("GET", "/welcome/{token}", None, welcome_form),
    Door("POST", "/welcome/{token}", None, welcome, LOGIN_BYTES_MAX),
)
