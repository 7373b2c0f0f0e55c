"""One's own page: password, second factor, and where one is logged in."""

from collections.abc import Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from console.context import console_of
from console.door import Door, actor_of, form_text
from console.errors import FieldErrors
from console.pages.render import redirect, render
from console.people.cookies import set_session
from console.people.login import WRONG_CODE, WaitError, add_second_factor, change_password, remove_second_factor
from console.people.login_pages import visitor_of, wait_words
from console.people.passwords import CHARACTERS_MIN
from console.people.second_factor import is_secret, new_secret, qr_code
from console.people.sessions import Session, end_session, end_sessions, sessions_of
from console.people.store import person

Errors = Mapping[str, str]


async def own_page(request: Request) -> Response:
    """GET /me"""
    return await _own_page(request)


async def new_password(request: Request) -> Response:
    """POST /me/password"""
    form = await request.form()
    old, password, again = (form_text(form, field) for field in ("old", "password", "again"))
    try:
        session = await change_password(
            console_of(request), actor_of(request), old, password, again, visitor_of(request)
        )
    except FieldErrors as wrong:
        return await _own_page(request, wrong.errors, 422)
    except WaitError as wait:
        return await _own_page(request, *wait_words(wait))
    return _on_with(request, session, "Your password is changed. You are logged out everywhere else.")


async def second_factor_form(request: Request) -> Response:
    """GET /me/second-factor: a new secret, as a picture for the app and as text; or the way to do without."""
    return await _second_factor_page(request, new_secret())


async def second_factor(request: Request) -> Response:
    """POST /me/second-factor"""
    console, form = console_of(request), await request.form()
    secret, code = form_text(form, "secret"), form_text(form, "code")
    if not is_secret(secret) or console.keys.current is None:
        return await _second_factor_page(request, new_secret(), {"code": WRONG_CODE}, 422)
    try:
        session = await add_second_factor(
            console, actor_of(request), secret, code, form_text(form, "old"), visitor_of(request)
        )
    except FieldErrors as wrong:
        return await _second_factor_page(request, secret, wrong.errors, 422)
    except WaitError as wait:
        return await _second_factor_page(request, secret, *wait_words(wait))
    return _on_with(request, session, "From now on a login needs a code of your app.")


async def no_second_factor(request: Request) -> Response:
    """POST /me/second-factor/remove"""
    form = await request.form()
    try:
        await remove_second_factor(console_of(request), actor_of(request), form_text(form, "old"))
    except FieldErrors as wrong:
        return await _second_factor_page(request, new_secret(), wrong.errors, 422)
    except WaitError as wait:
        return await _second_factor_page(request, new_secret(), *wait_words(wait))
    return redirect(request, "/me", "Your password is enough again.")


async def end_one(request: Request) -> Response:
    """POST /me/sessions/{session_id}/end"""
    await end_session(console_of(request).database, actor_of(request).id, request.path_params["session_id"])
    return redirect(request, "/me", "That session is ended.")


async def end_others(request: Request) -> Response:
    """POST /me/sessions/end"""
    ended = await end_sessions(console_of(request).database, actor_of(request).id, but=request.state.session_id)
    return redirect(request, "/me", f"Sessions ended: {ended}. This one goes on.")


async def _own_page(
    request: Request, errors: Errors | None = None, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    console, actor = console_of(request), actor_of(request)
    values = {
        "person": await person(console.database, actor.id),
        "sessions": await sessions_of(console.database, actor.id, console.wall(), console.settings.console),
        "session_id": request.state.session_id,
        "errors": errors or {},
        "characters_min": CHARACTERS_MIN,
    }
    return render(request, "people/me.html", values, status, headers)


async def _second_factor_page(
    request: Request,
    secret: str,
    errors: Errors | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    console, actor = console_of(request), actor_of(request)
    values = {
        "person": await person(console.database, actor.id),
        "has_key": console.keys.current is not None,
        "secret": secret,
        "qr_code": qr_code(secret, actor.name),
        "errors": errors or {},
    }
    return render(request, "people/second_factor.html", values, status, headers)


def _on_with(request: Request, session: Session, said: str) -> Response:
    """Back to one's page under the new session; what is said there is signed with its token."""
    request.state.actor = msgspec.structs.replace(actor_of(request), csrf=session.csrf)
    response = redirect(request, "/me", said)
    set_session(response, session)
    return response


DOORS: tuple[Door, ...] = (
    Door("GET", "/me", "own", own_page),
    Door("POST", "/me/password", "own", new_password),
    Door("GET", "/me/second-factor", "own", second_factor_form),
    Door("POST", "/me/second-factor", "own", second_factor),
    Door("POST", "/me/second-factor/remove", "own", no_second_factor),
    Door("POST", "/me/sessions/end", "own", end_others),
    Door("POST", "/me/sessions/{session_id:int}/end", "own", end_one),
)
