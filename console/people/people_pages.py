"""The pages by which an admin says who may enter: people, their roles, and the links by which they first get in."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from console.context import console_of
from console.door import Door, actor_of, form_text
from console.errors import ChangedError, FieldErrors
from console.pages.render import redirect, render
from console.people.store import add_person, change_person, make_link, people, person, remove_person
from console.roles import ROLES

CHANGED = ("role", "status")
THEIRS = "Somebody else has set this to “{}” since you opened the page. Choose what it is to be, and save again."
NOT_ONESELF = "This is you: another admin has to do it, so that there is always one left."


async def people_page(request: Request) -> Response:
    """GET /people"""
    return await _people_page(request)


async def new_person(request: Request) -> Response:
    """POST /people: the link is on the page that comes back, and nowhere afterwards."""
    console, form = console_of(request), await request.form()
    name, role = form_text(form, "name").strip(), form_text(form, "role")
    try:
        person_id = await add_person(console.database, name, role, actor=actor_of(request).name)
    except FieldErrors as wrong:
        return await _people_page(request, {"name": name, "role": role}, wrong.errors, 422)
    return await _with_link(request, person_id)


async def new_link(request: Request) -> Response:
    """POST /people/{person_id}/link"""
    return await _with_link(request, request.path_params["person_id"])


async def person_page(request: Request) -> Response:
    """GET /people/{person_id}"""
    return await _person_page(request)


async def edit_person(request: Request) -> Response:
    """POST /people/{person_id}: another role, or blocked, or no longer. Only what differs from what was read."""
    console, actor, person_id = console_of(request), actor_of(request), request.path_params["person_id"]
    form = await request.form()
    typed = {field: form_text(form, field) for field in CHANGED}
    etag = form_text(form, "etag")
    before = await person(console.database, person_id)
    read = dict(zip(CHANGED, etag.partition(".")[::2], strict=True))
    wanted = {field: typed[field] for field in CHANGED if typed[field] != read[field]}
    if person_id == actor.id and wanted:
        return await _person_page(request, typed, {"": NOT_ONESELF}, 422)
    try:
        if wanted or etag != before.etag:
            await change_person(console.database, person_id, actor=actor.name, etag=etag, **wanted)
    except FieldErrors as wrong:
        return await _person_page(request, typed, wrong.errors, 422)
    except ChangedError as changed:
        theirs = dict(zip(CHANGED, changed.etag.partition(".")[::2], strict=True))
        errors = {field: THEIRS.format(theirs[field]) for field in CHANGED if theirs[field] != read[field]}
        return await _person_page(request, {**theirs, **wanted}, errors, 409)
    return redirect(request, "/people", f"{before.name} is saved; what was logged in as {before.name} is logged out.")


async def delete_person(request: Request) -> Response:
    """POST /people/{person_id}/remove"""
    console, actor, person_id = console_of(request), actor_of(request), request.path_params["person_id"]
    if person_id == actor.id:
        return await _person_page(request, {}, {"": NOT_ONESELF}, 422)
    before = await person(console.database, person_id)
    await remove_person(console.database, person_id, actor=actor.name)
    return redirect(request, "/people", f"{before.name} is removed. The audit log keeps the name.")


async def _with_link(request: Request, person_id: int) -> Response:
    console = console_of(request)
    whose = await person(console.database, person_id)
    if whose.status != "active":
        return await _person_page(request, {}, {"": "Blocked people get no link: make the person active first."}, 422)
    token = await make_link(console.database, person_id, actor=actor_of(request).name, now=console.wall())
    url = f"{console.settings.console.origin}/welcome/{token}"
    return render(request, "people/link.html", {"whose": whose, "url": url})


async def _people_page(
    request: Request,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    values = {
        "people": await people(console_of(request).database),
        "role_options": [(role, role) for role in ROLES],
        "typed": typed or {"name": "", "role": "viewer"},
        "errors": errors or {},
    }
    return render(request, "people/people.html", values, status)


async def _person_page(
    request: Request,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    whose = await person(console_of(request).database, request.path_params["person_id"])
    values = {
        "whose": whose,
        "role_options": [(role, role) for role in ROLES],
        "typed": {"role": whose.role, "status": whose.status, **(typed or {})},
        "errors": errors or {},
    }
    return render(request, "people/person.html", values, status)


DOORS: tuple[Door, ...] = (
    Door("GET", "/people", "people", people_page),
    Door("POST", "/people", "people", new_person),
    Door("GET", "/people/{person_id:int}", "people", person_page),
    Door("POST", "/people/{person_id:int}", "people", edit_person),
    Door("POST", "/people/{person_id:int}/link", "people", new_link),
    Door("POST", "/people/{person_id:int}/remove", "people", delete_person),
)
