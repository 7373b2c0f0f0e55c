"""A filter as SQL: for each condition the forms that an index can answer. Pure; no statement is run here.

A search is an OR of branches (`branches_of`), each of which PostgreSQL plans by itself: an OR across tables would be
read row by row. `where_of` is the same as one condition, for reading in an order until enough is found.
`a` is the account's alias everywhere, `c` its client's in `where_of`. Values are parameters, never text in SQL.
"""

# ruff: noqa: S608 - what is put together are columns and $n, never values

import itertools
import re
from collections.abc import Callable, Sequence

from console.objects.listing import AccountFilter
from matcher.address import AddressError, canonical_network, network_text

ID_DIGITS_MAX = 18
"""Longer numbers are no id that is ever given out; every one of this length fits a bigint."""

Placeholder = Callable[[object], str]
"""Takes a value, gives the `$n` that stands for it."""

_OF_CLIENT = "a.client_id IN (SELECT k.id FROM clients AS k WHERE {})"


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


def branches_of(wanted: AccountFilter, put: Placeholder) -> list[str]:
    """Conditions on `a`, one a branch: an account is wanted when one of them holds. No branch: none is."""
    groups = _groups(wanted, put, of_client=_OF_CLIENT)
    return [" AND ".join(chosen) for chosen in itertools.product(*groups)]


def where_of(wanted: AccountFilter, put: Placeholder) -> str:
    """The same as one condition on `a` and `c`."""
    groups = _groups(wanted, put, of_client="{}")
    return " AND ".join(f"({' OR '.join(group)})" if group else "false" for group in groups) or "true"


def _groups(wanted: AccountFilter, put: Placeholder, of_client: str) -> list[tuple[str, ...]]:
    """All of the groups must hold, and of a group one. `of_client` makes a condition on `k` one on `a`."""
    k = "k" if of_client is _OF_CLIENT else "c"

    def client(condition: str) -> str:
        return of_client.format(condition)

    groups: list[tuple[str, ...]] = []
    if wanted.q:
        text, found = wanted.q.strip(), []
        if text.isascii() and text.isdigit() and len(text) <= ID_DIGITS_MAX:
            found.append(f"a.id = {put(int(text))}")
        found += [*_networks(text, put), *_texts(text, ("a.name", "coalesce(a.ident_name, a.ani)"), put)]
        found += [client(condition) for condition in _texts(text, (f"{k}.name",), put)]
        groups.append(tuple(found))
    if wanted.ident:
        text = wanted.ident.strip()
        groups.append((*_networks(text, put), *_texts(text, ("coalesce(a.ident_name, a.ani)",), put)))
    if wanted.tech_prefix:
        pattern = put(_escaped(wanted.tech_prefix) + "%")
        groups.append((f"""a.tech_prefix COLLATE "C" LIKE {pattern}""",))
    if wanted.client:
        groups.append(tuple(client(condition) for condition in _texts(wanted.client.strip(), (f"{k}.name",), put)))
    if wanted.client_type:
        groups.append((client(f"{k}.client_type = {put(wanted.client_type)}"),))
    for column in ("orig_rate_table_id", "routing_plan_id", "term_rate_table_id", "client_id"):
        value = getattr(wanted, column)
        if value is not None:
            groups.append((f"a.{column} = {put(value)}",))
    for column, tags in (("orig_tags", wanted.orig_tags), ("term_tags", wanted.term_tags)):
        if tags:
            groups.append((f"(a.{column} <> '{{}}' AND a.{column} @> {put(list(tags))}::text[])",))
    for column, enabled in (("orig_enabled", wanted.orig), ("term_enabled", wanted.term)):
        if enabled is not None:
            groups.append((f"a.{column}" if enabled else f"NOT a.{column}",))
    if wanted.gateway_id is not None:
        bound = f"SELECT b.account_id FROM account_gateways AS b WHERE b.gateway_id = {put(wanted.gateway_id)}"
        groups.append((f"a.id IN ({bound})",))
    groups += [
        tuple(client(condition) if of_whom == "client" else condition for of_whom, condition in group)
        for group in _states(k)[wanted.state]
    ]
    return groups


def _states(k: str) -> dict[str, tuple[tuple[tuple[str, str], ...], ...]]:
    """State -> groups of (whose, condition)."""
    return {
        "": (),
        "on": (
            (("account", "(a.orig_enabled OR a.term_enabled)"),),
            (("account", "a.status = 'active'"),),
            (("client", f"{k}.status = 'active'"),),
        ),
        "off": ((("account", "NOT a.orig_enabled AND NOT a.term_enabled"),),),
        "blocked": ((("account", "a.status = 'blocked'"), ("client", f"{k}.status <> 'active'")),),
    }


def _networks(text: str, put: Placeholder) -> tuple[str, ...]:
    network = network_asked_for(text)
    if network is None:
        return ()
    return (
        f"a.id IN (SELECT n.account_id FROM account_networks AS n WHERE n.network && {put(network)}::text::inet)",
    )


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
    if text.endswith(":") and not text.endswith("::") and text.count(":") < 8:
        return f"{text}:/{16 * text.count(':')}"
    return ""


def _texts(text: str, columns: Sequence[str], put: Placeholder) -> list[str]:
    """Conditions that find the text in one of the columns, by trigrams where it has any to look up."""
    if not _is_storable(text):
        return []
    if _HAS_TRIGRAMS.search(text):
        pattern = f"%{_escaped(text)}%"
    elif _BEGINS_A_WORD.match(text):
        pattern = f"{_escaped(text)}%"
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


def _escaped(text: str) -> str:
    """So that LIKE takes every character as itself."""
    return re.sub(r"([\\%_])", r"\\\1", text)
