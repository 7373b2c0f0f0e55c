"""A door: one method and path of the console, the permission that opens it, and who answers behind it.

Each room lists its doors in `DOORS`; `app.py` puts them together. There is no other way to be reached: a handler
without a door does not exist, and a door without a permission (None) is open to the world on purpose.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from console.roles import Permission, Role, may

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Handler = Callable[[Request], Awaitable[Response]]

FORM_BYTES_MAX = 1_048_576
"""The largest form: 64 KB of notes and 4,096 networks of 45 characters are a quarter of it."""


class Door(NamedTuple):
    """`body_bytes_max`: what the request may carry; `path` as Starlette writes it (`/accounts/{account_id:int}`)."""

    method: Method
    path: str
    permission: Permission | None
    handler: Handler
    body_bytes_max: int = FORM_BYTES_MAX

    @property
    def is_api(self) -> bool:
        """Whether programs come through it: errors in JSON, keys instead of sessions."""
        return self.path.startswith("/api/")


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking: a person with a session, a key of the API, or someone at the command line.

    `name` is what stands in the audit log. `csrf` is the token that this person's forms carry ("" for a key).
    """

    name: str
    role: Role
    kind: Literal["person", "key", "command"]
    id: int = 0
    csrf: str = ""

    def may(self, permission: Permission) -> bool:
        """Whether this one has the permission."""
        return may(self.role, permission)


def actor_of(request: Request) -> Actor:
    """Who is asking; the guard has seen to it that behind a door with a permission there is someone."""
    actor = request.state.actor
    assert isinstance(actor, Actor), "behind a guarded door there is an actor"
    return actor


def form_text(form: Mapping[str, object], field: str) -> str:
    """A text field of a form; "" where it is missing or a file."""
    value = form.get(field)
    return value if isinstance(value, str) else ""
