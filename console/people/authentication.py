"""Who a request is from: the person whose session its cookie names, or the key that it carries.

Nothing is decided here; that is the guard's.
"""

from starlette.requests import Request

from console.context import console_of
from console.door import Actor
from console.people.keys import find_key
from console.people.sessions import COOKIE, find_session
from console.people.tokens import csrf_of

POLL_HEADER = "x-poll"
POLL_FIELD = "poll"
"""In what a page asks by itself: the header with script, the field of the URL without."""
_SCHEME = "bearer "


async def actor_of_session(request: Request) -> Actor | None:
    """The person whose session the request carries; `request.state.session_id` is then that session's."""
    token = request.cookies.get(COOKIE, "")
    if not token:
        return None
    console = console_of(request)
    session = await find_session(
        console.database, token, console.wall(), console.settings.console, by_itself=_is_by_itself(request)
    )
    if session is None:
        return None
    request.state.session_id = session.id
    return Actor(name=session.name, role=session.role, kind="person", id=session.user_id, csrf=csrf_of(token))


def _is_by_itself(request: Request) -> bool:
    """Whether a page that stands open asks, or a stream that was cut and comes again; not somebody who clicks."""
    return (
        POLL_HEADER in request.headers
        or POLL_FIELD in request.query_params
        or request.headers.get("accept") == "text/event-stream"
    )


async def actor_of_key(request: Request) -> Actor | None:
    """The key that the request carries: `Authorization: Bearer idk_…`."""
    given = request.headers.get("authorization", "")
    if given[: len(_SCHEME)].lower() != _SCHEME:
        return None
    console = console_of(request)
    key = await find_key(console.database, given[len(_SCHEME) :].strip(), console.wall())
    if key is None:
        return None
    return Actor(name=f"key:{key.name}", role=key.role, kind="key", id=key.id)
