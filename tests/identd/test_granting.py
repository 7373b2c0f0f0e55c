"""What a grant says: the account's own assignment beats its client's (docs/matching.md §4)."""

import pytest

from identd.decision import Grant
from matcher.account import OrigSide, TermSide
from tests.identd.building import NOW, account, attempt, client, engine


def identified(direction: str, own: int | None, clients: int | None) -> Grant:
    given = engine(
        account(orig=OrigSide(own, own), term=TermSide(own)),
        client(orig_rate_table_id=clients, term_rate_table_id=clients, routing_plan_id=clients),
    ).identify(attempt(direction=direction), None, NOW)
    assert isinstance(given, Grant)
    return given


@pytest.mark.rule("M4.1")
@pytest.mark.parametrize("direction", ["orig", "term"])
@pytest.mark.parametrize(
    ("own", "clients", "expected"),
    [
        (5, 9, (5, "account")),
        (5, None, (5, "account")),
        (None, 9, (9, "client")),
        (None, None, (None, None)),
        (0, 9, (0, "account")),
    ],
)
def test_account_beats_client_and_the_answer_says_which_it_was(
    direction: str, own: int | None, clients: int | None, expected: tuple[int | None, str | None]
) -> None:
    given = identified(direction, own, clients)
    assert (given.rate_table_id, given.rate_table_from) == expected
    plan = expected if direction == "orig" else (None, None)  # a call that we send has been routed already
    assert (given.routing_plan_id, given.routing_plan_from) == plan
