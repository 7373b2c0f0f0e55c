"""What an operator should look at among the rows: rows in, findings out. Pure; `loader/lint.py` does the reading.

Rows come from the loader's own queries, so a finding is about what the daemon really works with. Ties are judged by
the matcher's own index: `ambiguous` lists exactly the pairs that `identd_ambiguous_pairs` counts. However many
findings there are, only the first `limit` are kept, in order of table and id; all are counted.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

import msgspec

from loader.queries import TABLES
from loader.rows import Row, change_of, network_of
from matcher.account import Account, Network, OrigSide, TermSide
from matcher.address import address_text, network_text, unwrapped
from matcher.change import AccountPut, ClientPut, RowQuarantined, Table
from matcher.index import AccountIndex
from matcher.shelf import Entry, accounts_of, can_tie

LIMIT = 1000
"""Findings that are shown: more than anyone reads at once, and some 100 KB."""
SHADOWERS_MAX = 5
"""Accounts named that stand before one that can never win."""

# the column of networks, by table: its name and its place in a row of `loader/queries.py`
_NETWORKS: dict[Table, tuple[str, int]] = {"accounts": ("ip", 6), "gateways": ("addresses", 5)}
_IDENT_TYPES = {"host": "ip", "network": "ip", "name": "name", "ani": "ani", "ani_prefix": "ani"}  # kinds of an entry
_ORIG, _TERM, _SOME_PASSWORD = OrigSide(), TermSide(), b"set"


class HostBits(msgspec.Struct, frozen=True, tag_field="finding", tag="host_bits"):
    """A network `written` with bits below its mask: it means `used` (docs/matching.md §2)."""

    table: Table
    id: int
    column: str
    written: str
    used: str


class Quarantined(msgspec.Struct, frozen=True, tag_field="finding", tag="quarantined"):
    """A row that cannot be used; a daemon that knows an earlier version goes on with that one."""

    table: Table
    id: int
    column: str
    reason: str


class Party(msgspec.Struct, frozen=True, omit_defaults=True):
    """An account and its client. `client` None: the client's row cannot be used."""

    account_id: int
    account: str
    client_id: int
    client: str | None = None


class Ambiguous(msgspec.Struct, frozen=True, tag_field="finding", tag="ambiguous"):
    """At the network, name or number `at`, only the account id lets `first` win over `second` (§3)."""

    first: Party
    second: Party
    direction: str
    ident_by: str
    at: str


class Shadowed(msgspec.Struct, frozen=True, tag_field="finding", tag="shadowed"):
    """An account that never wins: accounts of its own client with its conditions and lower ids stand before it."""

    shadowed: Party
    by: tuple[int, ...]


Finding = HostBits | Quarantined | Ambiguous | Shadowed

Place = tuple[int, int, str, str]
"""Where a finding stands among the others: its table, row id and kind, and what tells it from others of these."""

_BEGINNING: Place = (-1, 0, "", "")
_END: Place = (len(TABLES), 0, "", "")


class Summary(msgspec.Struct, frozen=True, tag_field="finding", tag="summary"):
    """How many findings there are in all and by kind, and how many of them are shown."""

    total: int
    shown: int
    by_kind: dict[str, int]


class _Hidden:
    """Places at which something stands before an account, out of all its places."""

    __slots__ = ("account", "by", "places")

    def __init__(self, account: Account) -> None:
        self.account = account
        self.places = 0
        self.by: set[int] = set()


class Lint:
    """Takes every row of every table once, in any order; then `finish` gives the findings."""

    __slots__ = ("_clients", "_counts", "_end", "_hidden", "_index", "_kept", "_limit")

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._index = AccountIndex(lambda _account, _attempt: False)  # nobody calls here
        self._clients: dict[int, str] = {}
        self._hidden: dict[int, _Hidden] = {}
        self._counts: Counter[str] = Counter()
        self._kept: list[tuple[Place, Finding]] = []
        self._end = _END  # what stands from here on is counted only

    def take(self, table: Table, row: Row) -> None:
        """One row, as `queries.every_row` gives it."""
        change = change_of(table, row)
        if isinstance(change, RowQuarantined):
            self._note(table, change.id, change.column, Quarantined(table, change.id, change.column, change.reason))
            return
        if table in _NETWORKS:
            self._look_for_host_bits(table, row)
        if isinstance(change, AccountPut):
            self._index.insert(_keyed(change.account))
        elif isinstance(change, ClientPut):
            self._clients[change.client.id] = change.client.name

    def finish(self) -> tuple[list[Finding], Summary]:
        """The first findings by table and id, and how many there are. To be called once, after all rows."""
        for direction, kind, key, entry in self._index.entries():
            if not isinstance(entry, Account):
                self._look_for_ties(direction, kind, key, entry)
        for hidden in self._hidden.values():
            account = hidden.account
            if hidden.places == _places(account):
                by = tuple(sorted(hidden.by))
                self._note("accounts", account.id, "", Shadowed(self._party(account), by))
        self._trim()
        by_kind = {kind: self._counts[kind] for kind in sorted(self._counts)}
        return [finding for _, finding in self._kept], Summary(self._counts.total(), len(self._kept), by_kind)

    def _look_for_host_bits(self, table: Table, row: Row) -> None:
        column, place = _NETWORKS[table]
        for packed in row[place] or ():
            if packed[1] == (len(packed) - 4) * 8:  # one address: nearly all are
                continue
            network = network_of(packed)
            if not packed.endswith(network.address):
                written = _written(packed)
                self._note(table, row[0], written, HostBits(table, row[0], column, written, network_text(network)))

    def _look_for_ties(self, direction: str, kind: str, key: str, entry: Entry) -> None:
        at = _place_text(kind, key)
        hidden_here: set[int] = set()
        for row in _rows_of_equals(entry):
            for first, second in combinations(row, 2):  # by rising id
                if can_tie(first, second):
                    self._counts["ambiguous"] += 1
                    place = _place("accounts", first.id, "ambiguous", f"{second.id:020} {direction} {at}")
                    if place < self._end:  # thousands at one place make millions of pairs
                        parties = self._party(first), self._party(second)
                        self._keep(place, Ambiguous(*parties, direction, _IDENT_TYPES[kind], at))
                elif shadows(first, second):
                    hidden = self._hidden.setdefault(second.id, _Hidden(second))
                    if second.id not in hidden_here:
                        hidden_here.add(second.id)
                        hidden.places += 1
                    if len(hidden.by) < SHADOWERS_MAX:
                        hidden.by.add(first.id)

    def _party(self, account: Account) -> Party:
        return Party(account.id, account.name, account.client_id, self._clients.get(account.client_id))

    def _note(self, table: Table, row_id: int, detail: str, finding: Finding) -> None:
        kind = kind_of(finding)
        self._counts[kind] += 1
        place = _place(table, row_id, kind, detail)
        if place < self._end:
            self._keep(place, finding)

    def _keep(self, place: Place, finding: Finding) -> None:
        self._kept.append((place, finding))
        if len(self._kept) > 2 * self._limit + 100:
            self._trim()
            self._end = self._kept[-1][0] if self._kept else _BEGINNING

    def _trim(self) -> None:
        self._kept.sort(key=lambda kept: kept[0])
        del self._kept[self._limit :]


