"""What part of the accounts is asked for, and what comes of it: filter, order, page; rows. Values only, no I/O.

The same for the table, the API, the export and the command line. A URL's query is read and written in
`listing_query.py`; the names in it are those of the fields here.
"""

from datetime import date, datetime
from typing import Literal

import msgspec

from console.objects.account import Status
from matcher.account import IdentType

SortKey = Literal["id", "client", "name", "ident", "tech_prefix"]
PAGE_SIZES = (20, 50, 100, 500)

FOUND_MAX = 5_000
"""Rows of a search that are counted and can be paged to. Who finds more narrows the search; the whole list, and what
indexes count (all of a client, a gateway, a rate table or plan, what is on, off or blocked), have no such end."""

NETWORKS_SHOWN_MAX = 8
"""Networks of an account that a row carries: 500 rows of 4,096 each would be two million."""


class AccountFilter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that is set must hold. Names, logins and ANIs are compared without regard to case.

    `q`: the quick search: an id, or part of an account's or client's name, of a login or an ANI, or an address.
    `ident`: Name / ANI / IP: networks that cover the address, or that cover, equal or lie within the network; an
    address may end early (`192.0.2.`); or part of a name or ANI, where a + before a number does not count.
    Texts of one or two letters find what begins with them.
    `tech_prefix`: begins with it, letter by letter as the daemon compares. Tags: all of them, exactly.
    `client_type`: exactly. `client`: part of the client's name. `orig`/`term`: enabled in that direction.
    `state`: `on`: in at least one direction, and neither it nor its client blocked; `off`: in none; `blocked`: it or
    its client is blocked (or the client archived).
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
    """`page` from 1; `size` one of PAGE_SIZES.

    Ties are broken by id. `ident`: ANIs, then addresses in the order of their first network, then names;
    `tech_prefix`: accounts without one come last.
    """

    page: int = 1
    size: int = 20
    sort: SortKey = "id"
    descending: bool = False


class AccountRow(msgspec.Struct, frozen=True, kw_only=True):
    """An account as the table shows it; fields as in `Account`.

    `ip` has the first NETWORKS_SHOWN_MAX networks of `networks`. `last_day`: the last day with calls in its
    statistics.
    """

    id: int
    client_id: int
    client: str
    client_type: str
    client_status: Literal["active", "blocked", "archived"]
    name: str
    ident_by: IdentType
    ip: tuple[str, ...]
    networks: int
    ident_name: str | None
    ani: str | None
    tech_prefix: str | None
    protocol: str | None
    port: int | None
    proxy: str | None
    status: Status
    valid_from: datetime | None
    valid_until: datetime | None
    has_password: bool
    gateways: tuple[str, ...]
    orig_enabled: bool
    orig_rate_table_id: int | None
    orig_rate_table: str | None
    routing_plan_id: int | None
    routing_plan: str | None
    orig_tags: tuple[str, ...]
    orig_capacity: int | None
    orig_cps: float | None
    term_enabled: bool
    term_rate_table_id: int | None
    term_rate_table: str | None
    term_tags: tuple[str, ...]
    term_capacity: int | None
    term_cps: float | None
    last_day: date | None

    @property
    def is_off(self) -> bool:
        """Deactivated: both directions are unchecked."""
        return not (self.orig_enabled or self.term_enabled)


class AccountPage(msgspec.Struct, frozen=True, kw_only=True):
    """Rows `first`-`last` (from 1; 0 and 0 where there is none) of `total`, all of one moment.

    `paging` is what was asked for, with the page clamped to the last one. `has_more`: there are more than `total`,
    which is FOUND_MAX then; say "more than". `is_sorted`: False where so many were found that only FOUND_MAX of them,
    the first that the database came by, could be sorted in time; say so too.
    """

    rows: tuple[AccountRow, ...]
    total: int
    paging: Paging
    has_more: bool = False
    is_sorted: bool = True

    @property
    def first(self) -> int:
        """Number of the first row shown."""
        return (self.paging.page - 1) * self.paging.size + 1 if self.rows else 0

    @property
    def last(self) -> int:
        """Number of the last row shown."""
        return self.first + len(self.rows) - 1 if self.rows else 0

    @property
    def pages(self) -> int:
        """How many pages there are; at least one."""
        return max(1, -(-self.total // self.paging.size))
