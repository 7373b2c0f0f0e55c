"""What saving an account would do, before it is saved: who shares its place, who wins which calls, before and after.

The matcher is the only brain: calls are tried on two indexes, with the account as it is and as it would be, and what
they answer is put into words. Frozen values, ready for a page and for JSON. Pure; some milliseconds, or some tenths
of a second where thousands of networks meet.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import msgspec

from console.objects.account import AccountDraft
from console.objects.account_warnings import CallsUp, Caution, cautions
from console.objects.matched_account import NEW_ACCOUNT_ID, Neighbours, matched
from console.objects.overlaps import NetworkSet, Relation
from console.objects.tried_calls import TriedCall, calls_to_try, is_on, proves
from loader.findings import shadows
from matcher.account import Account, Direction, IdentType
from matcher.address import network_text
from matcher.index import AccountIndex, Match
from matcher.shelf import can_tie
from matcher.side import ani_key

OUTCOMES_MAX = 100
PLACES_NAMED_MAX = 3
DIRECTIONS: tuple[Direction, ...] = ("orig", "term")

Change = Literal["lost", "won", "client", "same"]
"""What happens to the calls: this account loses them, gets them, keeps them for another client, or nothing."""
CHANGES: tuple[Change, ...] = get_args(Change)


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """An account in words. `account_id` None: the new one. `is_this`: the account that is being edited."""

    account_id: int | None
    account: str
    client_id: int
    client: str
    is_this: bool = False


class Sharer(msgspec.Struct, frozen=True, kw_only=True):
    """Another account at the same place. `at`: where they meet first; `places`: at how many places.

    `relation`: its place is the same as one of this account's, wider (covers it) or narrower (lies in it).
    """

    who: Who
    relation: Relation
    at: str
    places: int
    directions: tuple[Direction, ...]
    tech_prefix: str
    conditions: str
    blocked: bool


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Whose calls of one sort are, before and after. None: nobody's (refused as unknown_source).

    `at`: the first few places; `places`: of how many this is so. `ambiguous`: only the id decides, afterwards.
    """

    direction: Direction
    ident_by: IdentType
    at: tuple[str, ...]
    places: int
    tech_prefix: str
    conditions: str
    before: Who | None
    after: Who | None
    ambiguous: bool
    change: Change
    sentence: str


class Tie(msgspec.Struct, frozen=True, kw_only=True):
    """An account of another client of which only the id tells this one apart. `new`: it was not so before."""

    other: Who
    wins: Who
    direction: Direction
    at: str
    places: int
    new: bool
    sentence: str


