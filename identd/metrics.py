"""All metrics of the daemon, in one file that is handed finished results.

What happens is counted in plain ints (`Metrics`, called at the doorways); what *is* is read when somebody scrapes
(`Readings`, made by one callable). Both become Prometheus families in `collect` alone: `Counter.labels().inc()` costs
a microsecond, an int in a dict a tenth of that. Every label comes from a closed set, so every series is there from
the first scrape on, at 0, and nothing that a peer sends can make one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, get_args

import msgspec
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from identd.access import Transport
from identd.calls import Cause
from identd.histogram import Histogram
from identd.radius.observer import Answered, Dropped
from matcher.account import Direction
from matcher.change import Table
from protocol.errors import ErrorCode
from protocol.messages import AnyRequest
from protocol.radius.packet import Code
from protocol.reason import UNAVAILABLE, Reason

DECISION_BOUNDS = (5e-06, 1e-05, 2e-05, 5e-05, 1e-04, 2e-04, 5e-04, 1e-03, 2e-03, 5e-03, 0.01, 0.02, 0.05, 0.1, 1.0)
"""Seconds. A decision takes some 10 µs; above 50 ms something stood in its way (the mark for a stall)."""

EFFECT_BOUNDS = (1e-03, 2e-03, 5e-03, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0, 600.0)
"""Seconds. 10 ms is the mark; above 1 s the NOTIFY was lost and the poll found it, or the database was away."""

DIRECTIONS: tuple[str, ...] = get_args(Direction)
OPS: tuple[str, ...] = tuple(str(request.__struct_config__.tag) for request in get_args(AnyRequest))
RELEASE_RESULTS = ("released", "already_released", "unknown", "expired")
TRANSPORTS: tuple[str, ...] = get_args(Transport)
ENCODINGS = ("json", "msgpack", "unknown")
REFUSALS = ("connections_max", "connections_per_address_max")
CLOSINGS = (
    "hello_seconds_max",
    "idle_seconds_max",
    "partial_frame_seconds_max",
    "write_seconds_max",
)
STATES = ("reserved", "active")
COLUMNS_MAX = 64
"""Columns that may label a quarantined row: the schema has fewer, and a wrong one cannot flood a scrape."""


class Readings(msgspec.Struct, frozen=True, kw_only=True):
    """What is, at one moment.

    `calls` by (state, direction), `endings` by cause, `releases` by kind, `connections` by (transport, encoding),
    `kamailios` (those of the configuration) by (address, gateway), 1 for connected,
    `quarantined` by (table, column): the column is the reason as a closed set. `data_age_seconds`: None before the
    first data.
    """

    calls: Mapping[tuple[str, str], int]
    endings: Mapping[str, int]
    releases: Mapping[str, int]
    accounts: int
    quarantined: Mapping[tuple[str, str], int]
    ambiguous_pairs: int
    generation: int
    ready: bool
    database_connected: bool
    data_age_seconds: float | None
    connections: Mapping[tuple[str, str], int]
    kamailios: Mapping[tuple[str, str], int]
    log_lines_dropped: int


class Metrics(Collector):
    """Counts what happened. Every method is a few additions and never raises for a value of its closed set."""

    __slots__ = (
        "_read",
        "ambiguous_decisions",
        "change_sets",
        "changes",
        "commit_to_effect",
        "connections_accepted",
        "connections_closed",
        "connections_refused",
        "credentials_unusable",
        "decision_duration",
        "decisions",
        "journal_failures",
        "loader_restarts",
        "protocol_errors",
        "radius_answers",
        "radius_dropped",
        "radius_duplicates",
        "radius_packets",
        "requests",
    )

    def __init__(self, read: Callable[[], Readings]) -> None:
        self._read = read
        self.decisions: dict[str, dict[str, int]] = {side: dict.fromkeys(("", *Reason), 0) for side in DIRECTIONS}
        self.requests = dict.fromkeys(OPS, 0)
        self.protocol_errors = dict.fromkeys((code.value for code in ErrorCode), 0)
        self.connections_accepted = dict.fromkeys(TRANSPORTS, 0)
        self.connections_refused = dict.fromkeys(REFUSALS, 0)
        self.connections_closed = dict.fromkeys(CLOSINGS, 0)
        self.radius_packets: dict[int, int] = dict.fromkeys(Code, 0)
        self.radius_answers = dict.fromkeys((kind.value for kind in Answered), 0)
        self.radius_dropped = dict.fromkeys((reason.value for reason in Dropped), 0)
        self.radius_duplicates = 0
        self.decision_duration = Histogram(DECISION_BOUNDS)
        self.commit_to_effect = Histogram(EFFECT_BOUNDS)
        self.ambiguous_decisions = 0
        self.change_sets = 0
        self.changes = 0
        self.loader_restarts = 0
        self.credentials_unusable = 0
        self.journal_failures = 0

    def decided(self, direction: Direction, reason: str = "") -> None:
        """One call was judged; `reason` is "" for a grant, else a `Reason`, from which the decision follows."""
        self.decisions[direction][reason] += 1

    def took(self, seconds: float, decisions: int) -> None:
        """One read was answered: `decisions` decisions, `seconds` each. Once a read, not once a decision."""
        self.decision_duration.observe(seconds, decisions)

    def requested(self, op: str) -> None:
        """One request of this `op` was read."""
        self.requests[op] += 1

    def erred(self, code: str) -> None:
        """One error answer was sent."""
        self.protocol_errors[code] += 1

    def connected(self, transport: str) -> None:
        """A connection was accepted and is served."""
        self.connections_accepted[transport] += 1

    def turned_away(self, bound: str) -> None:
        """A connection was closed unserved, because of this bound."""
        self.connections_refused[bound] += 1

    def closed(self, bound: str) -> None:
        """A connection was closed by us, because its peer passed this bound."""
        self.connections_closed[bound] += 1

    def applied(self, changes: int, commit_to_effect_seconds: float | None) -> None:
        """A set of `changes` account changes took effect; the time is None where the commit's is not known."""
        self.change_sets += 1
        self.changes += changes
        if commit_to_effect_seconds is not None:
            # the two clocks are two machines': a commit in our future took no time
            self.commit_to_effect.observe(max(0.0, commit_to_effect_seconds))

    def collect(self) -> Iterable[Metric]:
        """Every family, built now. Called by prometheus_client at a scrape."""
        now = self._read()
        decisions = {
            (side, _decision(reason), str(reason)): count
            for side, counts in self.decisions.items()
            for reason, count in counts.items()
        }
        yield _counter("decisions", "Calls judged.", ("direction", "decision", "reason"), decisions)
        yield _counter("requests", "Requests read.", ("op",), _one(self.requests))
        releases = {(kind,): now.releases.get(kind, 0) for kind in RELEASE_RESULTS}
        yield _counter("releases", "Releases answered, by result.", ("result",), releases)
        yield _counter("protocol_errors", "Error answers sent.", ("code",), _one(self.protocol_errors))
        yield _counter("connections", "Connections served.", ("transport",), _one(self.connections_accepted))
        yield _counter(
            "connections_refused", "Connections closed unserved.", ("reason",), _one(self.connections_refused)
        )
        yield _counter(
            "connections_closed",
            "Connections closed because of their peer's silence or slowness.",
            ("reason",),
            _one(self.connections_closed),
        )
        packets = {(Code(code).name.lower(),): count for code, count in self.radius_packets.items()}
        yield _counter("radius_packets", "RADIUS packets of known clients, without repeats.", ("code",), packets)
        yield _counter("radius_answers", "RADIUS answers, by what they said.", ("kind",), _one(self.radius_answers))
        yield _counter("radius_dropped", "RADIUS packets that got silence.", ("reason",), _one(self.radius_dropped))
        endings = {(cause.value,): now.endings.get(cause.value, 0) for cause in Cause}
        yield _counter("call_endings", "Calls ended, by cause.", ("cause",), endings)
        for name, text, total in (
            (
                "ambiguous_decisions",
                "Calls that only the account id decided between clients.",
                self.ambiguous_decisions,
            ),
            ("change_sets", "Sets of account changes that took effect.", self.change_sets),
            ("changes", "Account changes that took effect.", self.changes),
            ("loader_restarts", "Times the loader process was started again.", self.loader_restarts),
            (
                "credentials_unusable",
                "Stored passwords that could not be opened when needed.",
                self.credentials_unusable,
            ),
            ("radius_duplicates", "RADIUS packets that were repeats and got the same bytes.", self.radius_duplicates),
            ("journal_failures", "Times the journal of calls could not be written.", self.journal_failures),
            ("log_lines_dropped", "Log lines dropped because nobody read them.", now.log_lines_dropped),
        ):
            yield _counter(name, text, (), {(): total})

        calls = {(state, side): now.calls.get((state, side), 0) for state in STATES for side in DIRECTIONS}
        yield _gauge("calls", "Calls up.", ("state", "direction"), calls)
        # not `connections`: the counter beside it is `connections_total`, and a family's name is its alone
        open_now = {(way, form): now.connections.get((way, form), 0) for way in TRANSPORTS for form in ENCODINGS}
        yield _gauge("connections_open", "Connections open.", ("transport", "encoding"), open_now)
        yield _gauge("kamailio_connected", "1 while its evapi is connected.", ("address", "gateway"), now.kamailios)
        yield _gauge("quarantined_rows", "Rows that cannot be used.", ("table", "column"), _columns(now.quarantined))
        for name, text, value in (
            ("accounts", "Accounts in memory.", now.accounts),
            (
                "ambiguous_pairs",
                "Pairs of accounts of different clients that only the id tells apart.",
                now.ambiguous_pairs,
            ),
            ("generation", "Rises by one with every applied set of account changes.", now.generation),
            ("ready", "1 when calls are judged, 0 before the first data.", int(now.ready)),
            ("database_connected", "1 while the loader hears the database.", int(now.database_connected)),
        ):
            yield _gauge(name, text, (), {(): value})
        if now.data_age_seconds is not None:
            age = {(): now.data_age_seconds}
            yield _gauge("data_age_seconds", "Since memory was last seen to agree with the database.", (), age)
        yield _histogram("decision_seconds", "One answer, as its mean over one turn.", self.decision_duration)
        yield _histogram("commit_to_effect_seconds", "From a change's commit to its effect.", self.commit_to_effect)


