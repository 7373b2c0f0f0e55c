"""RADIUS, a datagram at a time: bytes in, bytes out or silence, sync. The door before the one engine.

A client is known by its address and by its secret, a gateway is a row of the database, and what they ask is what the
socket protocol asks. Silence is an answer too: it sends the switch to its next server, and tells a stranger nothing.
"""

from typing import Literal

from identd.calls import CallKey, Cause
from identd.decision import Conflict, Existing, Grant, Unavailable
from identd.engine import Engine
from identd.radius.accounting import Accounting
from identd.radius.believing import Believer
from identd.radius.challenging import Challenger
from identd.radius.clients import RadiusClients, ReadyClient
from identd.radius.duplicates import Duplicates
from identd.radius.observer import Answered, Dropped, RadiusObserver
from identd.radius.proving import BadFieldError
from identd.radius.reading import pairs_of, read_attempt, read_call
from identd.radius.speakers import NAS_IDENTIFIER
from matcher.account import Gateway
from matcher.address import contains, unwrapped
from protocol.radius.answer import AnswerTooLongError, answer
from protocol.radius.attribute import PROXY_STATE
from protocol.radius.packet import Code, MalformedError, Packet, decode

Which = Literal["auth", "accounting"]

PROXY_STATE_BYTES_MAX = 1_000
"""What proxies may want back: an answer has room for it beside all that a decision can say."""

IDENTIFIER_AT = 1

_HEAD_BYTES = 2
_STATUS_SERVER = int(Code.STATUS_SERVER)
_ASKED: dict[Which, int] = {"auth": int(Code.ACCESS_REQUEST), "accounting": int(Code.ACCOUNTING_REQUEST)}
_ALIVE: dict[Which, Code] = {"auth": Code.ACCESS_ACCEPT, "accounting": Code.ACCOUNTING_RESPONSE}


