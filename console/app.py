"""All doors put together into one ASGI application, with what holds for every answer. No door is anywhere else."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from console.api import DOORS as API_DOORS
from console.context import Console
from console.door import Door
from console.errors import DatabaseAwayError, NotFoundError
from console.guard import pass_through
from console.hardening import Hardening
from console.pages import DOORS as PAGE_DOORS
from console.pages.render import STATIC_FOLDER, render
from console.people import DOORS as PEOPLE_DOORS
from console.transfer import DOORS as TRANSFER_DOORS

DOORS: tuple[Door, ...] = (*PEOPLE_DOORS, *PAGE_DOORS, *TRANSFER_DOORS, *API_DOORS)
"""Every way in, but for the files under /static."""


def application(console: Console) -> Starlette:
    """The ASGI application of this console."""
    app = Starlette(
        routes=[
            *(Route(door.path, _endpoint(door), methods=[door.method]) for door in DOORS),
            Mount("/static", StaticFiles(directory=STATIC_FOLDER)),
        ],
        middleware=[Middleware(Hardening, doors=DOORS, settings=console.settings.console)],
        exception_handlers={
            NotFoundError: _not_found,
            DatabaseAwayError: _database_away,
            404: _no_such_page,
            Exception: _fault,
        },
    )
    app.state.console = console
    return app


def _endpoint(door: Door) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await pass_through(door, request)

    return endpoint


def _said(request: Request, status: int, error: str, title: str, message: str) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": error, "message": message}, status)
    return render(request, "error.html", {"title": title, "message": message}, status)


async def _not_found(request: Request, error: Any) -> Response:
    return _said(request, 404, "not_found", "Not found", f"{error}")


async def _no_such_page(request: Request, _error: Any) -> Response:
    return _said(request, 404, "not_found", "Not found", "There is nothing at this address.")


async def _database_away(request: Request, error: Any) -> Response:
    request.app.state.console.log.warning("database_away", error=str(error))
    return _said(
        request, 503, "database_away", "The database does not answer", "Nothing was changed. Try again in a moment."
    )


async def _fault(request: Request, error: Any) -> Response:
    request.app.state.console.log.error("fault", exception=error, method=request.method, path=request.url.path)
    return _said(request, 500, "internal", "A fault of ours", "It is in the log of the console. Nothing was changed.")
