"""What a page of accounts shows beside them: calls up, the last call, what is wrong with the row."""

from typing import Any

import pytest

from identd import usage
from identd.engine import Engine
from matcher.account import OrigSide
from matcher.change import ChangeSet, RowQuarantined
from protocol.framing import FRAME_BYTES_MAX, Encoding
from tests.identd.building import NOW, Talk, account, change, client, engine, gateway, gone

BOTH = pytest.mark.parametrize("encoding", ["json", "msgpack"])


def quarantine(made: Engine, row_id: int, table: str = "accounts", reason: str = "a space") -> None:
    bad = RowQuarantined(table, row_id, "tech_prefix", reason)  # type: ignore[arg-type]  # one of the four tables
    made.applied(made.directory.apply(ChangeSet((bad,))), NOW)


def of_account(talk: Talk, row_id: int = 1) -> dict[str, Any]:
    (told,) = talk.say("usage", accounts=[row_id])["accounts"]
    assert told.pop("account_id") == row_id
    return dict(told)


@BOTH
@pytest.mark.rule("P3.3", "P3.6")
def test_usage_moves_with_every_call_of_account_and_client(encoding: Encoding) -> None:
    talk = Talk(engine(account(1), account(2), account(3, 2), client(), client(2)), encoding=encoding)
    nothing = talk.say("usage", accounts=[1, 2, 3], clients=[1, 2])
    assert [(told["orig"], told["term"]) for told in nothing["accounts"] + nothing["clients"]] == [(0, 0)] * 5
    assert nothing["calls"] == 0
    talk.authorize("a")
    talk.authorize("b", direction="term")
    talk.authorize("c", ip="10.0.0.2")
    talk.authorize("d", ip="10.0.0.3")
    told = talk.say("usage", accounts=[1, 2, 3], clients=[1, 2])
    assert [(one["account_id"], one["orig"], one["term"]) for one in told["accounts"]] == [
        (1, 1, 1),
        (2, 1, 0),
        (3, 1, 0),
    ]
    assert told["clients"] == [{"client_id": 1, "orig": 2, "term": 1}, {"client_id": 2, "orig": 1, "term": 0}]
    assert (told["calls"], told["generation"]) == (4, 1)
    for call_id in "abcd":
        talk.say("release", call_id=call_id)
    told = talk.say("usage", accounts=[1, 2, 3], clients=[1, 2])
    assert [(one["orig"], one["term"]) for one in told["accounts"] + told["clients"]] == [(0, 0)] * 5


@pytest.mark.rule("P3.7")
def test_accounts_come_in_the_order_asked_each_once_and_those_not_known_not_at_all() -> None:
    talk = Talk(engine(account(1), account(2), client()))
    told = talk.say("usage", accounts=[2, 99, 1, 2], clients=[7, 1, 1])
    assert [one["account_id"] for one in told["accounts"]] == [2, 1]
    assert [one["client_id"] for one in told["clients"]] == [1]
    assert talk.say("usage")["accounts"] == []


@pytest.mark.rule("P3.7")
def test_deleted_account_is_told_of_until_its_calls_have_ended() -> None:
    made = engine(account(1), client())
    talk = Talk(made)
    talk.authorize()
    change(made, gone(account(1)), gone(client()))
    told = talk.say("usage", accounts=[1], clients=[1])
    assert (told["accounts"][0]["orig"], told["clients"][0]["orig"]) == (1, 1)
    talk.say("release", call_id="c")
    told = talk.say("usage", accounts=[1], clients=[1])
    assert (told["accounts"], told["clients"]) == ([], [])


@pytest.mark.rule("P3.8")
def test_last_call_is_the_last_that_was_granted_in_either_direction() -> None:
    talk = Talk(engine(account(1, capacity=1), client()))
    assert "last_call_at" not in of_account(talk)
    talk.authorize("a")
    assert of_account(talk)["last_call_at"] == NOW
    talk.now += 5
    assert talk.outcome("refused") == "capacity_account"
    assert talk.outcome("a") == "existing"
    talk.say("release", call_id="a")
    assert of_account(talk)["last_call_at"] == NOW
    talk.authorize("b", direction="term")
    assert of_account(talk)["last_call_at"] == NOW + 5


