"""What fits into an answer: what proxies want back, and grants that say more than there is room for."""

from identd.engine import Engine
from identd.radius.door import PROXY_STATE_BYTES_MAX
from identd.radius.observer import Dropped
from tests.identd.building import account, client, engine, gateway
from tests.identd.radius.building import Said, Switch, door


def answered(said: Said | None) -> Said:
    assert said is not None, "silence"
    return said


def with_tags(count: int) -> Engine:
    """One account for one call, with so many tags of 200 bytes: 16 of them fit into an answer, 20 do not."""
    row = account()
    assert row.orig is not None
    tags = tuple(f"{number}-{'x' * 198}"[:200] for number in range(count))
    return engine(account(orig=type(row.orig)(tags=tags), capacity=1), client(), gateway())


def test_proxies_get_their_state_back_and_may_not_crowd_out_the_answer() -> None:
    made = engine(account(), client(), gateway())
    at, heard = door(made)
    said = answered(Switch(at).call(proxy_state=[b"one", b"two"]))
    assert said.every("Proxy-State") == [b"one", b"two"]
    assert Switch(at).call("d", proxy_state=[bytes(248)] * (PROXY_STATE_BYTES_MAX // 250 + 1)) is None
    assert heard.dropped == [Dropped.PROXY_STATE_TOO_LONG]
    assert len(made.live) == 1


def test_a_grant_that_fits_into_no_answer_holds_no_slot_and_its_repeat_is_not_too_late() -> None:
    made = with_tags(20)
    at, heard = door(made)
    for _ in range(2):
        assert Switch(at).call() is None
    assert heard.dropped == [Dropped.ANSWER_TOO_LONG] * 2
    assert heard.decisions == [("orig", "")] * 2
    assert len(made.live) == 0


def test_a_call_that_is_up_stays_up_where_it_does_not_fit_into_the_answer_to_a_repeat() -> None:
    made = with_tags(16)
    at, heard = door(made)
    assert answered(Switch(at).call()).code == "accept"
    assert Switch(at).call(proxy_state=[bytes(247)] * 4) is None
    assert heard.dropped == [Dropped.ANSWER_TOO_LONG]
    assert len(made.live) == 1
