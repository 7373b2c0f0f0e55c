"""Which committed changes have not been told yet: the bookkeeping of the catch-up, on values. Pure.

The idea: transactions commit out of order, so "the highest id that I have seen" misses those that began earlier and
committed later. A snapshot of PostgreSQL says exactly which transactions it saw: all below `xmin`, and below `xmax`
those that were not running (`running`). What the next snapshot sees and this one did not is therefore: ids from
`xmax` on, and the ids in `running`. Both snapshots are of REPEATABLE READ transactions, so all rows of one
transaction appear between the same two of them: one poll is one step that holds whole transactions only
(docs/matching.md §8).
"""

from typing import Self

import msgspec

from loader.stream import SEEN_RUNNING_MAX, Seen


class Snapshot(msgspec.Struct, frozen=True):
    """What `pg_current_snapshot()` says: `xmin:xmax:xid,xid,…`, the transactions that were running."""

    xmin: int
    xmax: int
    running: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises `ValueError` on anything else."""
        xmin, xmax, running = text.split(":")
        return cls(int(xmin), int(xmax), tuple(map(int, running.split(","))) if running else ())


class Identity(msgspec.Struct, frozen=True):
    """Which cluster, which of its histories (a promotion starts a new one), which database.

    `recovered`: when the server last lost its statistics, which it does whenever it recovers from a crash. After one,
    commits that did not wait for the disk (`synchronous_commit = off`) may have been undone, and their ids be used
    again.
    """

    system: str
    timeline: str
    database: str
    recovered: str


class Mark(msgspec.Struct, frozen=True):
    """The last change that was seen in `identd.changes`; where it is not there any more, history was rewritten."""

    xid: str
    recorded_at: float


class Position(msgspec.Struct, frozen=True):
    """How far the daemon has been told, and where. `pruned_below`: the horizon as it stood then."""

    identity: Identity
    snapshot: Snapshot
    in_recovery: bool
    pruned_below: int
    mark: Mark | None


def new_since(position: Position, now: Snapshot, in_recovery: bool) -> tuple[str, list[str], str]:
    """The parameters of `queries.NEW_CHANGES`: ids from the first on, the ids in the second, all below the third.

    A standby does not list what is running (`pg_current_snapshot()` leaves it out there): everything from `xmin` on
    is read again. That tells some rows twice, which changes nothing.
    """
    before = position.snapshot
    if in_recovery or position.in_recovery:
        return str(before.xmin), [], str(now.xmax)
    return str(before.xmax), [str(xid) for xid in before.running], str(now.xmax)


def why_not_followed(position: Position, now: Snapshot, pruned_below: int) -> str | None:
    """Why changes may be missing from here to `now`, so that everything must be read; None where they cannot be.

    A horizon that is as it was has hidden nothing, whatever it says: a dump brings one from another cluster.
    """
    if now.xmax < position.snapshot.xmax:
        return "transaction ids went backwards: the database was restored from an earlier state"
    if pruned_below > position.snapshot.xmin and pruned_below != position.pruned_below:
        return "changes that were not read yet may have been pruned"
    return None


def why_not_resumed(position: Position, identity: Identity, mark_is_there: bool) -> str | None:
    """Why a new connection cannot go on where the last one ended; None where it can."""
    if identity != position.identity:
        return "another database server, or one that crashed, was promoted or restored"
    if position.mark is None:
        return "nothing was seen before by which this history could be known again"
    if not mark_is_there:
        return "the last change that was read is not in this database"
    return None


def seen(position: Position) -> Seen:
    """Which transactions the daemon has been told of, in bounded length: what does not fit counts as not told.

    A standby does not list what is running: there only what is below `xmin` is certain.
    """
    snapshot = position.snapshot
    if position.in_recovery:
        return Seen(snapshot.xmin, snapshot.xmin)
    running = sorted(snapshot.running)
    if len(running) > SEEN_RUNNING_MAX:
        return Seen(snapshot.xmin, running[SEEN_RUNNING_MAX], tuple(running[:SEEN_RUNNING_MAX]))
    return Seen(snapshot.xmin, snapshot.xmax, tuple(running))
