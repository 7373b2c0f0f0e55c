"""What part of the accounts is asked for: filter, order and page, from a URL's query and back. Pure.

The same for the table, the API, the export and the command line. The names of the query are those of the fields here;
what is not set is left out of a URL.
"""

from typing import Literal

import msgspec

SortKey = Literal["id", "client", "name", "ident", "tech_prefix"]
PAGE_SIZES = (20, 50, 100, 500)


class AccountFilter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that is set must hold. Texts are without regard to case.

    `q`: the quick search: an id, or part of an account's or client's name, or of a name, ANI or address.
    `ident`: Name / ANI / IP: networks that cover the address or equal the network; or part of a name or ANI.
    `tech_prefix`: begins with it. `client`: part of the client's name. `orig`/`term`: enabled in that direction.
    """

    q: str = ""
    ident: str = ""
    tech_prefix: str = ""
    orig: bool | None = None
    orig_rate_table_id: int | None = None
    routing_plan_id: int | None = None
    orig_tags: tuple[str, ...] = ()
    term: bool | None = None
    term_rate_table_id: int | None = None
    term_tags: tuple[str, ...] = ()
    client_type: str = ""
    client: str = ""
    client_id: int | None = None
    gateway_id: int | None = None
    state: Literal["", "on", "off", "blocked"] = ""


class Paging(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`page` from 1; `size` one of PAGE_SIZES."""

    page: int = 1
    size: int = 20
    sort: SortKey = "id"
    descending: bool = False
