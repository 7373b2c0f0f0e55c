"""List, profile, form and delete of what accounts refer to: one `Editor` a kind of thing, the same steps for each.

What differs is in its table of fields and its functions of `console/store`. A form that cannot be saved is shown
again with what was typed; where somebody else was faster it says what they changed and keeps what was typed too.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from console.context import console_of
from console.database import Database, Transaction
from console.door import Door, actor_of, form_text
from console.errors import ChangedError, FieldErrors, InUseError
from console.objects.field import Field, changes, to_text
from console.objects.listing import PAGE_SIZES, Paging
from console.objects.paged import Paged
from console.objects.references import References
from console.pages.drawn_fields import by_block, choices, form_texts, lines
from console.pages.render import redirect, render
from console.store.references import resolve

UNPROCESSABLE, CONFLICT = 422, 409
PAGE_DIGITS_MAX = 9

Values = dict[str, Any]


class Editor(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of thing. `entity`: its table; `path`: where its list is; `parameter`: its id's name in paths.

    `read` makes a draft of a form; `blank` is the form of a new one; `users` says in words who refers to it, ""
    where nobody does. `hidden`: what the form carries unseen. `find`, `beside`: what the templates of list and
    profile show besides, as values.
    """

    word: str
    title: str
    entity: str
    path: str
    parameter: str
    templates: str
    fields: Sequence[Field]
    blank: Any
    read: Callable[[Mapping[str, str], References], Any]
    find: Callable[[Database, QueryParams, Paging], Awaitable[tuple[Paged[Any], Values]]]
    get: Callable[[Any, int], Awaitable[Any]]
    create: Callable[[Transaction, Any], Awaitable[int]]
    update: Callable[[Transaction, int, Any, str | None], Awaitable[Any]]
    delete: Callable[[Transaction, int, str | None], Awaitable[None]]
    users: Callable[[Database, Any], Awaitable[str]]
    beside: Callable[[Request, Any], Awaitable[Values]] | None = None
    to_text: Callable[[Any], Mapping[str, str]] | None = None
    hidden: tuple[str, ...] = ()

    @property
    def doors(self) -> tuple[Door, ...]:
        """Every way in to this kind of thing."""
        one = f"{self.path}/{{{self.parameter}:int}}"
        return (
            Door("GET", self.path, "read", self.show_list),
            Door("GET", f"{self.path}/new", "edit", self.show_new),
            Door("POST", f"{self.path}/new", "edit", self.save_new),
            Door("GET", one, "read", self.show_one),
            Door("GET", f"{one}/edit", "edit", self.show_form),
            Door("POST", f"{one}/edit", "edit", self.save),
            Door("GET", f"{one}/delete", "delete", self.ask_delete),
            Door("POST", f"{one}/delete", "delete", self.delete_one),
        )

    def url(self, row_id: int) -> str:
        """Its profile."""
        return f"{self.path}/{row_id}"

    def id_in(self, request: Request) -> int:
        """The id in the path."""
        return int(request.path_params[self.parameter])

    async def show_list(self, request: Request) -> Response:
        """A page of the list; what is asked for is in the URL."""
        query = request.query_params
        paged, values = await self.find(console_of(request).database, query, paging_of(query))
        paging = paged.paging
        kept = [(name, text) for name, text in query.items() if text and name not in ("page", "size")]
        return render(
            request,
            f"{self.templates}/list.html",
            {
                "editor": self,
                "paged": paged,
                "paging": paging,
                "kept": kept,
                "unsorted": [pair for pair in kept if pair[0] not in ("sort", "descending")],
                "q": query.get("q", ""),
                **values,
            },
        )

    async def show_one(self, request: Request) -> Response:
        """The profile."""
        thing = await self.get(console_of(request).database, self.id_in(request))
        return await self.profile(request, thing)

    async def profile(self, request: Request, thing: Any, more: Values | None = None) -> Response:
        """The profile of what was read; `more` for its template."""
        values = {"editor": self, "thing": thing, "blocks": lines(self.fields, thing)}
        if self.beside is not None:
            values |= await self.beside(request, thing)
        return render(request, f"{self.templates}/show.html", values | (more or {}))

    async def show_new(self, request: Request) -> Response:
        """The empty form."""
        return await self._form(request, None, self._texts(self.blank))

    async def save_new(self, request: Request) -> Response:
        """Make one."""
        console = console_of(request)
        entered = await _entered(request)
        try:
            draft = await self._read(console.database, entered)
            async with console.database.transaction(actor_of(request).name) as tx:
                row_id = await self.create(tx, draft)
        except FieldErrors as wrong:
            return await self._form(request, None, entered, errors=wrong.errors, status=UNPROCESSABLE)
        in_force = await console.daemon.in_force(tx.xid)
        return redirect(request, self.url(row_id), f"Made the {self.word} {draft.name}.", in_force=in_force)

    async def show_form(self, request: Request) -> Response:
        """The form of one that is there."""
        thing = await self.get(console_of(request).database, self.id_in(request))
        return await self._form(request, thing, {**self._texts(thing), "etag": thing.etag})

    async def save(self, request: Request) -> Response:
        """Write what the form says, unless it was changed since the form was read."""
        console = console_of(request)
        row_id, entered = self.id_in(request), await _entered(request)
        draft = None
        try:
            draft = await self._read(console.database, entered)
            async with console.database.transaction(actor_of(request).name) as tx:
                await self.update(tx, row_id, draft, entered.get("etag", ""))
        except FieldErrors as wrong:
            now = await self.get(console.database, row_id)
            # what the sentence at the field speaks of is what the operator has read now
            seen = {name: self._texts(now)[name] for name in self.hidden if draft is not None}
            return await self._form(request, now, entered | seen, errors=wrong.errors, status=UNPROCESSABLE)
        except ChangedError as changed:
            now = await self.get(console.database, row_id)
            entered["etag"] = changed.etag
            return await self._form(request, now, entered, theirs=(now, draft), status=CONFLICT)
        in_force = await console.daemon.in_force(tx.xid)
        return redirect(request, self.url(row_id), f"Saved the {self.word} {draft.name}.", in_force=in_force)

    async def ask_delete(self, request: Request) -> Response:
        """The question, or who stands in the way."""
        thing = await self.get(console_of(request).database, self.id_in(request))
        return await self._delete_page(request, thing)

    async def delete_one(self, request: Request) -> Response:
        """Delete it, unless somebody refers to it or it was changed since the question was read."""
        console = console_of(request)
        row_id, entered = self.id_in(request), await _entered(request)
        thing = await self.get(console.database, row_id)
        try:
            async with console.database.transaction(actor_of(request).name) as tx:
                await self.delete(tx, row_id, entered.get("etag", ""))
        except ChangedError:
            thing = await self.get(console.database, row_id)
            said = f"Somebody changed the {self.word} in the meantime: look again before you delete it."
            return await self._delete_page(request, thing, said=said, status=CONFLICT)
        except InUseError:
            return await self._delete_page(request, thing, status=CONFLICT)
        in_force = await console.daemon.in_force(tx.xid)
        return redirect(request, self.path, f"Deleted the {self.word} {thing.name}.", in_force=in_force)

    async def _delete_page(self, request: Request, thing: Any, *, said: str = "", status: int = 200) -> Response:
        users = await self.users(console_of(request).database, thing)
        values = {"editor": self, "thing": thing, "users": users, "said": said}
        return render(request, "catalogue/delete.html", values, status)

    async def _form(
        self,
        request: Request,
        thing: Any,
        entered: Mapping[str, str],
        *,
        errors: Mapping[str, str] | None = None,
        theirs: tuple[Any, Any] | None = None,
        status: int = 200,
    ) -> Response:
        offered = await choices(console_of(request).database, self.fields, entered)
        differing = []
        if theirs is not None:
            differing = [
                (field.label, *(offered.shown(field, text) for text in texts))
                for field in self._compared
                for _, *texts in changes((field,), *theirs)
            ]
        values = {
            "editor": self,
            "thing": thing,
            "entered": entered,
            "errors": errors or {},
            "labels": {field.name: field.label for field in self.fields},
            "blocks": by_block(self.fields),
            "choices": offered.by_field,
            "is_changed": theirs is not None,
            "differing": differing,
        }
        return render(request, "catalogue/form.html", values, status)

    @property
    def _compared(self) -> Sequence[Field]:
        """Fields of which two versions are compared: what is hidden beside one says for itself whether it changed."""
        unseen = {name.removesuffix("_was") for name in self.hidden}
        return [field for field in self.fields if field.name not in unseen]

    def _texts(self, thing: Any) -> Mapping[str, str]:
        return form_texts(self.fields, to_text(self.fields, thing) if self.to_text is None else self.to_text(thing))

    async def _read(self, database: Database, entered: Mapping[str, str]) -> Any:
        referring = any(field.refers_to for field in self.fields)
        return self.read(entered, await resolve(database, (entered,)) if referring else References())


async def _entered(request: Request) -> dict[str, str]:
    form = await request.form()
    return {name: form_text(form, name) for name in form}


def paging_of(query: Mapping[str, str]) -> Paging:
    """Page, rows a page and order in a URL; what makes no sense is as if it were not there."""
    size, page = query.get("size", ""), query.get("page", "")
    return Paging(
        page=int(page) if page.isascii() and page.isdigit() and len(page) <= PAGE_DIGITS_MAX else 1,
        size=next((each for each in PAGE_SIZES if str(each) == size), PAGE_SIZES[0]),
        sort="id" if query.get("sort") == "id" else "name",
        descending=query.get("descending") == "true",
    )


def counted(number: int, word: str) -> str:
    """`12 accounts`, `1 account`, "" for none."""
    return f"{number:,} {word}{'' if number == 1 else 's'}" if number else ""