@pytest.mark.rule("P3.8")
def test_call_that_is_adopted_from_a_list_counts_as_a_last_call() -> None:
    talk = Talk(engine(account(1), client(), gateway(1)), hello="gw1")
    talk.say("sync", phase="begin")
    talk.say("sync", phase="end", calls=[["c", "", 1, "orig"]])
    assert of_account(talk)["last_call_at"] == NOW


@pytest.mark.rule("P3.9")
def test_quarantined_row_says_why_and_keeps_its_figures() -> None:
    made = engine(account(1), client())
    talk = Talk(made)
    talk.authorize()
    quarantine(made, 1)
    assert of_account(talk) == {"orig": 1, "term": 0, "last_call_at": NOW, "quarantined": "tech_prefix: a space"}
    change(made, account(1, name="healed"))
    assert "quarantined" not in of_account(talk)


@pytest.mark.rule("P3.7", "P3.9")
def test_row_that_never_was_usable_is_known_by_what_is_wrong_with_it() -> None:
    made = engine(account(1), client())
    talk = Talk(made)
    quarantine(made, 8)
    quarantine(made, 8, "clients")
    assert of_account(talk, 8) == {"orig": 0, "term": 0, "quarantined": "tech_prefix: a space"}
    assert talk.say("usage", clients=[8])["clients"] == [{"client_id": 8, "orig": 0, "term": 0}]


@pytest.mark.rule("P3.9")
def test_account_that_only_its_id_tells_apart_names_the_others() -> None:
    rows = [account(row_id, row_id, ip="10.9.9.9", term=None) for row_id in range(1, 8)]
    talk = Talk(engine(*rows[:3], account(9), *(client(row_id) for row_id in range(1, 8))))
    assert of_account(talk, 1)["ambiguous"] == [2, 3]
    assert "ambiguous" not in of_account(talk, 9)
    assert "ambiguous_more" not in of_account(talk, 1)
    talk = Talk(engine(*rows, *(client(row_id) for row_id in range(1, 8))))
    told = of_account(talk, 1)
    assert (len(told["ambiguous"]), told["ambiguous_more"]) == (usage.TIES_MAX, True)


@pytest.mark.rule("P3.9")
def test_looking_for_ties_ends_however_many_lie_at_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "LOOKS_MAX", 600)
    crowd = [account(row_id, ip="10.9.9.9") for row_id in range(1, 401)]
    other = account(1_000, 2, ip="10.9.9.8", orig=OrigSide())
    talk = Talk(engine(*crowd, other, client(), client(2)))
    told = talk.say("usage", accounts=[1, 2, 3, 1_000])["accounts"]
    assert [one.get("ambiguous_more", False) for one in told] == [True] * 4
    assert "ambiguous_more" not in of_account(talk, 1_000), "alone it has the looks to itself"


@BOTH
@pytest.mark.rule("P3.7")
def test_what_does_not_fit_into_a_frame_is_cut_off_at_the_end_and_counted(encoding: Encoding) -> None:
    made = engine(*(account(row_id) for row_id in range(1, 256)), *(client(row_id) for row_id in range(1, 501)))
    for row_id in range(1, 501):
        quarantine(made, row_id, reason="x" * 500)
    talk = Talk(made, encoding=encoding)
    told = talk.say("usage", accounts=list(range(1, 501)), clients=list(range(1, 501)))
    accounts = [one["account_id"] for one in told["accounts"]]
    assert accounts == list(range(1, len(accounts) + 1))
    assert 0 < len(accounts) == 500 - told["omitted"]
    assert len(told["clients"]) == 500
    largest = max(len(str(one)) for one in told["accounts"])
    assert len(accounts) * largest > FRAME_BYTES_MAX // 2, "no less than fits"
    assert len(told["accounts"][0]["quarantined"]) == usage.QUARANTINED_CHARS_MAX
