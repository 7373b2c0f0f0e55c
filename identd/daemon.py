"""The daemon put together: which part is handed which, and what runs beside what on the one thread.

Everything that lasts is made here and nowhere else. Tasks: the socket server, the connections to Kamailios, the
loader's feed, the pages of figures, the tick (leases, journal, clock) and the signals; an end of any but the signals
is a bug and ends the daemon.
"""

import gc
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import trio

from identd import systemd
from identd.access import Peer
from identd.asker import Asker, AssignedAsker, TokenAsker
from identd.clock import Clock
from identd.credentials import KeyRing, Prover
from identd.datagrams import DatagramSocket
from identd.doors import Doors
from identd.engine import Engine
from identd.evapi import EvapiConnector
from identd.feed import Feed
from identd.http import pages, serve_http
from identd.journal import Journal
from identd.live_calls import LiveCalls
from identd.logs import Log
from identd.metrics import Metrics, Readings, exposition, make_registry
from identd.radius.clients import RadiusClients
from identd.radius.door import RadiusDoor
from identd.radius.nonces import KEY_BYTES as NONCE_KEY_BYTES
from identd.sealing import verify_secret
from identd.server import Server
from identd.session import Session
from identd.settings import Settings
from identd.watch import Watch
from loader.stream import Configure
from matcher.directory import Directory
from protocol.connection import ServerConnection
from protocol.evapi import EvapiConnection
from protocol.http_connection import HttpConnection
from protocol.http_document import document

TICK_SECONDS = 0.25  # how late a lease may end, and how often the journal notes that we are alive
EXPIRED_AT_ONCE = 500  # calls ended before the thread is given back: some 2 ms
QUIET_SECONDS = 0.5  # while draining: no request for this long means that the switches have turned elsewhere
_LOOKS = frozenset({"ping", "status"})
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
GC_THRESHOLDS = (2_000, 20, 50)
"""Calls and accounts are kept from the collector (structs with gc=False; the loaded accounts are frozen out of its
sight), but every tuple in them is looked at once before it is let go: some 0.35 us each. All of 50,000 together held
an answer up for 20 ms, 2,000 for less than 1, at the same cost a tuple."""

SERVER = f"identd {version('identd')}"