def make_registry(metrics: Metrics) -> CollectorRegistry:
    """A registry of its own (never the global one): ours, and the figures of process, collector and Python."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


def exposition(registry: CollectorRegistry) -> bytes:
    """The page that Prometheus reads, text format 0.0.4."""
    return generate_latest(registry)


def _decision(reason: str) -> str:
    if not reason:
        return "grant"
    return "unavailable" if reason in UNAVAILABLE else "refuse"


def _one(counts: Mapping[str, int]) -> dict[tuple[str, ...], int]:
    return {(label,): count for label, count in counts.items()}


def _columns(quarantined: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """Rows by (table, column), every table at least once; beyond the bound, columns count as `other`."""
    rows: dict[tuple[str, str], int] = {(table, ""): 0 for table in get_args(Table)}
    for (table, column), count in quarantined.items():
        key = (table, column) if (table, column) in rows or len(rows) < COLUMNS_MAX else (table, "other")
        rows[key] = rows.get(key, 0) + count
    return rows


def _counter(name: str, text: str, labels: Sequence[str], counts: Mapping[Any, int]) -> Metric:
    family = CounterMetricFamily(f"identd_{name}", text, labels=labels)
    for values, count in counts.items():
        family.add_metric(values, count)
    return family


def _gauge(name: str, text: str, labels: Sequence[str], readings: Mapping[Any, float]) -> Metric:
    family = GaugeMetricFamily(f"identd_{name}", text, labels=labels)
    for values, reading in readings.items():
        family.add_metric(values, reading)
    return family


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    family = HistogramMetricFamily(f"identd_{name}", text)
    family.add_metric((), histogram.cumulative(), histogram.sum_seconds)
    return family