class Shadow(msgspec.Struct, frozen=True, kw_only=True):
    """An account that gets no call here, because `by` stands before it wherever it could."""

    shadowed: Who
    by: Who
    direction: Direction
    sentence: str


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `outcomes`: changes first; `outcomes_left_out`, `places_left_out`: not shown, and not tried.

    `sharing_more` others share the place and were not looked at, at least so many where `sharing_many`.
    `calls_up` None: the daemon did not say, or the account is new.
    """

    sharing: tuple[Sharer, ...]
    sharing_more: int
    sharing_many: bool
    unusable: tuple[int, ...]
    outcomes: tuple[Outcome, ...]
    outcomes_left_out: int
    places_left_out: int
    ambiguous: tuple[Tie, ...]
    shadowed: tuple[Shadow, ...]
    warnings: tuple[Caution, ...]
    calls_up: CallsUp | None

    @property
    def takeovers(self) -> tuple[Outcome, ...]:
        """The calls that go to another than before."""
        return tuple(outcome for outcome in self.outcomes if outcome.change != "same")


def effect_of(
    draft: AccountDraft,
    around: Neighbours,
    now: float,
    *,
    has_password: bool = False,
    calls_up: CallsUp | None = None,
) -> Effect:
    """What saving the draft would do among its neighbours. `has_password`: as it would be afterwards.

    `now`: Unix seconds. `calls_up`: what the daemon says of the account.
    """
    account_id = NEW_ACCOUNT_ID if around.own is None else around.own.id
    after = matched(draft, account_id, has_password=has_password)
    return _Judge(draft, after, around, calls_up, now).effect()


class _Judge:
    """Two indexes, the words for accounts, and what was found so far."""

    __slots__ = ("_after", "_around", "_before", "_calls_up", "_draft", "_now", "_others", "_this", "_was")

    def __init__(
        self, draft: AccountDraft, this: Account, around: Neighbours, calls_up: CallsUp | None, now: float
    ) -> None:
        self._draft = draft
        self._this = this
        self._was = around.own
        self._around = around
        self._calls_up = calls_up
        self._now = now
        self._others = _meeting(around.accounts, [this] if around.own is None else [this, around.own])
        self._before = _index(self._others, self._was)
        self._after = _index(self._others, this)

    def effect(self) -> Effect:
        versions = [self._this] if self._was is None else [self._this, self._was]
        calls, places_left_out = calls_to_try(versions, self._others)
        tried = [(call, *self._asked(call)) for call in calls]
        outcomes = self._outcomes(tried)
        facts = self._around.clients.get(self._this.client_id)
        return Effect(
            sharing=tuple(self._sharing()),
            sharing_more=self._around.more,
            sharing_many=self._around.many,
            unusable=self._around.unusable,
            outcomes=tuple(outcomes[:OUTCOMES_MAX]),
            outcomes_left_out=max(0, len(outcomes) - OUTCOMES_MAX),
            places_left_out=places_left_out,
            ambiguous=tuple(self._ties()),
            shadowed=tuple(self._shadowed(tried)),
            warnings=cautions(
                self._draft, facts, self._calls_up, self._now, has_password=self._this.password is not None
            ),
            calls_up=self._calls_up,
        )

    def _asked(self, call: TriedCall) -> tuple[Match | None, Match | None]:
        before = self._before.identify(call.attempt, call.gateway)
        after = self._after.identify(call.attempt, call.gateway)
        return before if isinstance(before, Match) else None, after if isinstance(after, Match) else None

    def _who(self, account: Account) -> Who:
        facts = self._around.clients.get(account.client_id)
        return Who(
            account_id=None if account.id == NEW_ACCOUNT_ID else account.id,
            account=account.name,
            client_id=account.client_id,
            client=f"#{account.client_id}" if facts is None else facts.name,
            is_this=account.id == self._this.id,
        )

    def _sharing(self) -> Iterable[Sharer]:
        for other in self._others:
            found = _relation(other, self._this)
            if found is not None:
                relation, places = found
                yield Sharer(
                    who=self._who(other),
                    relation=relation,
                    at=places[0],
                    places=len(places),
                    directions=tuple(direction for direction in DIRECTIONS if is_on(other, direction)),
                    tech_prefix=other.tech_prefix,
                    conditions=self._conditions(other.port, other.protocol, other.gateway_ids),
                    blocked=other.blocked,
                )

    def _conditions(self, port: int | None, protocol: str | None, gateway_ids: Sequence[int]) -> str:
        said = [] if protocol is None else [f"over {protocol.upper()}"]
        said += [] if port is None else [f"port {port}"]
        names = [self._around.gateways.get(gateway_id, f"#{gateway_id}") for gateway_id in gateway_ids]
        return ", ".join([*said, *([f"asked by {' or '.join(names)}"] if names else [])])

    def _outcomes(self, tried: Sequence[tuple[TriedCall, Match | None, Match | None]]) -> list[Outcome]:
        """One outcome for all places at which the same call ends the same way; changes first."""
        alike: dict[tuple[object, ...], tuple[TriedCall, Match | None, Match | None, list[str]]] = {}
        for call, before, after in tried:
            ambiguous = after is not None and after.ambiguous
            ends = (before and before.account.id, after and after.account.id, ambiguous)
            key = (call.direction, call.ident_by, *call[3:8], *ends)
            alike.setdefault(key, (call, before, after, []))[3].append(call.at)
        outcomes = [self._outcome(*one) for one in alike.values()]
        return sorted(outcomes, key=lambda outcome: CHANGES.index(outcome.change))

    def _outcome(self, call: TriedCall, before: Match | None, after: Match | None, places: list[str]) -> Outcome:
        was = None if before is None else self._who(before.account)
        becomes = None if after is None else self._who(after.account)
        conditions = self._conditions(call.port, call.protocol, () if call.gateway_id is None else (call.gateway_id,))
        if call.proves is not None:
            owner = next(one for one in (*self._others, self._this) if one.id == call.proves)
            conditions = ", ".join(filter(None, [conditions, f"with the password of {owner.name}"]))
        return Outcome(
            direction=call.direction,
            ident_by=call.ident_by,
            at=tuple(places[:PLACES_NAMED_MAX]),
            places=len(places),
            tech_prefix=call.tech_prefix,
            conditions=conditions,
            before=was,
            after=becomes,
            ambiguous=after is not None and after.ambiguous,
            change=_change(was, becomes),
            sentence=_sentence(call, places, conditions, was, becomes),
        )

    def _ties(self) -> Iterable[Tie]:
        for other in self._others:
            for direction in DIRECTIONS:
                places = _common_places(self._this, other, direction)
                if not places or not can_tie(self._this, other):
                    continue
                was = self._was
                old = was is not None and can_tie(was, other) and bool(_common_places(was, other, direction))
                first = min(self._this, other, key=lambda account: account.id)
                calls = _calls(direction, self._this.ident_by, places, self._this.tech_prefix)
                yield Tie(
                    other=self._who(other),
                    wins=self._who(first),
                    direction=direction,
                    at=places[0],
                    places=len(places),
                    new=not old,
                    sentence=f"{calls} are as much {_called(self._who(other))}'s as this account's: only the lower "
                    f"id decides, for {_called(self._who(first))}. Give one another tech prefix, port, protocol or "
                    "gateway.",
                )

    def _shadowed(self, tried: Sequence[tuple[TriedCall, Match | None, Match | None]]) -> Iterable[Shadow]:
        """This account where no call that was tried would be its own; others of its client that it hides, or that
        hide it at all places."""
        for direction in DIRECTIONS:
            if is_on(self._this, direction):
                mine = [(call, after) for call, _, after in tried if call.direction == direction]
                won = any(after is not None and after.account.id == self._this.id for _, after in mine)
                before_it = next((after.account for call, after in mine if after and self._wanted(call)), None)
                if mine and not won and before_it is not None:
                    yield self._shadow(self._this, before_it, direction)
                    continue
            for other in self._around.accounts:
                places = _common_places(self._this, other, direction)
                if (
                    len(places) == len(_places(other))
                    and self._this.id < other.id
                    and _same_conditions(self._this, other)
                    and shadows(self._this, other)
                ):
                    yield self._shadow(other, self._this, direction)

    def _wanted(self, call: TriedCall) -> bool:
        """Whether the call fulfils what this account asks."""
        return (
            call.attempt.dnis.startswith(self._this.tech_prefix)
            and self._this.port in (None, call.port)
            and self._this.protocol in (None, call.protocol)
            and (not self._this.gateway_ids or call.gateway_id in self._this.gateway_ids)
        )

    def _shadow(self, shadowed: Account, by: Account, direction: Direction) -> Shadow:
        said = "sends us" if direction == "orig" else "takes from us"
        return Shadow(
            shadowed=self._who(shadowed),
            by=self._who(by),
            direction=direction,
            sentence=f"No call that it {said} would be {_called(self._who(shadowed))}'s: "
            f"{_called(self._who(by))} stands before it.",
        )


def _index(others: Iterable[Account], this: Account | None) -> AccountIndex:
    index = AccountIndex(proves)
    for account in (*others, *(() if this is None else (this,))):
        index.insert(account)
    return index


def _meeting(others: Iterable[Account], versions: Sequence[Account]) -> tuple[Account, ...]:
    """The others with only those of their networks that meet one of the versions'."""
    own = NetworkSet(network for version in versions for network in version.networks)
    found = []
    for other in others:
        if other.ident_by == "ip":
            networks = tuple(network for network in other.networks if own.relation(network) is not None)
            found.append(other if networks == other.networks else msgspec.structs.replace(other, networks=networks))
        else:
            found.append(other)
    return tuple(found)


