"""Which transactions a poll has still to tell: the arithmetic, judged by a simple model of PostgreSQL's snapshots."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.changes import Identity, Mark, Position, Snapshot, new_since, seen, why_not_followed, why_not_resumed
from loader.stream import SEEN_RUNNING_MAX

IDENTITY = Identity("1", "00000001", "5", "then")
POSITION = Position(IDENTITY, Snapshot(10, 20, (10, 15)), False, 3, Mark("19", 1.0))


def test_a_snapshot_is_read_as_postgresql_writes_it() -> None:
    assert Snapshot.parse("10:20:10,14,15") == Snapshot(10, 20, (10, 14, 15))
    assert Snapshot.parse("10:10:") == Snapshot(10, 10)
    with pytest.raises(ValueError, match=r"unpack"):
        Snapshot.parse("10")


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[tuple[str, int]]]:
    """Transactions begin in the order of their ids and end in any; looks happen anywhere between."""
    count = draw(st.integers(1, 12))
    ends = draw(st.permutations([("end", xid) for xid in range(1, count + 1)]))
    events = list(ends)
    for xid in range(1, count + 1):
        place = draw(st.integers(0, events.index(("end", xid))))
        events.insert(place, ("begin", xid))
    for _ in range(draw(st.integers(1, 8))):
        events.insert(draw(st.integers(0, len(events))), ("look", 0))
    # ids are given in the order of beginning
    order = [xid for kind, xid in events if kind == "begin"]
    name = {xid: index + 1 for index, xid in enumerate(order)}
    return count, [(kind, name.get(xid, 0)) for kind, xid in events] + [("look", 0)]


@pytest.mark.rule("M8.6")
@given(histories(), st.booleans())
def test_every_transaction_is_told_once_whatever_the_order_of_commits(
    history: tuple[int, list[tuple[str, int]]], standby: bool
) -> None:
    count, events = history
    begun: set[int] = set()
    ended: set[int] = set()
    told: list[int] = []
    position = msgspec.structs.replace(POSITION, snapshot=Snapshot(1, 1), in_recovery=standby)
    for kind, xid in events:
        if kind == "begin":
            begun.add(xid)
        elif kind == "end":
            ended.add(xid)
        else:
            running = sorted(begun - ended)
            xmax = len(begun) + 1
            # a standby says nothing of what is running
            now = Snapshot(min([*running, xmax]), xmax, () if standby else tuple(running))
            least, listed, below = new_since(position, now, standby)
            told += [x for x in sorted(ended) if (x >= int(least) or str(x) in listed) and x < int(below)]
            position = msgspec.structs.replace(position, snapshot=now)
            known = {xid for xid in range(1, count + 2) if seen(position).includes(xid)}
            assert known <= set(told), "what is said to be known was told"
            assert standby or known == ended == set(told)
    assert set(told) == set(range(1, count + 1))
    if not standby:
        assert len(told) == count


@pytest.mark.parametrize(
    ("now", "pruned_below", "word"),
    [
        (Snapshot(20, 25), 3, None),
        (Snapshot(20, 25), 10, None),  # pruned what was seen
        (Snapshot(20, 25), 11, "pruned"),  # 15 ran when we looked, and may be gone
        (Snapshot(20, 25), 22, "pruned"),
        (Snapshot(12, 19), 3, "backwards"),
    ],
)
def test_changes_that_may_be_missing_are_noticed(now: Snapshot, pruned_below: int, word: str | None) -> None:
    reason = why_not_followed(POSITION, now, pruned_below)
    assert (reason is None) if word is None else (word in str(reason))


def test_a_horizon_that_a_dump_brought_along_does_not_make_us_read_everything_for_ever() -> None:
    position = msgspec.structs.replace(POSITION, pruned_below=10**9)
    assert why_not_followed(position, Snapshot(20, 25), 10**9) is None
    assert why_not_followed(position, Snapshot(20, 25), 10**9 + 1) is not None


@pytest.mark.parametrize("field", ["system", "timeline", "database", "recovered"])
def test_another_server_history_or_database_is_not_resumed(field: str) -> None:
    assert why_not_resumed(POSITION, IDENTITY, mark_is_there=True) is None
    other = msgspec.structs.replace(IDENTITY, **{field: "other"})
    assert why_not_resumed(POSITION, other, mark_is_there=True) is not None


def test_a_history_without_our_last_change_is_not_resumed() -> None:
    assert why_not_resumed(POSITION, IDENTITY, mark_is_there=False) is not None
    unmarked = msgspec.structs.replace(POSITION, mark=None)
    assert why_not_resumed(unmarked, IDENTITY, mark_is_there=False) is not None


@pytest.mark.rule("P3.11")
def test_transactions_that_are_too_many_to_be_told_of_count_as_not_known() -> None:
    running = tuple(range(100, 100 + 2 * SEEN_RUNNING_MAX, 2))
    for more in (0, 1, 500):
        xids = (*running, *range(9_001, 9_001 + more))
        told = seen(msgspec.structs.replace(POSITION, snapshot=Snapshot(100, 20_000, xids[::-1])))
        assert len(told.running) == SEEN_RUNNING_MAX
        assert [xid for xid in xids if told.includes(xid)] == []
        assert told.includes(99)
        assert told.includes(101)
        assert told.includes(9_000)
        assert told.includes(19_999) is (more == 0)
