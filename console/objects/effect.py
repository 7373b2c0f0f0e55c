"""What saving an account would do, before it is saved: who shares its place, who wins which calls, before and after.

The matcher is the only brain: calls are tried on two indexes, with the account as it is and as it would be, and what
they answer is put into words. Frozen values, ready for a page and for JSON. Pure; some milliseconds, or some tenths
of a second where thousands of networks meet.
"""

from collections.abc import Iterable, Sequence

from console.objects.account import AccountDraft
from console.objects.account_warnings import CallsUp, cautions
from console.objects.effect_values import CHANGES, Effect, Outcome, Shadow, Sharer, Tie, Who
from console.objects.effect_words import PLACES_NAMED_MAX, called, calls_at, change_of_hands, sentence_of
from console.objects.matched_account import NEW_ACCOUNT_ID, Neighbours, matched
from console.objects.shared_places import common_places, meeting, relation_of
from console.objects.tried_calls import TriedCall, calls_to_try, is_on, proves
from loader.findings import shadows
from matcher.account import Account, Direction
from matcher.index import AccountIndex, Match
from matcher.shelf import can_tie

__all__ = ["Effect", "effect_of"]

OUTCOMES_MAX = 100
"""Sorts of calls that are shown: more nobody reads."""
DIRECTIONS: tuple[Direction, ...] = ("orig", "term")


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

    __slots__ = ("_after", "_around", "_before", "_calls_up", "_draft", "_met", "_now", "_others", "_this", "_was")

    def __init__(
        self, draft: AccountDraft, this: Account, around: Neighbours, calls_up: CallsUp | None, now: float
    ) -> None:
        self._draft = draft
        self._around = around
        self._calls_up = calls_up
        self._now = now
        versions = [this] if around.own is None else [this, around.own]
        self._met = meeting(versions, around.accounts)
        self._this = self._met.versions[0]
        self._was = None if around.own is None else self._met.versions[1]
        self._others = self._met.others
        self._before = _index(self._others, self._was)
        self._after = _index(self._others, self._this)

    def effect(self) -> Effect:
        calls, places_left_out = calls_to_try(self._met.versions, self._others)
        tried = [(call, *self._asked(call)) for call in calls]
        outcomes = self._outcomes(tried)
        facts = self._around.clients.get(self._this.client_id)
        has_password = self._this.password is not None
        return Effect(
            sharing=tuple(self._sharing()),
            sharing_more=self._around.more,
            sharing_many=self._around.many,
            unusable=self._around.unusable,
            outcomes=tuple(outcomes[:OUTCOMES_MAX]),
            outcomes_left_out=max(0, len(outcomes) - OUTCOMES_MAX),
            places_left_out=places_left_out + self._met.left_out,
            ambiguous=tuple(self._ties()),
            shadowed=tuple(self._shadowed(tried)),
            warnings=cautions(self._draft, facts, self._calls_up, self._now, has_password=has_password),
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
            found = relation_of(other, self._this)
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
        """One outcome for all places at which the same call ends the same way; changes first, then its own calls."""
        alike: dict[tuple[object, ...], tuple[TriedCall, Match | None, Match | None, list[str]]] = {}
        for call, before, after in tried:
            ambiguous = after is not None and after.ambiguous
            ends = (before and before.account.id, after and after.account.id, ambiguous)
            key = (call.direction, call.ident_by, *call[3:8], *ends)
            alike.setdefault(key, (call, before, after, []))[3].append(call.at)
        outcomes = [self._outcome(*one) for one in alike.values()]
        return sorted(outcomes, key=_first_what_matters)

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
            change=change_of_hands(was, becomes),
            sentence=sentence_of(call, places, conditions, was, becomes),
        )

    def _ties(self) -> Iterable[Tie]:
        for other in self._others:
            for direction in DIRECTIONS:
                places = common_places(self._this, other, direction)
                if not places or not can_tie(self._this, other):
                    continue
                was = self._was
                old = was is not None and can_tie(was, other) and bool(common_places(was, other, direction))
                first = min(self._this, other, key=lambda account: account.id)
                calls = calls_at(direction, self._this.ident_by, places, self._this.tech_prefix)
                yield Tie(
                    other=self._who(other),
                    wins=self._who(first),
                    direction=direction,
                    at=places[0],
                    places=len(places),
                    new=not old,
                    sentence=f"{calls} are as much {called(self._who(other))}'s as this account's: only the lower "
                    f"id decides, for {called(self._who(first))}. Give one another tech prefix, port, protocol or "
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
                if self._this.id < other.id and _same_conditions(self._this, other) and shadows(self._this, other):
                    places = common_places(self._this, other, direction)
                    if len(places) == max(1, len(set(other.networks))):
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
            sentence=f"No call that it {said} would be {called(self._who(shadowed))}'s: "
            f"{called(self._who(by))} stands before it.",
        )


def _index(others: Iterable[Account], this: Account | None) -> AccountIndex:
    index = AccountIndex(proves)
    for account in (*others, *(() if this is None else (this,))):
        index.insert(account)
    return index


def _first_what_matters(outcome: Outcome) -> tuple[int, bool]:
    return CHANGES.index(outcome.change), outcome.after is None or not outcome.after.is_this


def _same_conditions(one: Account, other: Account) -> bool:
    return (one.tech_prefix, one.port, one.protocol, not one.gateway_ids) == (
        other.tech_prefix, other.port, other.protocol, not other.gateway_ids
    )  # fmt: skip
