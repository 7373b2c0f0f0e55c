"""An effect as a value: it travels as JSON, and takeovers are what changes hands."""

import msgspec

from console.objects.effect_values import CHANGES, Change, Effect, Outcome


def outcome(change: Change) -> Outcome:
    return Outcome(direction="orig", ident_by="ip", at=("10.0.0.1",), places=1, tech_prefix="", conditions="",
                   before=None, after=None, ambiguous=False, change=change, sentence=change)  # fmt: skip


EFFECT = Effect(
    sharing=(), sharing_more=0, sharing_many=False, unusable=(), outcomes=tuple(map(outcome, CHANGES)),
    outcomes_left_out=0, places_left_out=0, ambiguous=(), shadowed=(), warnings=(), calls_up=None,
)  # fmt: skip


def test_takeovers_are_all_but_what_stays_the_same() -> None:
    assert [one.change for one in EFFECT.takeovers] == ["lost", "won", "client"]


def test_it_travels_as_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(EFFECT), type=Effect) == EFFECT