def _places(account: Account) -> tuple[str, ...]:
    """What the account is known by, as people write it."""
    if account.ident_by == "ip":
        return tuple(dict.fromkeys(map(network_text, account.networks)))
    if account.ident_by == "name":
        return (account.ident_name or "",)
    is_prefix, number = ani_key(account)
    return (f"{number}*" if is_prefix else number,)


def _common_places(one: Account, other: Account, direction: Direction) -> list[str]:
    """The places at which both lie in the index of this direction."""
    if one.ident_by != other.ident_by or not (is_on(one, direction) and is_on(other, direction)):
        return []
    theirs = set(_places(other))
    return [place for place in _places(one) if place in theirs]


def _relation(other: Account, this: Account) -> tuple[Relation, list[str]] | None:
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
            found["same"] = list(_places(other))
    else:
        (is_prefix, number), (others_is_prefix, others_number) = ani_key(this), ani_key(other)
        if (is_prefix, number) == (others_is_prefix, others_number):
            found["same"] = list(_places(other))
        elif others_is_prefix and number.startswith(others_number):
            found["wider"] = list(_places(other))
        elif is_prefix and others_number.startswith(number):
            found["narrower"] = list(_places(other))
    relations: tuple[Relation, ...] = ("same", "wider", "narrower")
    return next(((relation, found[relation]) for relation in relations if relation in found), None)


