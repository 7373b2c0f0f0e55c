"""Where two accounts meet: the networks, names and numbers at which the same calls may be both's. Pure, and bounded.

An account may have 4,096 networks, and 200 neighbours with as many each: what nobody would read is left out first,
and counted, so that judging a change takes some tenths of a second at most.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from console.objects.overlaps import NetworkSet, Relation
from console.objects.tried_calls import PLACES_MAX, is_on
from matcher.account import Account, Direction, Network
from matcher.address import network_text
from matcher.side import ani_key

LOOKS_MAX = 50_000
"""Networks of neighbours that are looked at, in the order of the neighbours: some 0.2 s."""
NARROWER_MAX = 50
"""Of one neighbour's networks within those of the account so many count; calls are not tried at the others."""

RELATIONS: tuple[Relation, ...] = ("same", "wider", "narrower")


class Meeting(NamedTuple):
    """The versions of the account and the others, with only those of their networks that matter here.

    `left_out`: networks that might have mattered too.
    """

    versions: tuple[Account, ...]
    others: tuple[Account, ...]
    left_out: int


def meeting(versions: Sequence[Account], others: Sequence[Account]) -> Meeting:
    """At most PLACES_MAX networks of the versions, those with company first, and what of the others meets them."""
    looks, left_out = LOOKS_MAX, 0
    looked_at: list[tuple[Network, ...]] = []
    for other in others:
        looked_at.append(other.networks[:looks])
        left_out += max(0, len(other.networks) - looks)
        looks = max(0, looks - len(other.networks))
    own = tuple(dict.fromkeys(network for version in versions for network in version.networks))
    if len(own) > PLACES_MAX:
        theirs = NetworkSet(network for networks in looked_at for network in networks)
        left_out += len(own) - PLACES_MAX
        own = tuple(sorted(own, key=lambda network: theirs.relation(network) is None)[:PLACES_MAX])
    chosen, own_set = frozenset(own), NetworkSet(own)
    kept: list[Account] = []
    for other, networks in zip(others, looked_at, strict=True):
        by_relation: dict[Relation, list[Network]] = {relation: [] for relation in RELATIONS}
        for network in networks:
            relation = own_set.relation(network)
            if relation is not None:
                by_relation[relation].append(network)
        left_out += max(0, len(by_relation["narrower"]) - NARROWER_MAX)
        meets = (*by_relation["same"], *by_relation["wider"], *by_relation["narrower"][:NARROWER_MAX])
        kept.append(replace(other, networks=meets))
    mine = [replace(one, networks=tuple(n for n in one.networks if n in chosen)) for one in versions]
    return Meeting(tuple(mine), tuple(kept), left_out)


def places_of(account: Account) -> tuple[str, ...]:
    """What the account is known by, as people write it."""
    if account.ident_by == "ip":
        return tuple(dict.fromkeys(map(network_text, account.networks)))
    if account.ident_by == "name":
        return (account.ident_name or "",)
    is_prefix, number = ani_key(account)
    return (f"{number}*" if is_prefix else number,)


def common_places(one: Account, other: Account, direction: Direction) -> list[str]:
    """The places at which both lie in the index of this direction."""
    if one.ident_by != other.ident_by or not (is_on(one, direction) and is_on(other, direction)):
        return []
    if one.ident_by == "ip":
        theirs = set(other.networks)
        return [network_text(network) for network in dict.fromkeys(one.networks) if network in theirs]
    return [place for place in places_of(one) if place in places_of(other)]


def relation_of(other: Account, this: Account) -> tuple[Relation, list[str]] | None:
    """How the other's places stand to this account's: the closest relation, and its places that stand so."""
    if other.ident_by != this.ident_by:
        return None
    found: dict[Relation, list[str]] = {}
    if this.ident_by == "ip":
        own = NetworkSet(this.networks)
        for network in other.networks:
            relation = own.relation(network)
            if relation is not None:
                found.setdefault(relation, []).append(network_text(network))
    elif this.ident_by == "name":
        if this.ident_name == other.ident_name:
            found["same"] = list(places_of(other))
    else:
        (is_prefix, number), (others_is_prefix, others_number) = ani_key(this), ani_key(other)
        if (is_prefix, number) == (others_is_prefix, others_number):
            found["same"] = list(places_of(other))
        elif others_is_prefix and number.startswith(others_number):
            found["wider"] = list(places_of(other))
        elif is_prefix and others_number.startswith(number):
            found["narrower"] = list(places_of(other))
    return next(((relation, found[relation]) for relation in RELATIONS if relation in found), None)