class Daemon:
    """One running identd. `serve` until SIGTERM or SIGINT."""

    __slots__ = (
        "_clock",
        "_evapi",
        "_feed",
        "_http_document",
        "_journal",
        "_live",
        "_log",
        "_metrics",
        "_prover",
        "_radius",
        "_reload",
        "_server",
        "_watch",
        "engine",
        "settings",
    )

    def __init__(
        self,
        settings: Settings,
        log: Log,
        keys: KeyRing,
        doors: Doors,
        clients: RadiusClients,
        journal: Journal,
        reload: Callable[["Daemon"], None],
    ) -> None:
        self.settings = settings
        self._log = log
        self._journal = journal
        self._reload = reload
        limits = settings.limits
        self._live = LiveCalls(limits.released_memory_max, limits.calls_max)
        self._clock = Clock(self._was_deaf)
        self._metrics = Metrics(self._readings)
        self._watch = Watch(self._metrics, log)
        self._prover = Prover(keys, self._watch.credentials_unusable)
        self.engine = Engine(Directory(self._prover), self._live)
        self._feed = Feed(
            self.engine,
            self._clock,
            self._watch,
            Configure(
                settings.database.dsn,
                settings.database.poll_seconds,
                settings.database.heartbeat_seconds,
                str(Path(settings.state.directory).absolute()),
            ),
        )
        self._radius = RadiusDoor(self.engine, clients, self._watch, os.urandom(NONCE_KEY_BYTES))
        self._http_document = document(version("identd")) if settings.http.listen else b""
        self._server = Server(
            doors.listeners,
            self._session,
            limits,
            self._clock,
            self._watch,
            self._write_journal,
            self._catch_up,
            tuple(self._radius_sockets(doors)),
        )
        self._evapi = EvapiConnector(
            settings.evapi.kamailios, self._server.adopt, self._evapi_session, self._watch, random.random
        )
        restored = journal.restore(self._live, self._clock.now())
        if restored:
            log.info("calls_restored", calls=restored)
        if journal.torn_bytes:
            log.warning("journal_torn", bytes=journal.torn_bytes)

    async def serve(self, http_listeners: Sequence[trio.SocketListener]) -> None:
        """Run until told to stop, then drain and close."""
        gc.set_threshold(*GC_THRESHOLDS)
        registry = make_registry(self._metrics)
        site = pages(lambda: exposition(registry), lambda: self.engine.directory.ready)
        for number in SIGNALS:  # what holds again after the receiver: one more signal at the very end kills nobody
            signal.signal(number, signal.SIG_IGN)
        with trio.open_signal_receiver(*SIGNALS) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._server.run)
                nursery.start_soon(self._connect_when_ready)
                nursery.start_soon(self._feed.run)
                nursery.start_soon(self._tick_forever)
                nursery.start_soon(serve_http, http_listeners, site, self._page_broke)
                nursery.start_soon(systemd.keep_watchdog)
                systemd.notify("READY=1")
                await self._obey(signals)
                await self._drain(signals)
                nursery.cancel_scope.cancel()
            self._close()

    def change_settings(self, settings: Settings, keys: KeyRing, clients: RadiusClients) -> None:
        """Take over what can change while running; the caller has checked that nothing else did."""
        self.settings = settings
        self._prover.use(keys)
        self._radius.use(clients)
        self._server.limits = settings.limits
        self._live.calls_max = settings.limits.calls_max
        self._log.configure(settings.log.level, settings.log.format, settings.log.numbers)

    # --- what runs

    async def _obey(self, signals: AsyncIterator[int]) -> None:
        async for number in signals:
            if number != signal.SIGHUP:
                self._log.info("stopping", signal=signal.Signals(number).name)
                return
            systemd.notify_reloading()
            self._reload(self)
            systemd.notify("READY=1")

    async def _drain(self, signals: AsyncIterator[int]) -> None:
        """Judge no new call, but hear what the switches still say of those that are up. A second signal ends it."""
        systemd.notify("STOPPING=1")
        self.engine.draining = True
        self._server.stop_listening()
        self._evapi.stop()
        with trio.move_on_after(self.settings.limits.drain_seconds_max):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._until_quiet, nursery.cancel_scope)
                async for number in signals:
                    if number != signal.SIGHUP:  # there is nothing to reload any more
                        self._log.info("stopping", signal=signal.Signals(number).name, at_once=True)
                        break
                nursery.cancel_scope.cancel()

    async def _connect_when_ready(self) -> None:
        """A Kamailio takes who connects for one who can judge, and tells it what was kept for it."""
        while not self.engine.directory.ready:  # noqa: ASYNC110 - as the tick
            await trio.sleep(TICK_SECONDS)
        await self._evapi.run()

    async def _until_quiet(self, drain: trio.CancelScope) -> None:
        """End the drain when no switch can ask, or none has asked anything for a while."""
        quiet_since, answered = trio.current_time(), self._asked_of_calls()
        while self._server.may_hear and trio.current_time() - quiet_since < QUIET_SECONDS:
            await trio.sleep(QUIET_SECONDS / 10)
            answered_now = self._asked_of_calls()
            if answered_now != answered:
                quiet_since, answered = trio.current_time(), answered_now
        drain.cancel()

    def _asked_of_calls(self) -> int:
        """Requests so far, without those that only look whether we are there."""
        return sum(count for op, count in self._metrics.requests.items() if op not in _LOOKS)

    async def _tick_forever(self) -> None:
        ready = False
        while True:
            now = self._clock.look()
            self._watch.now = now
            self.engine.wall_offset = self._clock.wall_offset()
            while self._live.expire(now, EXPIRED_AT_ONCE) == EXPIRED_AT_ONCE:
                await trio.lowlevel.checkpoint()
            while not self.engine.settle_rates():
                await trio.lowlevel.checkpoint()
            if self.engine.directory.ready:
                self._live.last_calls.tidy(self.engine.directory.accounts)
            self._catch_up(now, alive=True)
            if not ready and self.engine.directory.ready:
                ready = True
                gc.freeze()  # the accounts stay for good: no collection need walk them
            await trio.sleep(TICK_SECONDS)

    def _was_deaf(self, seconds: float) -> None:
        self._live.was_deaf(seconds)
        self._server.was_deaf(seconds)

    def _write_journal(self, now: float) -> None:
        if self._live.changes:
            try:
                self._journal.write(self._live, now)
            except OSError as error:
                self._watch.journal_failed(error)

    def _catch_up(self, now: float, alive: bool = False) -> None:
        self._write_journal(now)
        if alive or self._journal.is_behind:
            try:
                self._journal.catch_up(self._live, now, alive)
            except OSError as error:
                self._watch.journal_failed(error)

    def _close(self) -> None:
        self._server.close()
        try:
            self._journal.finish(self._live, self._clock.now())
        except OSError as error:
            self._watch.journal_failed(error)
        self._journal.close()
        self._log.info("stopped", calls=len(self._live))

    # --- what is handed on

    def _session(self, peer: Peer) -> Session:
        asker_of, codec = (
            (TokenAsker, HttpConnection(self._http_document))
            if peer.transport == "http"
            else (Asker, ServerConnection(self.settings.limits.frame_bytes_max))
        )
        return Session(self.engine, asker_of(self.engine, peer, verify_secret), self, self._watch, codec)

    def _evapi_session(self, peer: Peer, gateway: str) -> Session:
        asker = AssignedAsker(self.engine, peer, verify_secret, gateway)
        return Session(self.engine, asker, self, self._watch, EvapiConnection(self.settings.limits.frame_bytes_max))

    def _radius_sockets(self, doors: Doors) -> Iterator[DatagramSocket]:
        receive = self._radius.receive
        if doors.radius_auth is not None:
            yield DatagramSocket(
                doors.radius_auth,
                "radius-auth",
                lambda datagram, source, port, now: receive(datagram, source, port, "auth", now),
            )
        if doors.radius_accounting is not None:
            yield DatagramSocket(
                doors.radius_accounting,
                "radius-accounting",
                lambda datagram, source, port, now: receive(datagram, source, port, "accounting", now),
            )

    def _page_broke(self, error: Exception) -> None:
        self._log.error("page_broke", error=repr(error))

    def _readings(self) -> Readings:
        directory, live = self.engine.directory, self._live
        self._metrics.ambiguous_decisions = self.engine.ambiguous_decisions
        return Readings(
            calls=live.counts,
            endings={cause.value: count for cause, count in live.endings.items()},
            releases=live.releases,
            accounts=len(directory.accounts),
            quarantined=directory.quarantined_counts,
            ambiguous_pairs=directory.statistics()["ambiguous_pairs"],
            generation=directory.generation,
            ready=directory.ready,
            database_connected=self._feed.database_connected,
            data_age_seconds=self._feed.data_age_seconds(self._clock.now()),
            connections=self._server.open_by_kind(),
            kamailios={
                (each.address, each.gateway): int(each in self._evapi.connected)
                for each in self.settings.evapi.kamailios
            },
            log_lines_dropped=self._log.dropped,
        )

    # --- DaemonFacts, for `status`

    @property
    def server(self) -> str:
        """Name and version."""
        return SERVER

    @property
    def database_connected(self) -> bool:
        """Whether the loader sees the database."""
        return self._feed.database_connected

    def data_age_seconds(self, now: float) -> float | None:
        """Since the database was last seen to agree; None before that."""
        return self._feed.data_age_seconds(now)

    def in_force(self, xid: int) -> bool:
        """Whether what this PostgreSQL transaction wrote has taken effect; False where nobody can say."""
        return self._feed.in_force(xid)
