"""One set of changes on its way into the directory: staged in slices, made visible in one step, tidied in slices.

New versions of accounts are put in the index at once but hidden; `commit` swaps which versions are hidden and so
costs next to nothing however large the set is; what is superseded is removed afterwards. A call between any two
slices sees all of the set or nothing of it, and no slice holds up an answer (docs/matching.md §8).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from matcher.account import Account, Client, Gateway, Reseller
from matcher.change import (
    AccountPut,
    Change,
    ClientPut,
    GatewayPut,
    ResellerPut,
    RowQuarantined,
    RowRemoved,
    Table,
)
from matcher.sharing import SharedParts

if TYPE_CHECKING:
    from matcher.directory import Directory

Row = Account | Client | Gateway | Reseller
RowKey = tuple[Table, int]

TABLES: tuple[Table, ...] = ("resellers", "clients", "gateways", "accounts")
_SHARDS = 64  # of the ids seen in a full set: one set of a million would stall calls each time that it grows
_FIRST_LOAD = "a directory that is loaded for the first time answers nobody"

_PUTS: dict[type, tuple[Table, Callable[[Any], Row]]] = {
    AccountPut: ("accounts", lambda change: change.account),
    ClientPut: ("clients", lambda change: change.client),
    GatewayPut: ("gateways", lambda change: change.gateway),
    ResellerPut: ("resellers", lambda change: change.reseller),
}


def _shard(table: Table, row_id: int) -> int:
    return TABLES.index(table) * _SHARDS + row_id % _SHARDS


class Applied(msgspec.Struct, frozen=True):
    """What a committed update did. `generation` is the one now in force; ids are of rows put or changed, or gone.

    After a first load the collections are views of the whole directory: read them before the next update.
    """

    generation: int
    changed: bool
    account_ids: Collection[int]
    client_ids: Collection[int]
    reseller_ids: Collection[int]
    removed_account_ids: Collection[int]
    removed_client_ids: Collection[int]
    removed_reseller_ids: Collection[int]


class Update:
    """Made by `Directory.begin`. Order: `stage`*, `settle` until True (full only), `commit` or `abandon`, `tidy`."""

    __slots__ = (
        "_committed",
        "_direct",
        "_directory",
        "_full",
        "_healed",
        "_leftovers",
        "_new_hidden",
        "_old_hidden",
        "_originals",
        "_over",
        "_put",
        "_quarantined",
        "_removed",
        "_seen",
        "_settling",
        "_shared",
    )

    def __init__(self, directory: "Directory", full: bool) -> None:
        self._directory = directory
        self._full = full
        # The first load goes straight in: nobody is answered yet, and a million rows need not be held twice.
        empty = not directory.quarantined and not any(directory.rows.values())
        self._direct = full and empty and not directory.ready
        self._put: dict[Table, dict[int, Any]] = {table: {} for table in TABLES}
        self._removed: dict[Table, dict[int, None]] = {table: {} for table in TABLES}
        self._quarantined: dict[RowKey, RowQuarantined] = {}
        self._originals: dict[RowKey, Row] = {}
        self._healed: set[RowKey] = set()
        self._new_hidden: set[int] = set()
        self._old_hidden: set[int] = set()
        self._leftovers: dict[int, Account] = {}  # by row id: versions to take out of the index when tidying
        self._seen: list[set[int]] = []
        self._settling: Iterator[tuple[Table, int]] | None = None
        self._over = self._committed = False
        self._shared = SharedParts(directory.clients)  # of this update only: it keeps no row alive after it
        if self._direct:
            self._put = directory.rows
        else:
            directory.index.hidden = self._new_hidden
            self._seen = [set() for _ in range(_SHARDS * len(TABLES))] if full else []

    def stage(self, changes: Sequence[Change]) -> None:
        """Take the next changes of the set in, unseen by calls; a later change of a row overrules an earlier one."""
        assert not self._over, "the update is committed or abandoned"
        assert self._settling is None, "changes after settling"
        for change in changes:
            if isinstance(change, RowQuarantined):
                self._quarantine(change)
            elif isinstance(change, RowRemoved):
                self._note(change.table, change.id, None)
                self._remove(change.table, change.id)
            else:
                table, row_of = _PUTS[type(change)]
                row = row_of(change)
                self._note(table, row.id, None)
                self._put_row(table, row.id, row)

    def settle(self, limit: int) -> bool:
        """For a full set: find up to `limit` rows that it does not name. True when all are found; then commit.

        `commit` finds what is left itself, which at a million rows takes longer than a call should wait.
        """
        if not self._full or self._direct:
            return True
        if self._settling is None:
            self._settling = self._all_rows()
        for _ in range(limit):
            found = next(self._settling, None)
            if found is None:
                return True
            table, row_id = found
            if row_id not in self._seen[_shard(table, row_id)]:
                if (table, row_id) in self._directory.quarantined:
                    self._healed.add((table, row_id))
                self._remove(table, row_id)
        return False

    def commit(self) -> Applied:
        """Make the whole set visible, in one step."""
        assert not self._over, "the update is committed or abandoned"
        while not self.settle(1_000_000):
            pass
        self._over = True
        directory = self._directory
        self._swap_gateway_names()
        if not self._direct:
            directory.index.hidden = self._old_hidden
            for table in TABLES:
                rows = directory.rows[table]
                rows.update(self._put[table])
                for row_id in self._removed[table]:
                    del rows[row_id]
        self._committed = True
        changed = self._direct or any(self._put.values()) or any(self._removed.values())
        if changed or (self._full and not directory.ready):
            directory.generation += 1
        if self._full:
            directory.ready = True
        put, removed = self._put, self._removed
        return Applied(
            generation=directory.generation,
            changed=changed,
            account_ids=put["accounts"].keys(),
            client_ids=put["clients"].keys(),
            reseller_ids=put["resellers"].keys(),
            removed_account_ids=removed["accounts"].keys(),
            removed_client_ids=removed["clients"].keys(),
            removed_reseller_ids=removed["resellers"].keys(),
        )

    def abandon(self) -> None:
        """Drop the set; nothing of it was or will be visible. Tidy afterwards."""
        assert not self._over, "the update is committed or abandoned"
        self._over = True
        self._leftovers = self._put["accounts"]  # their entries in the index are what is left to remove
        self._old_hidden = self._new_hidden

    def tidy(self, limit: int) -> bool:
        """Take up to about `limit` entries of superseded versions out of the index. True when nothing is left."""
        assert self._over, "tidy before commit or abandon"
        directory = self._directory
        if self._direct and not directory.ready:
            return self._empty(limit)
        limit -= self._settle_quarantine(limit)
        if self._healed or self._quarantined:
            return False
        while self._leftovers:
            if limit <= 0:
                return False
            _, account = self._leftovers.popitem()
            directory.index.remove(account)
            self._old_hidden.discard(id(account))
            limit -= max(1, len(account.networks))
        while self._seen or self._new_hidden:  # large ones are not freed in one go either
            if limit <= 0:
                return False
            limit -= 1 + self._free_some()
        directory.finished(self)
        return True

    def _free_some(self) -> int:
        """Free one shard of ids or a few hidden ones; returns about what it cost, in entries of the index."""
        if self._seen:
            return len(self._seen.pop()) // 20
        for _ in range(min(20, len(self._new_hidden))):
            self._new_hidden.pop()
        return 0

    def _put_row(self, table: Table, row_id: int, row: Row) -> None:
        self._unstage(table, row_id)
        current = self._directory.rows[table].get(row_id)
        if current == row:
            return
        if isinstance(row, Account):
            self._shared.share(row)
            if not self._direct:
                self._new_hidden.add(id(row))
            self._directory.index.insert(row)
        self._put[table][row_id] = row
        if current is not None:
            self._supersede(current)

    def _remove(self, table: Table, row_id: int) -> None:
        self._unstage(table, row_id)
        current = self._directory.rows[table].get(row_id)
        if current is not None:
            self._removed[table][row_id] = None
            self._supersede(current)

    def _unstage(self, table: Table, row_id: int) -> None:
        """Forget what the set said of this row so far."""
        staged = self._put[table].pop(row_id, None)
        if isinstance(staged, Account):
            self._directory.index.remove(staged)
            self._new_hidden.discard(id(staged))
        self._removed[table].pop(row_id, None)
        if not self._direct:
            current = self._directory.rows[table].get(row_id)
            if isinstance(current, Account):
                self._leftovers.pop(row_id, None)
                self._old_hidden.discard(id(current))

    def _supersede(self, current: Row) -> None:
        if isinstance(current, Account):
            self._leftovers[current.id] = current
            self._old_hidden.add(id(current))

    def _note(self, table: Table, row_id: int, quarantined: RowQuarantined | None) -> None:
        """Remember that the set names this row, and whether it is usable."""
        key = (table, row_id)
        if self._seen:
            current = self._directory.rows[table].get(row_id)
            self._seen[_shard(table, row_id)].add(row_id if current is None else current.id)  # the int already held
        if quarantined is None:
            if self._quarantined.pop(key, None) is not None:
                self._originals.pop(key, None)
            if key in self._directory.quarantined:
                self._healed.add(key)
        else:
            self._quarantined[key] = quarantined
            self._healed.discard(key)

    def _quarantine(self, change: RowQuarantined) -> None:
        """Keep the last good version in force, with what the row plainly says: blocked, or off in a direction."""
        key = (change.table, change.id)
        original = self._last_good(key)
        self._note(change.table, change.id, change)
        if original is None:
            return
        kept: Row = original
        if change.blocked and not isinstance(kept, Gateway):
            kept = msgspec.structs.replace(kept, blocked=True)
        if isinstance(kept, Account) and change.orig_off:
            kept = msgspec.structs.replace(kept, orig=None)
        if isinstance(kept, Account) and change.term_off:
            kept = msgspec.structs.replace(kept, term=None)
        self._originals[key] = original
        self._put_row(change.table, change.id, kept)

    def _last_good(self, key: RowKey) -> Row | None:
        """The newest usable version of the row: of this set, else kept from its quarantine, else the one in force."""
        table, row_id = key
        if key in self._originals:
            return self._originals[key]
        staged: Row | None = self._put[table].get(row_id)
        if staged is not None:
            return staged
        if row_id in self._removed[table]:
            return None
        kept = self._directory.last_good.get(key)
        current: Row | None = self._directory.rows[table].get(row_id)
        return kept if kept is not None else current

    def _settle_quarantine(self, limit: int) -> int:
        """Tell the directory of up to `limit` rows that they are bad, or healed; returns of how many.

        Only counts and the next update read that, so it need not be part of the one step: very many take long.
        """
        directory = self._directory
        for done in range(limit):
            if self._quarantined:
                key, change = self._quarantined.popitem()
                if self._committed:
                    directory.quarantine(key, change, self._originals.pop(key, None))
            elif self._healed:
                key = self._healed.pop()
                if self._committed:
                    directory.heal(key)
            else:
                return done
        return limit

    def _swap_gateway_names(self) -> None:
        names = self._directory.gateways_by_name
        gateways = self._directory.gateways
        if not self._direct:
            for row_id in (*self._put["gateways"], *self._removed["gateways"]):
                if row_id in gateways:
                    names.pop(gateways[row_id].name, None)
        names.update((gateway.name, gateway) for gateway in self._put["gateways"].values())

    def _all_rows(self) -> Iterator[tuple[Table, int]]:
        for table in TABLES:
            for row_id in self._directory.rows[table]:
                yield table, row_id
        for table, row_id in self._directory.quarantined:
            if row_id not in self._directory.rows[table]:
                yield table, row_id

    def _empty(self, limit: int) -> bool:
        """Undo an abandoned first load."""
        directory = self._directory
        for table in TABLES:
            rows: Mapping[int, Any] = directory.rows[table]
            while rows and limit > 0:
                _, row = directory.rows[table].popitem()
                if isinstance(row, Account):
                    directory.index.remove(row)
                    limit -= len(row.networks)
                limit -= 1
        if any(directory.rows.values()):
            return False
        directory.finished(self)
        return True
