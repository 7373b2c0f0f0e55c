"""The sentences: who gets which calls instead of whom."""

import pytest

from console.objects.effect_values import Change, Who
from console.objects.effect_words import called, calls_at, change_of_hands, sentence_of
from console.objects.tried_calls import TriedCall
from matcher.account import Gateway
from matcher.attempt import CallAttempt

THIS = Who(account_id=7, account="b", client_id=1, client="Rose", is_this=True)
MOVED = Who(account_id=7, account="b", client_id=2, client="Iris", is_this=True)
OTHER = Who(account_id=8, account="a", client_id=2, client="Iris")
CALL = TriedCall("orig", "ip", "192.0.2.10", "1234#", None, None, None, None, CallAttempt("orig", "1234#5"),
                 Gateway(id=1, name=""))  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "change", "words"),
    [
        (OTHER, THIS, "won", " go to this account instead of a (Iris)."),
        (None, THIS, "won", " go to this account; today they are nobody's."),
        (THIS, OTHER, "lost", " go to a (Iris) instead of this account."),
        (THIS, None, "lost", " go to nobody; today they are this account's."),
        (THIS, MOVED, "client", " are this account's, for Iris and no more Rose."),
        (THIS, THIS, "same", " are this account's."),
        (OTHER, OTHER, "same", " are a (Iris)'s."),
        (None, None, "same", " are nobody's."),
    ],
)
def test_what_happens_to_the_calls_is_said(before: Who | None, after: Who | None, change: Change, words: str) -> None:
    assert change_of_hands(before, after) == change
    assert sentence_of(CALL, ["192.0.2.10"], "", before, after) == "Calls from 192.0.2.10 with prefix 1234#" + words


def test_conditions_and_many_places_are_part_of_the_sentence() -> None:
    said = sentence_of(CALL, ["a", "b", "c", "d", "e"], "port 5060", None, OTHER)
    assert said.startswith("Calls from a, b, c and 2 more with prefix 1234#, port 5060, go to a (Iris)")


def test_on_the_way_out_calls_go_to_a_place() -> None:
    assert calls_at("term", "ani", ["44*"], "") == "Calls to number 44*"
    assert calls_at("term", "ip", ["10.0.0.1"], "") == "Calls to 10.0.0.1"
    assert called(THIS) == "this account"
