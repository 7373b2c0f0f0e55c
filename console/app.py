"""All doors put together into one ASGI application, with what holds for every answer. No door is anywhere else."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, compile_path
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from console.api import DOORS as API_DOORS
from console.context import Console
from console.door import Door
from console.errors import BusyError, DatabaseAwayError, NotFoundError, SchemaError
from console.guard import pass_through
from console.hardening import Hardening
from console.pages import DOORS as PAGE_DOORS
from console.pages.render import STATIC_FOLDER, render
from console.people import DOORS as PEOPLE_DOORS
from console.people.authentication import actor_of_session
from console.transfer import DOORS as TRANSFER_DOORS

DOORS: tuple[Door, ...] = (*PEOPLE_DOORS, *PAGE_DOORS, *TRANSFER_DOORS, *API_DOORS)
"""Every way in, but for the files under /static."""

REFUSED: dict[int, str] = {
    400: "bad_request",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
    415: "unsupported_media_type",
}
"""What the frame or Starlette refuses before a handler sees it: status -> the word of the API."""

TITLES: dict[int, str] = {408: "Too slow", 413: "Too large"}
SENTENCES: dict[int, str] = {405: "This address does not take what was sent to it."}
"""Where Starlette's own words are none for people."""

BUSY_RETRY_SECONDS = "2"


def application(console: Console) -> ASGIApp:
    """The ASGI application of this console; its hardening is outermost, so that faults pass through it too."""
    app = Starlette(
        routes=[
            *(Route(door.path, _endpoint(door), methods=[door.method]) for door in DOORS),
            Mount("/static", StaticFiles(directory=STATIC_FOLDER)),
        ],
        exception_handlers={
            NotFoundError: _not_found,
            BusyError: _busy,
            SchemaError: _without_schema,
            DatabaseAwayError: _database_away,
            404: _no_such_page,
            HTTPException: _refused,
            Exception: _fault,
        },
    )
    app.state.console = console

    async def refuse(scope: Scope, status: int, error: str, title: str, message: str) -> Response:
        return await _said(Request({**scope, "app": app}), status, error, title, message)

    return Hardening(app, DOORS, console.settings.console, refuse)


def _endpoint(door: Door) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await pass_through(door, request)

    return endpoint


async def _said(request: Request, status: int, error: str, title: str, message: str) -> Response:
    if request.url.path.startswith("/api/"):
        headers = {"Retry-After": BUSY_RETRY_SECONDS} if status == 503 else None
        return JSONResponse({"error": error, "message": message}, status, headers)
    if not hasattr(request.state, "actor"):  # no door was reached: whoever is logged in keeps the way to the others
        request.state.actor = None
        with contextlib.suppress(DatabaseAwayError):
            request.state.actor = await actor_of_session(request)
    values = {"title": title, "message": message, "back": _form_of(request)}
    return render(request, "error.html", values, status)


def _form_of(request: Request) -> str:
    """The page of the form that was sent, "" where it has none."""
    path = request.url.path
    return path if request.method == "POST" and "GET" in _allowed(path) else ""


async def _not_found(request: Request, error: Any) -> Response:
    return await _said(request, 404, "not_found", "Not found", _sentence(f"{error}"))


async def _no_such_page(request: Request, _error: Any) -> Response:
    return await _said(request, 404, "not_found", "Not found", "There is nothing at this address.")


async def _refused(request: Request, error: Any) -> Response:
    word = REFUSED.get(error.status_code, "bad_request")
    message = SENTENCES.get(error.status_code, _sentence(f"{error.detail}"))
    response = await _said(request, error.status_code, word, TITLES.get(error.status_code, "Not possible"), message)
    response.headers.update(error.headers or {})
    if error.status_code == 405:  # Starlette names the methods of the first door there alone
        response.headers["Allow"] = ", ".join(_allowed(request.url.path))
    return response


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."


def _allowed(path: str) -> list[str]:
    """The methods of all doors at this path."""
    methods = {door.method for door in DOORS if compile_path(door.path)[0].match(path)}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


async def _busy(request: Request, error: Any) -> Response:
    status = 503 if request.url.path.startswith("/api/") else 409  # programs come again by themselves
    response = await _said(request, status, "busy", "Not possible at this moment", f"{error}")
    response.headers["Retry-After"] = BUSY_RETRY_SECONDS
    return response


async def _without_schema(request: Request, error: Any) -> Response:
    request.app.state.console.log.error("schema_missing", exception=error, path=_path_of(request))
    message = "Its tables are not those of this version of the console: run identd init-db, as the database's owner."
    return await _said(request, 503, "database_away", "The database is to be upgraded", message)


async def _database_away(request: Request, error: Any) -> Response:
    request.app.state.console.log.warning("database_away", error=str(error))
    return await _said(
        request,
        503,
        "database_away",
        "The database does not answer",
        "Look whether what you did is there before you do it again.",
    )


async def _fault(request: Request, error: Any) -> Response:
    request.app.state.console.log.error("fault", exception=error, method=request.method, path=_path_of(request))
    return await _said(
        request,
        500,
        "internal",
        "A fault of ours",
        "It is in the log of the console. Look whether what you did is there before you do it again.",
    )


def _path_of(request: Request) -> str:
    """The door's own path, for the log: what stands in its place in the URL may be a one-time link."""
    return getattr(request.scope.get("route"), "path", "")
