"""What saving an account would do, as values: ready for a page and for JSON. Nothing is found out here."""

from typing import Literal, get_args

import msgspec

from console.objects.account_warnings import CallsUp, Caution
from console.objects.overlaps import Relation
from matcher.account import Direction, IdentType

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