def _place(table: Table, row_id: int, kind: str, detail: str) -> Place:
    return TABLES.index(table), row_id, kind, detail


def kind_of(finding: Finding) -> str:
    """`host_bits`, `quarantined`, `ambiguous` or `shadowed`."""
    return str(finding.__struct_config__.tag)


def sentence(finding: Finding) -> str:
    """The finding on one line, the row first. What stands in rows is not escaped here."""
    match finding:
        case HostBits():
            return f"{finding.table} {finding.id}: host_bits: {finding.written} is used as {finding.used}"
        case Quarantined():
            return f"{finding.table} {finding.id}: quarantined: {finding.column} {finding.reason}"
        case Ambiguous(first=first, second=second):
            where = f"{finding.direction} calls by {finding.ident_by} {finding.at}"
            return f"accounts {first.account_id}: ambiguous: {_who(first)} ties with {_who(second)} for {where}"
        case Shadowed(shadowed=one):
            by = ", ".join(map(str, finding.by))
            return f"accounts {one.account_id}: shadowed: {_who(one)} never wins: it stands behind {by}"


def _who(party: Party) -> str:
    client = f"client {party.client_id}" + (f" {party.client}" if party.client else "")
    return f"{party.account_id} {party.account} ({client})"


def _keyed(account: Account) -> Account:
    """Only what decides who wins: a million whole accounts would need twice the memory."""
    return Account(
        id=account.id,
        client_id=account.client_id,
        name=account.name,
        ident_by=account.ident_by,
        networks=account.networks,
        ident_name=account.ident_name,
        ani=account.ani,
        tech_prefix=account.tech_prefix,
        password=None if account.password is None else _SOME_PASSWORD,
        protocol=account.protocol,
        port=account.port,
        gateway_ids=account.gateway_ids,
        orig=None if account.orig is None else _ORIG,
        term=None if account.term is None else _TERM,
    )


def _rows_of_equals(entry: Entry) -> Iterator[list[Account]]:
    """The accounts of an entry that set the same conditions, which gateways apart; each row by rising id."""
    rows: dict[tuple[object, ...], list[Account]] = {}
    for account in accounts_of(entry):
        conditions = (account.tech_prefix, account.port, account.protocol, not account.gateway_ids)
        rows.setdefault(conditions, []).append(account)
    for row in rows.values():
        if len(row) > 1:
            yield row


def shadows(first: Account, second: Account) -> bool:
    """Whether the first takes every call that the second could have; both set the same conditions."""
    if first.client_id != second.client_id or first.password is not None or second.password is not None:
        return False  # who proves a password is not hidden by who does not
    return set(second.gateway_ids) <= set(first.gateway_ids)


def _places(account: Account) -> int:
    """In how many entries of the index the account lies."""
    directions = (account.orig is not None) + (account.term is not None)
    return directions * max(1, len(set(account.networks)))


def _place_text(kind: str, key: str) -> str:
    """How people write the key of an entry of the index."""
    if kind == "host":
        return address_text(bytes.fromhex(key))
    if kind == "network":
        address, _, length = key.partition("/")
        return network_text(Network(bytes.fromhex(address), int(length)))
    return f"{key}*" if kind == "ani_prefix" else key


def _written(packed: bytes) -> str:
    """An inet in PostgreSQL's binary format as its text form shows it."""
    address = packed[4:]
    text = address_text(address)
    if unwrapped(address) != address:
        text = f"::ffff:{address_text(unwrapped(address))}"
    return f"{text}/{packed[1]}"
