"""Clients that leave the nonces of SIP digests to us (RFC 5090): who is challenged, and who is challenged anew.

A response is judged before its nonce: a wrong one is refused however fresh its nonce is, and only where the nonce is
all that was wrong does `Digest-Stale` say so (RFC 5090 §2.2, RFC 7616 §3.3). Nothing is taken for a challenge.
"""

from identd.engine import Engine
from identd.radius.clients import ReadyClient
from identd.radius.nonces import Nonces
from identd.radius.proving import BadFieldError
from matcher.account import Gateway
from matcher.attempt import CallAttempt, DigestResponse
from matcher.match import Match
from protocol.radius.digest import REALM, asks_for_nonce, challenge
from protocol.radius.packet import Packet


class Challenger:
    """The attributes of challenges, for clients with a realm: the nonces of others are their own affair."""

    __slots__ = ("_engine", "_nonces")

    def __init__(self, engine: Engine, nonce_key: bytes) -> None:
        self._engine = engine
        self._nonces = Nonces(nonce_key)

    def first(self, packet: Packet, client: ReadyClient, gateway: Gateway, now: float) -> bytes | None:
        """The challenge to a request for a nonce; None for any other. Raises `BadFieldError`."""
        realm = client.digest_realm
        if not asks_for_nonce(packet):
            return None
        if packet.firsts.get(REALM, realm.encode()) != realm.encode():
            raise _not_our_realm()
        return self._challenge(packet, client, gateway, now, is_stale=False)

    def anew(
        self, attempt: CallAttempt, packet: Packet, client: ReadyClient, gateway: Gateway, now: float
    ) -> bytes | None:
        """The challenge to a right response to a nonce that is too old or not ours; None for any other attempt.

        Where something else than this response says whose call it is, its nonce does not matter. Raises
        `BadFieldError` for a realm that is not the client's (RFC 5090 §2.2).
        """
        response = attempt.credentials
        if not isinstance(response, DigestResponse):
            return None
        if response.realm != client.digest_realm:
            raise _not_our_realm()
        if self._nonces.is_fresh(response.nonce, _space(client, gateway), now):
            return None
        found = self._engine.directory.index.identify(attempt, gateway)
        if not isinstance(found, Match) or found.ident_by != "name" or found.account.password is None:
            return None
        return self._challenge(packet, client, gateway, now, is_stale=True)

    def _challenge(
        self, packet: Packet, client: ReadyClient, gateway: Gateway, now: float, *, is_stale: bool
    ) -> bytes:
        # a client makes each of its authenticators of random bytes (RFC 2865 §3)
        nonce = self._nonces.make(_space(client, gateway), packet.authenticator, now)
        return challenge(client.digest_realm, nonce, is_stale=is_stale)


def _space(client: ReadyClient, gateway: Gateway) -> bytes:
    """Whom a nonce is for: one table and one gateway. The realm is last, since it alone may have any characters."""
    network = client.network
    return f"{network.address.hex()}/{network.length} {gateway.id} {client.digest_realm}".encode()


def _not_our_realm() -> BadFieldError:
    return BadFieldError("digest", "realm is not the client's digest_realm")
