"""Everything the daemon knows of accounts, clients, resellers and gateways, and the index over it.

Changes come in updates that take effect in one step (`matcher.update`). Read the dicts through the directory and
change them never. Before the first full update nothing may be answered from here: `ready` says so.
"""

from typing import Any

from matcher.account import Account, Client, Gateway, Reseller
from matcher.change import ChangeSet, RowQuarantined, Table
from matcher.index import AccountIndex, Prove
from matcher.update import TABLES, Applied, Row, RowKey, Update

__all__ = ["Applied", "Directory", "Update"]

_EVERYTHING = 1_000_000_000


class Directory:
    """The rows by id, and who is calling. `generation` rises by one with every applied set that changed something."""

    __slots__ = (
        "_update",
        "accounts",
        "clients",
        "gateways",
        "gateways_by_name",
        "generation",
        "index",
        "last_good",
        "quarantined",
        "quarantined_counts",
        "ready",
        "resellers",
        "rows",
    )

    def __init__(self, prove: Prove) -> None:
        self.index = AccountIndex(prove)
        self.accounts: dict[int, Account] = {}
        self.clients: dict[int, Client] = {}
        self.resellers: dict[int, Reseller] = {}
        self.gateways: dict[int, Gateway] = {}
        self.gateways_by_name: dict[str, Gateway] = {}
        self.rows: dict[Table, dict[int, Any]] = {
            "resellers": self.resellers,
            "clients": self.clients,
            "gateways": self.gateways,
            "accounts": self.accounts,
        }
        self.quarantined: dict[RowKey, RowQuarantined] = {}
        self.quarantined_counts: dict[tuple[str, str], int] = {}
        """How many of them, by table and column: a scrape does not count hundreds of thousands."""
        self.last_good: dict[RowKey, Row] = {}
        """Of quarantined rows: the last usable version, as it was before the bad row was obeyed in part."""
        self.generation = 0
        self.ready = False
        self._update: Update | None = None

    def begin(self, full: bool) -> Update:
        """Start the one update that may be on its way. `full`: rows that it does not name are gone at its commit."""
        assert self._update is None, "an update is on its way: commit or abandon it, then tidy until True"
        self._update = Update(self, full)
        return self._update

    def apply(self, change_set: ChangeSet) -> Applied:
        """Take a whole set in at one go: for small sets."""
        update = self.begin(change_set.full)
        update.stage(change_set.changes)
        applied = update.commit()
        update.tidy(_EVERYTHING)
        return applied

    def quarantine(self, key: RowKey, change: RowQuarantined, last_good: Row | None) -> None:
        """The row cannot be used; called by updates."""
        self.heal(key)
        self.quarantined[key] = change
        column = change.table, change.column
        self.quarantined_counts[column] = self.quarantined_counts.get(column, 0) + 1
        if last_good is not None:
            self.last_good[key] = last_good

    def heal(self, key: RowKey) -> None:
        """The row can be used again or is gone; called by updates."""
        self.last_good.pop(key, None)
        healed = self.quarantined.pop(key, None)
        if healed is not None:
            column = healed.table, healed.column
            self.quarantined_counts[column] -= 1
            if not self.quarantined_counts[column]:
                del self.quarantined_counts[column]

    def finished(self, update: Update) -> None:
        """The update left nothing behind; called by it."""
        assert self._update is update, "not the update that is on its way"
        self._update = None
        self.index.hidden = set()

    def statistics(self) -> dict[str, int]:
        """Sizes, for metrics and tests: rows by table, quarantined rows, and the index's own figures."""
        figures: dict[str, int] = {table: len(self.rows[table]) for table in TABLES}
        figures["quarantined"] = len(self.quarantined)
        figures["generation"] = self.generation
        return figures | self.index.statistics()
