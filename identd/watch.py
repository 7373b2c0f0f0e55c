"""Who is told what happens at the edges: counts it, and writes the log line that an operator should see.

No line a call, and no line a connection that a peer can make as many of as it likes: those are counted, and said
once in a while.
"""

from collections.abc import Mapping

from identd.access import Peer
from identd.calls import Call
from identd.door_settings import Kamailio
from identd.logs import Level, Log
from identd.metrics import Metrics
from identd.radius.observer import Answered, Dropped
from matcher.address import address_text
from protocol.reason import UNAVAILABLE

SAID_AGAIN_SECONDS = 10.0
"""How often one kind of trouble is written about while it lasts; the metrics count every one."""


_TOLD_ELSEWHERE = frozenset(reason.value for reason in UNAVAILABLE)
"""Why we answer nobody: said once by what makes us so."""


class Watch:
    """Observer of sessions, server, feed and journal."""

    __slots__ = ("_last_said", "_log", "_metrics", "_unsaid", "decided", "erred", "now", "requested")

    def __init__(self, metrics: Metrics, log: Log) -> None:
        self._metrics = metrics
        self._log = log
        self.decided = metrics.decided  # once a call: a method of ours between would only cost
        self.erred = metrics.erred
        self.requested = metrics.requested
        self._last_said: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}
        self.now = 0.0
        """The time of the last tick: good enough to space log lines."""

    # --- the doors

    def connected(self, transport: str) -> None:
        """A connection is served."""
        self._metrics.connected(transport)

    def turned_away(self, bound: str) -> None:
        """A connection was closed unserved, because of this bound."""
        self._metrics.turned_away(bound)
        self._warn("connection_turned_away", bound, limit=bound)

    def closed(self, peer: Peer, reason: str) -> None:
        """We closed a connection, and not because its peer had."""
        self._metrics.closed(reason)
        self._warn("connection_closed", reason, peer=peer.name, limit=reason)

    def broke(self, peer: Peer, error: Exception) -> None:
        """A bug: a connection's handling raised."""
        self._log.error("connection_broke", peer=peer.name, error=repr(error), exception=error)

    def datagram_broke(self, listener: str, error: Exception) -> None:
        """A bug: a datagram's handling raised."""
        self._log.error("datagram_broke", listener=listener, error=repr(error), exception=error)

    def took(self, seconds: float, decisions: int) -> None:
        """One turn was answered, so many requests, so long each."""
        self._metrics.took(seconds, decisions)

    def cannot_accept(self, listener: str, error: OSError) -> None:
        """The process has no room for another connection."""
        self._warn("cannot_accept", listener, listener=listener, error=str(error.strerror))

    # --- Kamailios that we connect to: both are edges

    def kamailio_connected(self, kamailio: Kamailio) -> None:
        """It is connected and stays so."""
        self._log.info("kamailio_connected", address=kamailio.address, gateway=kamailio.gateway)

    def kamailio_away(self, kamailio: Kamailio, reason: str) -> None:
        """It cannot be reached, or is no longer connected."""
        self._log.warning("kamailio_away", address=kamailio.address, gateway=kamailio.gateway, reason=reason)

    # --- RADIUS

    def radius_received(self, code: int) -> None:
        """A packet of this code came from a known client, and is no repeat."""
        self._metrics.radius_packets[code] += 1

    def radius_duplicate(self) -> None:
        """A packet was a repeat and got the same bytes again."""
        self._metrics.radius_duplicates += 1

    def radius_answered(self, kind: Answered) -> None:
        """A packet was answered."""
        self._metrics.radius_answers[kind] += 1

    def radius_dropped(self, reason: Dropped, source: bytes) -> None:
        """A packet of this packed address got silence."""
        self._metrics.radius_dropped[reason] += 1
        if reason.value not in _TOLD_ELSEWHERE:
            self._warn("radius_dropped", reason, reason=reason, source=address_text(source))

    def radius_bad_request(self, field: str, source: bytes) -> None:
        """The field of this name could not be read out of an authenticated packet of this packed address."""
        self._warn("radius_bad_request", field, field=field, source=address_text(source))

    def radius_shared_boot(self, gateway: str, source: bytes) -> None:
        """One of several switches that ask as this gateway says that it has begun anew: no call was ended."""
        self._warn("radius_shared_boot", gateway, gateway=gateway, source=address_text(source))

    # --- the console

    def ended_by_hand(self, gateway: str | None, call: Call) -> None:
        """An operator has ended this call."""
        _, call_id, leg = call.key
        self._log.info("call_ended_by_hand", gateway=gateway, call_id=call_id, leg=leg, account_id=call.account_id)

    # --- the loader

    def applied(self, changes: int, commit_to_effect_seconds: float | None) -> None:
        """A set of account changes took effect."""
        self._metrics.applied(changes, commit_to_effect_seconds)

    def loader_log(self, level: Level, event: str, fields: Mapping[str, str | int | float | bool | None]) -> None:
        """The loader has something to say."""
        self._log.log(level, event, fields)

    def loader_ended(self, reason: str, next_in_seconds: float) -> None:
        """The loader is gone and will be started again."""
        self._metrics.loader_restarts += 1
        self._log.error("loader_ended", reason=reason, next_in_seconds=round(next_in_seconds, 2))

    def first_data(self, accounts: int, source: str) -> None:
        """Calls are judged from now on."""
        self._log.info("ready", accounts=accounts, source=source)

    # --- credentials and journal

    def credentials_unusable(self, account_id: int, reason: str) -> None:
        """A stored password could not be opened when it was needed."""
        self._metrics.credentials_unusable += 1
        self._warn("credentials_unusable", str(account_id % 16), account_id=account_id, reason=reason)

    def journal_failed(self, error: OSError) -> None:
        """The calls cannot be written to disk; they are kept in memory and tried again."""
        self._metrics.journal_failures += 1
        self._warn("journal_not_written", "", error=str(error))

    def _warn(self, event: str, kind: str, **fields: str | int | float | None) -> None:
        key = f"{event}/{kind}"
        if self.now - self._last_said.get(key, float("-inf")) < SAID_AGAIN_SECONDS:
            self._unsaid[key] = self._unsaid.get(key, 0) + 1
            return
        self._last_said[key] = self.now
        unsaid = self._unsaid.pop(key, 0)
        self._log.warning(event, **fields, **({"unsaid_before": unsaid} if unsaid else {}))
