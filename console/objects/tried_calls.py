"""The calls that are tried on an account before it is saved: at each of its places, every set of conditions in play.

A place is a network, a name or a number. A call is tried for what each account at the place asks for, and for what
this account and each of them ask for together: where one can take a call from another, one of these is that call.
Calls keep clear of narrower places and longer prefixes, which are tried by themselves. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from console.objects.overlaps import NetworkSet, address_clear_of, covers
from matcher.account import Account, Direction, Gateway, IdentType, Network
from matcher.address import network_text
from matcher.attempt import CallAttempt, ClearPassword
from matcher.side import ani_key

PLACES_MAX = 200
"""Places of one account at which calls are tried: more would not be read, and take a page's time."""
CALLS_MAX = 5_000
"""Calls that are tried in all, some 20 µs each."""
GATEWAYS_MAX = 8
"""Gateways of one account for which calls are tried."""

_FIRST_DIGITS = "5" + "012346789" + "abcdefghijklmnopqrstuvwxyz"
_OTHER_DIGITS = "550100"
_NO_GATEWAY = 0
"""An id that no gateway has: a gateway to which no account is bound."""


class TriedCall(NamedTuple):
    """One call, and in an operator's words what it fulfils. `proves`: the account whose password it proves."""

    direction: Direction
    ident_by: IdentType
    at: str
    tech_prefix: str
    port: int | None
    protocol: str | None
    gateway_id: int | None
    proves: int | None
    attempt: CallAttempt
    gateway: Gateway


class _Asked(NamedTuple):
    """What a call is to fulfil besides its place."""

    tech_prefix: str
    port: int | None
    protocol: str | None
    gateway_id: int | None
    proves: int | None


class _Place(NamedTuple):
    """`accounts`: those that cover the whole of it. One of `address`, `name` and `number` is what calls there have;
    `numbers`: all that are known, of which calls to a prefix keep clear."""

    ident_by: IdentType
    at: str
    accounts: tuple[Account, ...]
    address: bytes | None = None
    name: str | None = None
    number: str | None = None
    is_prefix: bool = False
    numbers: frozenset[str] = frozenset()


def is_on(account: Account, direction: Direction) -> bool:
    """Whether the account is in the index of this direction."""
    return (account.orig if direction == "orig" else account.term) is not None


def proves(account: Account | None, attempt: CallAttempt) -> bool:
    """The prover of tried calls: such a call says the id of the account whose password it proves."""
    credentials = attempt.credentials
    return account is not None and isinstance(credentials, ClearPassword) and credentials.password == str(account.id)


def calls_to_try(versions: Sequence[Account], others: Sequence[Account]) -> tuple[list[TriedCall], int]:
    """All calls that are worth trying for these versions of one account among the others; and places left out."""
    places: list[_Place] = []
    left_out = 0
    for ident_type, places_of in _PLACES_OF.items():
        mine = [version for version in versions if version.ident_by == ident_type]
        if mine:
            theirs = [other for other in others if other.ident_by == ident_type]
            found, more = places_of(mine, theirs)
            places += found
            left_out += more
    calls: dict[tuple[object, ...], TriedCall] = {}
    directions: tuple[Direction, ...] = ("orig", "term")
    for direction in directions:
        for place in places:
            here = [account for account in place.accounts if is_on(account, direction)]
            mine = [version for version in versions if any(version is account for account in here)]
            if not mine:
                continue
            if len(calls) >= CALLS_MAX:
                left_out += 1
                continue
            for asked in _worth_asking(mine, here):
                call = _call(direction, place, asked, here)
                if call is not None:
                    calls.setdefault((direction, place.ident_by, place.at, asked), call)
    return list(calls.values()), left_out


def _worth_asking(mine: Sequence[Account], here: Sequence[Account]) -> Iterator[_Asked]:
    for account in here:
        yield from _asked_by(account)
    for version in mine:
        for other in here:
            if other.id != version.id:
                yield from _asked_by_both(version, other)


def _asked_by(account: Account) -> Iterator[_Asked]:
    for gateway_id in account.gateway_ids[:GATEWAYS_MAX] or (None,):
        asked = _Asked(account.tech_prefix, account.port, account.protocol, gateway_id, None)
        yield asked
        if account.ident_by == "name" and account.password is not None:
            yield asked._replace(proves=account.id)


def _asked_by_both(one: Account, other: Account) -> Iterator[_Asked]:
    longer, shorter = sorted((one.tech_prefix, other.tech_prefix), key=len, reverse=True)
    if not longer.startswith(shorter):
        return
    if one.port is not None and other.port is not None and one.port != other.port:
        return
    if one.protocol is not None and other.protocol is not None and one.protocol != other.protocol:
        return
    if one.gateway_ids and other.gateway_ids:
        gateways: Sequence[int | None] = sorted(set(one.gateway_ids) & set(other.gateway_ids))
    else:
        gateways = one.gateway_ids or other.gateway_ids or (None,)
    port = other.port if one.port is None else one.port
    protocol = one.protocol or other.protocol
    provable = [account.id for account in (one, other) if account.ident_by == "name" and account.password is not None]
    for gateway_id in gateways[:GATEWAYS_MAX]:
        for proved in (None, *provable):
            yield _Asked(longer, port, protocol, gateway_id, proved)


