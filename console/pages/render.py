"""A template and values -> a page. Autoescape is on and an undefined name is an error; no page is cached.

Every template knows `actor` (or None), `csrf`, `may(permission)`, `path`, and `static(name)`, whose URL changes with
the file.
"""

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse

from console.door import Actor
from console.roles import Permission

FOLDER = Path(__file__).parent.parent
STATIC_FOLDER = FOLDER / "static"

templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@functools.cache
def static(name: str) -> str:
    """The URL of a file in `static/`; it has the file's hash in it, so browsers may keep it for ever."""
    digest = hashlib.sha256((STATIC_FOLDER / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


templates.globals["static"] = static


def render(
    request: Request,
    template: str,
    values: Mapping[str, Any],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """The page; `values` are the template's own."""
    actor: Actor | None = getattr(request.state, "actor", None)

    def may(permission: Permission) -> bool:
        return actor is not None and actor.may(permission)

    text = templates.get_template(template).render(
        {
            "actor": actor,
            "csrf": actor.csrf if actor is not None else "",
            "may": may,
            "path": request.url.path,
            "is_fragment": "hx-request" in request.headers and "hx-boosted" not in request.headers,
            **values,
        }
    )
    return HTMLResponse(text, status, {"Cache-Control": "no-store", **(headers or {})})
