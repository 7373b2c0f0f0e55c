"""A filter as SQL: for each condition the forms that an index can answer. Pure; no statement is run here.

A search is an OR of branches (`branches_of`), each of which PostgreSQL plans by itself: an OR across tables would be
read row by row. `where_of` is the same as one condition, for reading in an order until enough is found.
`a` is the account's alias everywhere, `c` its client's in `where_of`. Values are parameters, never text in SQL.
"""

import itertools
import re
from collections.abc import Callable, Sequence

from console.objects.listing import AccountFilter
from console.store.patterns import beginning_with, part_of
from matcher.address import AddressError, canonical_network, network_text

ID_DIGITS_MAX = 18
"""Longer numbers are no id that is ever given out; every one of this length fits a bigint."""

Placeholder = Callable[[object], str]
"""Takes a value, gives the `$n` that stands for it."""

_CLIENT_BY_INDEX = "a.client_id IN (SELECT c.id FROM clients AS c WHERE {})"
_FIRST_CLIENTS = (
    "a.client_id = ANY (ARRAY(SELECT c.id FROM clients AS c WHERE {}"
    " AND EXISTS (SELECT FROM accounts AS x WHERE x.client_id = c.id OFFSET 0) LIMIT %d))"
)
"""How many clients a pattern finds is guessed badly, and on a wrong guess a million accounts are read for a few. This
way there is one plan: the clients first, then the accounts of each by index."""
_NETWORK_BY_INDEX = "a.id IN (SELECT n.account_id FROM account_networks AS n WHERE n.network && {})"
_NETWORK_BY_ROW = "EXISTS (SELECT FROM account_networks AS n WHERE n.account_id = a.id AND n.network && {} OFFSET 0)"
_GATEWAY_BY_INDEX = "a.id IN (SELECT b.account_id FROM account_gateways AS b WHERE b.gateway_id = {})"
_GATEWAY_BY_ROW = (
    "EXISTS (SELECT FROM account_gateways AS b WHERE b.account_id = a.id AND b.gateway_id = {} OFFSET 0)"
)
"""OFFSET 0 keeps PostgreSQL from collecting all of them first: few rows are asked about, and each costs a look-up."""


