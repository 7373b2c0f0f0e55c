"""A template and values -> a page. Autoescape is on and an undefined name is an error; no page is cached.

Every template knows `actor` (or None), `csrf`, `may(permission)`, `path`, `messages`, `is_fragment` (htmx puts it
into a page that is there), and `static(name)`, whose URL changes with the file. What a form has done is said on the
page after it: `redirect` puts the sentence into a cookie that the next page shows and removes.
"""

import base64
import binascii
import functools
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import jinja2
import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from console.door import Actor
from console.roles import Permission

FOLDER = Path(__file__).parent.parent
STATIC_FOLDER = FOLDER / "static"

Kind = Literal["done", "info", "warning", "error"]
Messages = tuple[tuple[Kind, str], ...]

COOKIE = "identd-said"
COOKIE_SECONDS = 60
COOKIE_BYTES_MAX = 3000
"""Browsers keep 4,096 bytes of a cookie, name and attributes included."""
NOT_IN_FORCE = "Saved. The daemon has not taken it over yet: calls are still judged by what was before."

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


def moment(at: datetime | float | None) -> str:
    """A moment as operators read it: UTC, to the second; "" for none. `at`: aware, or Unix seconds."""
    if at is None:
        return ""
    if not isinstance(at, datetime):
        at = datetime.fromtimestamp(at, UTC)
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


templates.globals["static"] = static
templates.filters["moment"] = moment


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

    messages = _messages(request, actor)
    text = templates.get_template(template).render(
        {
            "actor": actor,
            "csrf": actor.csrf if actor is not None else "",
            "may": may,
            "path": request.url.path,
            "messages": messages,
            "is_fragment": "hx-request" in request.headers and "hx-boosted" not in request.headers,
            **values,
        }
    )
    response = HTMLResponse(text, status, {"Cache-Control": "no-store", **(headers or {})})
    if messages:
        response.delete_cookie(COOKIE)
    return response


def redirect(
    request: Request, url: str, said: str = "", *, kind: Kind = "done", in_force: bool = True
) -> RedirectResponse:
    """To the page after a form, which shows what was said and, where calls do not go by it yet, that.

    `url`: a path of ours, not one that came with the request unchecked.
    """
    response = RedirectResponse(url, 303)
    messages: list[tuple[Kind, str]] = [(kind, said)] if said else []
    if not in_force:
        messages.append(("warning", NOT_IN_FORCE))
    actor: Actor | None = getattr(request.state, "actor", None)
    if messages and actor is not None:
        text = base64.urlsafe_b64encode(msgspec.json.encode(messages))
        if len(text) <= COOKIE_BYTES_MAX:
            response.set_cookie(
                COOKIE,
                f"{_signature(actor, text)}.{text.decode()}",
                max_age=COOKIE_SECONDS,
                httponly=True,
                samesite="strict",
                secure=request.url.scheme == "https",
            )
    return response


def _messages(request: Request, actor: Actor | None) -> Messages:
    """What the page before has to say; nothing where the cookie is not one that we made for this session."""
    signature, _, text = request.cookies.get(COOKIE, "").partition(".")
    if actor is None or not hmac.compare_digest(signature.encode(), _signature(actor, text.encode()).encode()):
        return ()
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text), type=Messages)
    except (msgspec.DecodeError, binascii.Error, ValueError):
        return ()


def _signature(actor: Actor, text: bytes) -> str:
    return hmac.new(actor.csrf.encode(), b"said\x00" + text, "sha256").hexdigest()