class RadiusDoor:
    """Answers packets. `receive` is the whole of it."""

    __slots__ = ("_accounting", "_believer", "_challenger", "_clients", "_duplicates", "_engine", "_observer")

    def __init__(self, engine: Engine, clients: RadiusClients, observer: RadiusObserver, nonce_key: bytes) -> None:
        """`nonce_key`: `nonces.KEY_BYTES` random ones, new at each start."""
        self._engine = engine
        self._clients = clients
        self._observer = observer
        self._believer = Believer()
        self._challenger = Challenger(engine, nonce_key)
        self._duplicates = Duplicates()
        self._accounting = Accounting(engine, observer)

    def use(self, clients: RadiusClients) -> None:
        """From now on these clients: a reload of the configuration."""
        self._clients = clients
        self._duplicates.clear()
        self._believer = Believer()

    def statistics(self) -> dict[str, int]:
        """Sizes of what is remembered, for tests and for the page of figures."""
        stateful = (self._clients, self._duplicates, self._believer, self._accounting)
        return {name: size for each in stateful for name, size in each.statistics().items()}

    def receive(self, datagram: bytes, source: bytes, port: int, which: Which, now: float) -> bytes | None:
        """The answer to one datagram from a packed address and port, or None for silence; `now` as in `engine.py`."""
        source = unwrapped(source)
        client = self._clients.find(source)
        if client is None:
            return self._drop(Dropped.UNKNOWN_CLIENT, source)
        key = (source, port, which, datagram[IDENTIFIER_AT] if len(datagram) > IDENTIFIER_AT else 0)
        again = self._duplicates.find(key, datagram, now)
        if again is not None:
            self._observer.radius_duplicate()
            return again
        try:
            packet = decode(datagram)
        except MalformedError as error:
            return self._drop(Dropped(f"malformed_{error.reason.value}"), source)
        self._observer.radius_received(packet.code)
        if packet.code != _ASKED[which] and packet.code != _STATUS_SERVER:
            return self._drop(Dropped.UNEXPECTED_CODE, source)
        doubt = self._believer.doubt(packet, client, source)
        if doubt is not None:
            return self._drop(doubt, source)
        if PROXY_STATE in packet.firsts and _proxy_state_bytes(packet) > PROXY_STATE_BYTES_MAX:
            return self._drop(Dropped.PROXY_STATE_TOO_LONG, source)
        answered = self._answer(packet, client, source, which, now)
        if answered is not None and packet.code != _STATUS_SERVER:  # that one asks about this very moment
            self._duplicates.remember(key, datagram, answered, now)
        return answered

    def _answer(self, packet: Packet, client: ReadyClient, source: bytes, which: Which, now: float) -> bytes | None:
        """The answer to a packet that is believed."""
        if not self._engine.directory.ready:
            return self._drop(Dropped.NOT_READY, source)
        if packet.code == _STATUS_SERVER:
            if self._engine.draining:  # RFC 5997 §4.2: silence says that the next server should be asked
                return self._drop(Dropped.DRAINING, source)
            if self._engine.live.is_full:
                return self._drop(Dropped.OVERLOADED, source)
            return self._say(Answered.STATUS, _ALIVE[which], packet, b"", client, source)
        gateway = self._gateway(packet, client)
        if gateway is None:
            return self._drop(Dropped.UNKNOWN_GATEWAY, source)
        if gateway.addresses and not any(contains(network, source) for network in gateway.addresses):
            return self._drop(Dropped.FORBIDDEN_ADDRESS, source)
        is_accounting = which == "accounting"
        if is_accounting or packet.signed_at:  # an Access-Request without signature may be anybody's
            self._accounting.heard(packet, gateway, source, now)
        if is_accounting:
            try:
                kind = self._accounting.act(packet, client, gateway, source, now)
            except BadFieldError as bad:
                self._observer.radius_bad_request(bad.field, source)
                kind = Answered.BAD_ACCOUNTING
            return self._say(kind, Code.ACCOUNTING_RESPONSE, packet, b"", client, source)
        return self._decide(packet, client, gateway, source, now)

    def _gateway(self, packet: Packet, client: ReadyClient) -> Gateway | None:
        """Which row of the database asks: the client's, or the one that NAS-Identifier names."""
        name = client.gateway
        if not name:
            named = packet.firsts.get(NAS_IDENTIFIER, b"")
            name = named.decode("utf-8", "replace")
        return self._engine.directory.gateways_by_name.get(name)

    def _decide(
        self, packet: Packet, client: ReadyClient, gateway: Gateway, source: bytes, now: float
    ) -> bytes | None:
        observer, engine, writer = self._observer, self._engine, client.writer
        challenger = self._challenger if client.digest_realm else None
        try:
            if challenger and (challenge := challenger.first(packet, client, gateway, now)):
                return self._challenge(challenge, packet, client, source)
            observer.requested("authorize" if client.authorizes else "identify")
            tables = client.tables
            pairs = pairs_of(tables, packet)
            attempt = read_attempt(tables, packet, pairs, gateway, client.secret)
            if challenger and (challenge := challenger.anew(attempt, packet, client, gateway, now)):
                return self._challenge(challenge, packet, client, source)
            if client.authorizes:
                call_id, leg = read_call(tables, packet, pairs, attempt.direction)
                decision = engine.authorize(attempt, gateway, (gateway.id, call_id, leg), now)
            else:
                call_id = leg = ""
                decision = engine.identify(attempt, gateway, now)
        except BadFieldError as bad:
            observer.radius_bad_request(bad.field, source)
            said = writer.erred("bad_request", str(bad))
            return self._say(Answered.BAD_REQUEST, Code.ACCESS_REJECT, packet, said, client, source)
        if isinstance(decision, Conflict):
            said = writer.erred("call_id_conflict", "this call is up for another account or direction")
            return self._say(Answered.CALL_ID_CONFLICT, Code.ACCESS_REJECT, packet, said, client, source)
        body = decision.grant if isinstance(decision, Existing) else decision
        if isinstance(body, Grant):
            observer.decided(attempt.direction, "")
            said = writer.granted(body)
            answered = self._say(Answered.GRANT, Code.ACCESS_ACCEPT, packet, said, client, source)
            if answered is None and client.authorizes and isinstance(decision, Grant):
                self._forget((gateway.id, call_id, leg), now)
            return answered
        observer.decided(attempt.direction, body.reason)
        if isinstance(body, Unavailable):
            return self._drop(Dropped(body.reason.value), source)
        return self._say(Answered.REFUSE, Code.ACCESS_REJECT, packet, writer.refused(body), client, source)

    def _forget(self, key: CallKey, now: float) -> None:
        """A call was granted and nobody was told: its lease is over, and whoever asks again is not too late."""
        call = self._engine.live.find(key)
        assert call is not None, "granted just now"
        self._engine.live.end(call, Cause.EXPIRE, now)

    def _challenge(self, said: bytes, packet: Packet, client: ReadyClient, source: bytes) -> bytes | None:
        if self._engine.draining and client.authorizes:  # another server will judge, which knows no nonce of ours
            return self._drop(Dropped.DRAINING, source)
        return self._say(Answered.CHALLENGE, Code.ACCESS_CHALLENGE, packet, said, client, source)

    def _say(
        self, kind: Answered, code: Code, packet: Packet, said: bytes, client: ReadyClient, source: bytes
    ) -> bytes | None:
        try:
            answered = answer(code, packet, said, client.secret)
        except AnswerTooLongError:
            return self._drop(Dropped.ANSWER_TOO_LONG, source)
        self._observer.radius_answered(kind)
        return answered

    def _drop(self, reason: Dropped, source: bytes) -> bytes | None:
        self._observer.radius_dropped(reason, source)
        return None


def _proxy_state_bytes(packet: Packet) -> int:
    return sum(len(state) + _HEAD_BYTES for state in packet.every(PROXY_STATE))
