"""An operation: a door of the API with all that the OpenAPI document says of it.

The same values open the door and describe it, so the two cannot differ: parameters are read by the table that is
published, and every exception becomes an answer that is listed.
"""

import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from console.api.answers import IN_FORCE, REPLAYED, Shown, response_of
from console.api.errors import TRANSLATED, ApiError, api_error, error_response
from console.api.idempotency import Kept, begin, checked_key, digest_of, keep
from console.api.parameters import Parameter, read_parameters
from console.api.preconditions import Tags
from console.context import console_of
from console.database import Transaction
from console.door import Door, Handler, Method, actor_of
from console.errors import ChangedError
from console.roles import Permission

TRIES_MAX = 3
"""Of a change with `If-Match: *` that somebody else gets in between of."""

KEY_REQUESTS_MAX = 32
"""Of one key at once, an eighth of all places: a program that runs wild leaves room for people and other programs."""

Work = Callable[[Transaction], Awaitable[Shown]]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method at one path. `answers`: status -> type of the body, several where it is one of
    them, None for none.

    `body`: the type of what is sent; `if_match`: a change of what is there; `once`: takes an Idempotency-Key;
    `writes`: says whether it is in force; `etag`: the answer has one. `errors`: codes besides the usual ones.
    """

    name: str
    method: Method
    path: str
    permission: Permission | None
    handler: Handler
    tag: str
    summary: str
    answers: Mapping[int, Any]
    description: str = ""
    parameters: Sequence[Parameter] = ()
    body: Any = None
    if_match: bool = False
    once: bool = False
    writes: bool = False
    etag: bool = False
    links: bool = False
    errors: tuple[str, ...] = ()

    @property
    def door(self) -> Door:
        """As the guard and the router know it."""
        return Door(self.method, self.path, self.permission, self._answered)

    async def _answered(self, request: Request) -> Response:
        try:
            checked_key(request.headers.get("idempotency-key"))
            request.state.parameters = read_parameters(self.parameters, request.query_params.multi_items())
            with _place_of_key(request):
                return await self.handler(request)
        except (ApiError, *TRANSLATED) as error:
            return error_response(api_error(error))


@contextlib.contextmanager
def _place_of_key(request: Request) -> Iterator[None]:
    """Held while the request is answered. ApiError where its key has too many already."""
    actor = request.state.actor
    if actor is None:  # an operation that is open to everybody
        yield
        return
    state = request.app.state
    if not hasattr(state, "requests_of_keys"):
        state.requests_of_keys = Counter()
    held: Counter[str] = state.requests_of_keys
    if held[actor.name] >= KEY_REQUESTS_MAX:
        raise ApiError("busy", f"This key has {KEY_REQUESTS_MAX} requests under way: wait for their answers.")
    held[actor.name] += 1
    try:
        yield
    finally:
        held[actor.name] -= 1
        if not held[actor.name]:
            del held[actor.name]


def parameters_of(request: Request) -> dict[str, Any]:
    """The parameters in the URL, read."""
    parameters: dict[str, Any] = request.state.parameters
    return parameters


def id_of(request: Request) -> int:
    """The id in the path."""
    return int(request.path_params["id"])


async def changing(request: Request, work: Work, *, tags: Tags | None = None, repeatable: bool = True) -> Response:
    """Do the work in one transaction, and answer when calls are judged by it or the daemon does not say so.

    `work` gives the answer; with an Idempotency-Key one that was given before is given again. `tags` `*`: the work is
    tried again where somebody else was faster. `repeatable`: a rollback undoes all that the work does, so it is also
    done again where others wrote the same rows.
    """
    await request.body()  # nobody's slow line holds a connection to the database
    tries = TRIES_MAX if tags is not None and tags.any else 1
    while True:
        tries -= 1
        try:
            return await _change(request, work, repeatable=repeatable)
        except ChangedError:
            if tries == 0:
                raise


async def _change(request: Request, work: Work, *, repeatable: bool) -> Response:
    console, actor = console_of(request), actor_of(request).name
    key = checked_key(request.headers.get("idempotency-key")) if request.method == "POST" else None

    async def once(tx: Transaction) -> tuple[Shown, Kept | None]:
        if key is None:
            return await work(tx), None
        kept = await begin(tx, actor, key, await _digest(request))
        if kept is not None:
            return kept.answer, kept
        answer = await work(tx)
        await keep(tx, actor, key, answer)
        return answer, None

    if repeatable:
        (answer, kept), xid = await console.database.repeated(actor, once)
    else:
        async with console.database.transaction(actor) as tx:
            answer, kept = await once(tx)
        xid = tx.xid
    in_force = await console.daemon.in_force(xid if kept is None else kept.xid)
    headers = {IN_FORCE: "true" if in_force else "false"}
    return response_of(answer, headers if kept is None else {**headers, REPLAYED: "true"})


async def _digest(request: Request) -> bytes:
    headers = request.headers
    target = f"{request.url.path}?{request.url.query}"
    return digest_of(
        headers.get("authorization", ""),
        request.method,
        target,
        headers.get("if-match", ""),
        await request.body(),
    )