def _same_conditions(one: Account, other: Account) -> bool:
    return (one.tech_prefix, one.port, one.protocol, not one.gateway_ids) == (
        other.tech_prefix, other.port, other.protocol, not other.gateway_ids
    )  # fmt: skip


def _change(before: Who | None, after: Who | None) -> Change:
    was, becomes = before is not None and before.is_this, after is not None and after.is_this
    if was != becomes:
        return "won" if becomes else "lost"
    moved = before is not None and after is not None and before.client_id != after.client_id
    return "client" if moved else "same"


_CALLS: dict[tuple[Direction, IdentType], str] = {
    ("orig", "ip"): "Calls from {}",
    ("term", "ip"): "Calls to {}",
    ("orig", "name"): "Calls from {}",
    ("term", "name"): "Calls to {}",
    ("orig", "ani"): "Calls from number {}",
    ("term", "ani"): "Calls to number {}",
}


def _calls(direction: Direction, ident_by: IdentType, places: Sequence[str], tech_prefix: str) -> str:
    said = ", ".join(places[:PLACES_NAMED_MAX])
    if len(places) > PLACES_NAMED_MAX:
        said += f" and {len(places) - PLACES_NAMED_MAX:,} more"
    prefix = f" with prefix {tech_prefix}" if tech_prefix else ""
    return _CALLS[direction, ident_by].format(said) + prefix


def _called(who: Who) -> str:
    return "this account" if who.is_this else f"{who.account} ({who.client})"


def _sentence(call: TriedCall, places: Sequence[str], conditions: str, before: Who | None, after: Who | None) -> str:
    calls = _calls(call.direction, call.ident_by, places, call.tech_prefix)
    if conditions:
        calls += f", {conditions},"
    if before is not None and after is not None and before.account_id == after.account_id:
        stays = f"{calls} are {_called(after)}'s"
        return (
            f"{stays}."
            if before.client_id == after.client_id
            else f"{stays}, for {after.client} and no more {before.client}."
        )
    if after is None:
        return f"{calls} go to nobody; today they are {_called(before)}'s." if before else f"{calls} are nobody's."
    if before is None:
        return f"{calls} go to {_called(after)}; today they are nobody's."
    return f"{calls} go to {_called(after)} instead of {_called(before)}."