def _call(direction: Direction, place: _Place, asked: _Asked, here: Sequence[Account]) -> TriedCall | None:
    prefixes = {account.tech_prefix for account in here}
    ani = None
    if place.number is None:
        dnis = _clear_of(asked.tech_prefix, prefixes)
    elif direction == "orig":
        dnis = _clear_of(asked.tech_prefix, prefixes)
        ani = _clear_of(place.number, place.numbers) if place.is_prefix else place.number
    else:
        dnis = _called(place, asked.tech_prefix, prefixes | place.numbers)
    if dnis is None or (place.number is not None and direction == "orig" and ani is None):
        return None
    attempt = CallAttempt(
        direction=direction,
        dnis=dnis,
        address=place.address,
        port=asked.port or 0,
        protocol=asked.protocol,
        name=place.name,
        name_verified=place.name is not None and asked.proves is None,
        credentials=None if asked.proves is None else ClearPassword(str(asked.proves)),
        ani=ani,
    )
    gateway = Gateway(id=asked.gateway_id or _NO_GATEWAY, name="", ident_order=(place.ident_by,))
    return TriedCall(direction, place.ident_by, place.at, *asked, attempt, gateway)


def _called(place: _Place, tech_prefix: str, beginnings: set[str]) -> str | None:
    """A called number that is this place's and has the tech prefix: on the way out the place is the called number."""
    number = place.number or ""
    if not place.is_prefix:
        return number if number.startswith(tech_prefix) else None
    longer, shorter = sorted((number, tech_prefix), key=len, reverse=True)
    return _clear_of(longer, beginnings) if longer.startswith(shorter) else None


def _clear_of(beginning: str, others: Iterable[str]) -> str | None:
    """A number that begins so and with none of the others that are longer; None where they leave no room."""
    taken = {other[len(beginning)] for other in others if len(other) > len(beginning) and other.startswith(beginning)}
    for digit in _FIRST_DIGITS:
        if digit not in taken:
            return beginning + digit + _OTHER_DIGITS
    return None


def _name_places(mine: Sequence[Account], theirs: Sequence[Account]) -> tuple[list[_Place], int]:
    names = dict.fromkeys(version.ident_name or "" for version in mine)
    everybody = (*mine, *theirs)
    return [
        _Place("name", name, tuple(account for account in everybody if account.ident_name == name), name=name)
        for name in names
    ], 0


def _ani_places(mine: Sequence[Account], theirs: Sequence[Account]) -> tuple[list[_Place], int]:
    """The numbers of the versions, and those of others that lie within them."""
    own = [ani_key(version) for version in mine]
    everybody = (*mine, *theirs)
    within = [
        key
        for key in map(ani_key, theirs)
        if any(is_prefix and key[1].startswith(number) for is_prefix, number in own)
    ]
    numbers = frozenset(ani_key(account)[1] for account in everybody)
    places = []
    for is_prefix, number in dict.fromkeys([*own, *within]):
        here = tuple(account for account in everybody if _has_number(ani_key(account), is_prefix, number))
        at = f"{number}*" if is_prefix else number
        places.append(_Place("ani", at, here, number=number, is_prefix=is_prefix, numbers=numbers))
    return places[:PLACES_MAX], max(0, len(places) - PLACES_MAX)


def _has_number(key: tuple[bool, str], is_prefix: bool, number: str) -> bool:
    """Whether an account known by `key` covers the whole of the place."""
    return number.startswith(key[1]) if key[0] else (not is_prefix and key[1] == number)


def _network_places(mine: Sequence[Account], theirs: Sequence[Account]) -> tuple[list[_Place], int]:
    """The networks of the versions, those with company first, and networks of others that lie within them."""
    by_network: dict[Network, list[Account]] = {}
    for account in (*mine, *theirs):
        for network in dict.fromkeys(account.networks):
            by_network.setdefault(network, []).append(account)
    own = dict.fromkeys(network for version in mine for network in version.networks)
    own_set = NetworkSet(own)
    within = [network for network in by_network if own_set.relation(network) == "narrower" and network not in own]
    lengths = NetworkSet(by_network).lengths
    inner: dict[Network, list[Network]] = {}
    for network in (*own, *within):
        for cover in covers(network, lengths):
            if cover != network and cover in by_network:
                inner.setdefault(cover, []).append(network)
    found: list[tuple[bool, _Place]] = []
    for network in (*own, *within):
        address = address_clear_of(network, inner.get(network, ()))
        if address is not None:
            here = tuple(account for cover in covers(network, lengths) for account in by_network.get(cover, ()))
            here = tuple({id(account): account for account in here}.values())
            alone = all(any(account is version for version in mine) for account in here)
            found.append((alone, _Place("ip", network_text(network), here, address=address)))
    found.sort(key=lambda pair: pair[0])
    return [place for _, place in found[:PLACES_MAX]], max(0, len(found) - PLACES_MAX)


_PLACES_OF = {"ip": _network_places, "name": _name_places, "ani": _ani_places}
