"""Clients, resellers, gateways, rate tables and routing plans: five collections, one row of a table each.

The steps are the same for all; what differs are the functions of `console/objects` and `console/store`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from console.api.answers import API, Listing, listing_of, one, page_links, response_of, shown
from console.api.answers import Shown as Answer
from console.api.bodies import check_names, declared, json_object
from console.api.entries import (
    ClientNew,
    ClientPatch,
    GatewayNew,
    GatewayPatch,
    NamedNew,
    NamedPatch,
    ResellerNew,
    ResellerPatch,
)
from console.api.operation import Operation, changing, id_of, parameters_of
from console.api.parameters import PAGING, Id, Parameter, Text, paging_of, sorting
from console.api.preconditions import check_edited, required_tags
from console.context import console_of
from console.database import Database, Transaction
from console.errors import FieldErrors
from console.objects import client, gateway, named, reseller
from console.objects.listing import Paging
from console.objects.named import NamedKind
from console.objects.paged import Paged
from console.store.catalogue import Reader
from console.store.clients import create_client, delete_client, get_client, list_clients, update_client
from console.store.gateways import create_gateway, delete_gateway, get_gateway, list_gateways, update_gateway
from console.store.named import create_named, delete_named, get_named, list_named, update_named
from console.store.resellers import (
    create_reseller,
    delete_reseller,
    get_reseller,
    list_resellers,
    update_reseller,
)

NOT_CARRIED = ("balance", "balance_was")
"""Of what is there, not carried into a change that does not name it: billing changes it with every call."""

SEARCH = Parameter("q", Text, "An id, or part of the name, without regard to case.")

Client = msgspec.defstruct(
    "Client",
    [(f.name, f.type) for f in msgspec.structs.fields(client.Client) if f.name != "balance_was"],
    frozen=True,
    kw_only=True,
)
"""A client as it is shown: without what only forms need."""
Client.__doc__ = "A client. Money is text, in the currency's unit. `etag` does not change with the balance."


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of thing. `answer`: what is shown of one; `new`, `patch`: what may be sent."""

    path: str
    word: str
    answer: Any
    new: type[msgspec.Struct]
    patch: type[msgspec.Struct]
    find: Callable[[Database, Mapping[str, Any], Paging], Awaitable[Paged[Any]]]
    get: Callable[[Reader, int], Awaitable[Any]]
    read: Callable[[Mapping[str, Any]], Any]
    values: Callable[[Any], dict[str, Any]]
    create: Callable[[Transaction, Any], Awaitable[int]]
    update: Callable[[Transaction, int, Any, str | None], Awaitable[Any]]
    delete: Callable[[Transaction, int, str | None], Awaitable[None]]
    filters: Sequence[Parameter] = (SEARCH,)

    def shown(self, value: Any) -> Any:
        """What programs see of one."""
        return msgspec.convert(value, self.answer, from_attributes=True)

    async def show_list(self, request: Request) -> Response:
        """GET: a page of the list."""
        asked = parameters_of(request)
        paged = await self.find(console_of(request).database, asked, paging_of(asked))
        page, size = paged.paging.page, paged.paging.size
        listing = Listing(items=tuple(map(self.shown, paged.rows)), total=paged.total, page=page, size=size)
        return response_of(shown(listing, headers=page_links(request, page, size, paged.total)))

    async def show_one(self, request: Request) -> Response:
        """GET: one."""
        return one(request, self.shown(await self.get(console_of(request).database, id_of(request))))

    async def create_one(self, request: Request) -> Response:
        """POST: a new one."""
        values = await json_object(request)
        check_names(values, self.new)
        draft = self.read(_set(values))
        declared(values, self.new)

        async def work(tx: Transaction) -> Answer:
            row_id = await self.create(tx, draft)
            return shown(self.shown(await self.get(tx, row_id)), 201, {"Location": f"{self.path}/{row_id}"})

        return await changing(request, work)

    async def patch_one(self, request: Request) -> Response:
        """PATCH: what is sent instead of what is there."""
        row_id, tags = id_of(request), required_tags(request.headers)
        values = await json_object(request)
        declared(values, self.patch)

        async def work(tx: Transaction) -> Answer:
            before = await self.get(tx, row_id)
            check_edited(tags, self.word, row_id, before.etag)
            carried = {name: value for name, value in self.values(before).items() if name not in NOT_CARRIED}
            draft = self.read(_set({**carried, **values}))
            return shown(self.shown(await self.update(tx, row_id, draft, before.etag)))

        return await changing(request, work, tags=tags)

    async def delete_one(self, request: Request) -> Response:
        """DELETE: where nobody refers to it."""
        row_id, tags = id_of(request), required_tags(request.headers)

        async def work(tx: Transaction) -> Answer:
            before = await self.get(tx, row_id)
            check_edited(tags, self.word, row_id, before.etag)
            await self.delete(tx, row_id, before.etag)
            return shown(None, 204)

        return await changing(request, work, tags=tags)

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Every way in to this kind of thing."""
        name, one_path = self.word.replace(" ", "_"), f"{self.path}/{{id:int}}"
        tag = f"{self.word}s"
        return (
            Operation(
                name=f"list_{name}s",
                method="GET",
                path=self.path,
                permission="read",
                handler=self.show_list,
                tag=tag,
                summary=f"A page of the {self.word}s.",
                parameters=(*self.filters, *PAGING, sorting("id", "name")),
                answers={200: listing_of(self.answer)},
                links=True,
            ),
            Operation(
                name=f"create_{name}",
                method="POST",
                path=self.path,
                permission="edit",
                handler=self.create_one,
                tag=tag,
                summary=f"Create a {self.word}.",
                body=self.new,
                answers={201: self.answer},
                etag=True,
                once=True,
                writes=True,
            ),
            Operation(
                name=f"get_{name}",
                method="GET",
                path=one_path,
                permission="read",
                handler=self.show_one,
                tag=tag,
                summary=f"One {self.word}.",
                answers={200: self.answer, 304: None},
                etag=True,
            ),
            Operation(
                name=f"update_{name}",
                method="PATCH",
                path=one_path,
                permission="edit",
                handler=self.patch_one,
                tag=tag,
                summary="Change what is sent, leave the rest (JSON merge patch).",
                body=self.patch,
                answers={200: self.answer},
                etag=True,
                if_match=True,
                writes=True,
            ),
            Operation(
                name=f"delete_{name}",
                method="DELETE",
                path=one_path,
                permission="delete",
                handler=self.delete_one,
                tag=tag,
                summary=f"Delete a {self.word} to which nobody refers.",
                answers={204: None},
                if_match=True,
                writes=True,
                errors=("in_use",),
            ),
        )


def _set(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without empty lists, which are "not set" as null is."""
    return {name: value for name, value in values.items() if value != []}