class Parameters:
    """The values of one statement; `parameters(value)` is the text to write in its place."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: list[object] = []

    def __call__(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"


def is_filtered(wanted: AccountFilter) -> bool:
    """Whether anything is asked for at all."""
    return wanted != AccountFilter()


def branches_of(wanted: AccountFilter, put: Placeholder, found_max: int | None = None) -> list[str]:
    """Conditions on `a`, one a branch: an account is wanted when one of them holds. No branch: none is.

    `found_max`: no more accounts than so many are asked for, whichever they are.
    """
    by_client = _CLIENT_BY_INDEX
    if found_max is not None and _asked(wanted) in ({"q"}, {"client"}):
        by_client = _FIRST_CLIENTS % found_max  # so many clients that have accounts have so many accounts
    groups = _groups(wanted, put, by_index=True, by_client=by_client)
    return [" AND ".join(chosen) for chosen in itertools.product(*groups)]


def is_counted(wanted: AccountFilter) -> bool:
    """Whether indexes tell how many these are, however many: nothing is searched for in texts, tags or networks."""
    return _asked(wanted) <= _COUNTED


def others_of(wanted: AccountFilter) -> list[str] | None:
    """Branches that find exactly the accounts that this filter does not, where these are the few; else None."""
    if not all((name, getattr(wanted, name)) in _OTHERS for name in _asked(wanted)):
        return None
    return [branch for name in sorted(_asked(wanted)) for branch in _OTHERS[name, getattr(wanted, name)]]


def _asked(wanted: AccountFilter) -> set[str]:
    empty = AccountFilter()
    return {name for name in wanted.__struct_fields__ if getattr(wanted, name) != getattr(empty, name)}


def where_of(wanted: AccountFilter, put: Placeholder) -> str:
    """The same as one condition on `a` and `c`, to be asked of one row after the other."""
    groups = _groups(wanted, put, by_index=False)
    return " AND ".join(f"({' OR '.join(group)})" if group else "false" for group in groups) or "true"


def _groups(
    wanted: AccountFilter, put: Placeholder, *, by_index: bool, by_client: str = _CLIENT_BY_INDEX
) -> list[tuple[str, ...]]:
    """All of the groups must hold, and of a group one. `by_index`: as a whole by an index, else row by row."""
    client = (by_client if by_index else "{}").format
    groups: list[tuple[str, ...]] = []
    if wanted.q:
        text, found = wanted.q.strip(), []
        if text.isascii() and text.isdigit() and len(text) <= ID_DIGITS_MAX:
            found.append(f"a.id = {put(int(text))}")
        found += _networks(text, put, by_index=by_index)
        found += _texts(text, ("a.name", "coalesce(a.ident_name, a.ani)"), put)
        found += map(client, _texts(text, ("c.name",), put))
        groups.append(tuple(found))
    if wanted.ident:
        text = wanted.ident.strip()
        found = _networks(text, put, by_index=by_index) + _identities(text, put)
        groups.append(tuple(found))
    if wanted.tech_prefix:
        is_storable = _is_storable(wanted.tech_prefix)
        pattern = beginning_with(wanted.tech_prefix)
        groups.append((f"""a.tech_prefix COLLATE "C" LIKE {put(pattern)}""",) if is_storable else ())
    if wanted.client:
        groups.append(tuple(map(client, _texts(wanted.client.strip(), ("c.name",), put))))
    if wanted.client_type:
        is_storable = _is_storable(wanted.client_type)
        groups.append((client(f"c.client_type = {put(wanted.client_type)}"),) if is_storable else ())
    for column in ("orig_rate_table_id", "routing_plan_id", "term_rate_table_id", "client_id"):
        value = getattr(wanted, column)
        if value is not None:
            groups.append((f"a.{column} = {put(value)}",))
    for column, tags in (("orig_tags", wanted.orig_tags), ("term_tags", wanted.term_tags)):
        if tags:
            is_storable = all(map(_is_storable, tags))
            condition = f"(a.{column} <> '{{}}' AND a.{column} @> {{}}::text[])"
            groups.append((condition.replace("{}::", f"{put(list(tags))}::"),) if is_storable else ())
    for column, enabled in (("orig_enabled", wanted.orig), ("term_enabled", wanted.term)):
        if enabled is not None:
            groups.append((f"a.{column}" if enabled else f"NOT a.{column}",))
    if wanted.gateway_id is not None:
        bound = _GATEWAY_BY_INDEX if by_index else _GATEWAY_BY_ROW
        groups.append((bound.format(put(wanted.gateway_id)),))
    groups += [
        tuple(client(each) if each.startswith("c.") else each for each in group) for group in STATES[wanted.state]
    ]
    return groups


STATES: dict[str, tuple[tuple[str, ...], ...]] = {
    "": (),
    "on": (("(a.orig_enabled OR a.term_enabled)",), ("a.status = 'active'",), ("c.status = 'active'",)),
    "off": (("NOT a.orig_enabled AND NOT a.term_enabled",),),
    "blocked": (("a.status = 'blocked'", "c.status <> 'active'"),),
}
"""State -> groups of conditions, of an account or of its client."""


_COUNTED = frozenset(
    (
        "orig",
        "orig_rate_table_id",
        "routing_plan_id",
        "term",
        "term_rate_table_id",
        "client_id",
        "gateway_id",
        "state",
    )
)
_OTHERS: dict[tuple[str, object], tuple[str, ...]] = {
    ("orig", True): ("NOT a.orig_enabled",),
    ("term", False): ("a.term_enabled",),
    ("state", "on"): (
        "NOT a.orig_enabled AND NOT a.term_enabled",
        "a.status = 'blocked'",
        _CLIENT_BY_INDEX.format("c.status <> 'active'"),
    ),
}
"""(field, value) that most accounts have -> the branches of those that have not: of `STATES`, the negation."""


def _networks(text: str, put: Placeholder, *, by_index: bool) -> list[str]:
    network = network_asked_for(text)
    if network is None:
        return []
    return [(_NETWORK_BY_INDEX if by_index else _NETWORK_BY_ROW).format(f"{put(network)}::text::inet")]


def network_asked_for(text: str) -> str | None:
    """The network that a text means, canonical: an address, a network, or the beginning of an address; else None.

    `192.0.2.` and `192.0.2` are 192.0.2.0/24, `2001:db8:` is 2001:db8::/32; a number without a dot is no address.
    """
    for candidate in (text, _completed(text)):
        try:
            return network_text(canonical_network(candidate)[0])
        except AddressError:
            continue
    return None


def _completed(text: str) -> str:
    octets = text.removesuffix(".").split(".")
    if "." in text and len(octets) < 4:
        return f"{'.'.join(octets + ['0'] * (4 - len(octets)))}/{8 * len(octets)}"
    if text.endswith(":") and "::" not in text and 0 < text.count(":") < 8 and text[0] != ":":
        return f"{text}:/{16 * text.count(':')}"
    return ""


def _identities(text: str, put: Placeholder) -> list[str]:
    """Conditions on a login or an ANI; a + before a number does not count, here as where calls are matched."""
    column = ("coalesce(a.ident_name, a.ani)",)
    found = _texts(text, column, put)
    return found + _texts(text[1:], column, put) if re.fullmatch(r"\+[0-9]+\*?", text) else found


def _texts(text: str, columns: Sequence[str], put: Placeholder) -> list[str]:
    """Conditions that find the text in one of the columns, by trigrams where it has any to look up."""
    if not _is_storable(text):
        return []
    if _HAS_TRIGRAMS.search(text):
        pattern = part_of(text)
    elif _BEGINS_A_WORD.match(text):
        pattern = beginning_with(text)
    else:  # nothing but punctuation: no index knows it, and a million rows are not read for it
        return []
    place = put(pattern)
    return [f"{column} ILIKE {place}" for column in columns]


_HAS_TRIGRAMS = re.compile(r"[^\W_]{3}|[\W_][^\W_]")
"""What PostgreSQL finds a part of a text by: three letters in a row, or one that begins a word after the first."""
_BEGINS_A_WORD = re.compile(r"[^\W_]")


def _is_storable(text: str) -> bool:
    """Whether the database can hold it at all; what it cannot hold is in no row."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)
