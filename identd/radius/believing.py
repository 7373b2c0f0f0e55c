"""Is a packet from who it says? Which signatures are asked of which client, and what is dropped for want of one.

An Access-Request without Message-Authenticator can be forged, and the answer to it turned into its contrary
(CVE-2024-3596, BlastRADIUS). `auto` is for clients that send none, as radcli: an address that has signed once must go
on signing, and what comes through a proxy must be signed, since Proxy-State is what that attack needs.
"""

from identd.door_settings import Requirement
from identd.radius.clients import ReadyClient
from identd.radius.observer import Dropped
from protocol.radius.attribute import PROXY_STATE
from protocol.radius.authenticator import MessageAuthenticator, check_accounting, check_message_authenticator
from protocol.radius.packet import Code, Packet

SIGNERS_MAX = 65_536
"""Addresses that have signed: each knows a secret of ours, so the switches of the largest house are fewer."""

_ABSENT, _BAD = MessageAuthenticator.ABSENT, MessageAuthenticator.BAD
_ACCESS_REQUEST, _ACCOUNTING_REQUEST = int(Code.ACCESS_REQUEST), int(Code.ACCOUNTING_REQUEST)
_STATUS_SERVER = int(Code.STATUS_SERVER)


class Believer:
    """What is known of who signs. `doubt` says why a packet gets silence."""

    __slots__ = ("_signers",)

    def __init__(self) -> None:
        self._signers: dict[bytes, None] = {}

    def doubt(self, packet: Packet, client: ReadyClient, source: bytes) -> Dropped | None:
        """Why this packet is not to be believed; None where it is. `source`: packed address."""
        signature = check_message_authenticator(packet, client.secret)
        if signature is _BAD:
            return Dropped.WRONG_SIGNATURE
        code = packet.code
        if code == _ACCOUNTING_REQUEST:
            return None if check_accounting(packet, client.secret) else Dropped.WRONG_AUTHENTICATOR
        if signature is _ABSENT:
            if code == _STATUS_SERVER:
                return Dropped.UNSIGNED
            return self._unsigned(packet, client.requirement, source)
        if code == _ACCESS_REQUEST and source not in self._signers:
            if len(self._signers) >= SIGNERS_MAX:
                del self._signers[next(iter(self._signers))]
            self._signers[source] = None
        return None

    def _unsigned(self, packet: Packet, requirement: Requirement, source: bytes) -> Dropped | None:
        """Why an Access-Request must be signed."""
        if requirement == "yes":
            return Dropped.UNSIGNED
        if requirement == "auto":
            if source in self._signers:
                return Dropped.UNSIGNED_AFTER_SIGNED
            if PROXY_STATE in packet.firsts:
                return Dropped.UNSIGNED_FROM_PROXY
        return None

    def statistics(self) -> dict[str, int]:
        """Sizes, for tests and for the page of figures."""
        return {"signers": len(self._signers)}