async def _find_clients(database: Database, asked: Mapping[str, Any], paging: Paging) -> Paged[Any]:
    wanted = {name: asked[name] for name in client.ClientFilter.__struct_fields__ if name in asked}
    for name in ("q", "client_type"):
        if "\0" in wanted.get(name, ""):
            raise FieldErrors({name: "Take out the character NUL: no name can hold it"})
    return await list_clients(database, client.ClientFilter(**wanted), paging)


def _named_collection(kind: NamedKind) -> Collection:
    return Collection(
        path=f"{API}/{kind.replace('_', '-')}",
        word=named.WORDS[kind],
        answer=named.Named,
        new=NamedNew,
        patch=NamedPatch,
        find=lambda database, asked, paging: list_named(database, kind, asked.get("q", ""), paging),
        get=lambda reader, row_id: get_named(reader, kind, row_id),
        read=named.read_values,
        values=named.to_values,
        create=lambda tx, draft: create_named(tx, kind, draft),
        update=lambda tx, row_id, draft, etag: update_named(tx, kind, row_id, draft, etag),
        delete=lambda tx, row_id, etag: delete_named(tx, kind, row_id, etag),
    )


COLLECTIONS: tuple[Collection, ...] = (
    Collection(
        path=f"{API}/clients",
        word="client",
        answer=Client,
        new=ClientNew,
        patch=ClientPatch,
        find=_find_clients,
        get=get_client,
        read=client.read_values,
        values=client.to_values,
        create=create_client,
        update=update_client,
        delete=delete_client,
        filters=(
            SEARCH,
            Parameter("client_type", Text, "Exactly."),
            Parameter("status", Literal["active", "blocked", "archived"], "Exactly."),
            Parameter("reseller_id", Id, "Its reseller."),
        ),
    ),
    Collection(
        path=f"{API}/resellers",
        word="reseller",
        answer=reseller.Reseller,
        new=ResellerNew,
        patch=ResellerPatch,
        find=lambda database, asked, paging: list_resellers(database, asked.get("q", ""), paging),
        get=get_reseller,
        read=reseller.read_values,
        values=reseller.to_values,
        create=create_reseller,
        update=update_reseller,
        delete=delete_reseller,
    ),
    Collection(
        path=f"{API}/gateways",
        word="gateway",
        answer=gateway.Gateway,
        new=GatewayNew,
        patch=GatewayPatch,
        find=lambda database, asked, paging: list_gateways(database, asked.get("q", ""), paging),
        get=get_gateway,
        read=gateway.read_values,
        values=gateway.to_values,
        create=create_gateway,
        update=update_gateway,
        delete=delete_gateway,
    ),
    _named_collection("rate_tables"),
    _named_collection("routing_plans"),
)

OPERATIONS: tuple[Operation, ...] = tuple(op for collection in COLLECTIONS for op in collection.operations)
