"""Who may say what: the peer of a connection, what gateway it may speak as, and what its requests may carry."""

from collections.abc import Callable
from typing import Literal

import msgspec

from matcher.account import Gateway
from matcher.address import AddressError, canonical_address, contains
from matcher.attempt import CallAttempt, ClearPassword, Credentials, DigestResponse
from protocol.messages import CallKeys, Digest

VerifySecret = Callable[[str | None, str], bool]
"""(the gateway's `secret_hash` or None, what the peer said) -> whether it is right; no hash costs the same work."""


Transport = Literal["unix", "tcp", "http", "evapi"]


class Peer(msgspec.Struct, frozen=True, gc=False):
    """The other end of a connection. `address` is packed, None on the Unix socket. `name` is for logs."""

    transport: Transport
    name: str
    address: bytes | None = None

    @property
    def is_local(self) -> bool:
        """Whether what it says cannot be overheard: the Unix socket, or loopback."""
        address = self.address
        return address is None or address == _LOOPBACK or (len(address) == 4 and address[0] == _LOOPBACK_NET)


_LOOPBACK = bytes(15) + b"\x01"
_LOOPBACK_NET = 127


class KeyRefusedError(ValueError):
    """A key of the request cannot be accepted; `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def admits(gateway: Gateway | None, peer: Peer, secret: str | None, verify: VerifySecret) -> bool:
    """Whether this peer may speak as the gateway: from an address that it allows, and with its secret.

    On the Unix socket the file's mode has decided already, so only a secret that is said must be right. An unknown
    gateway is checked against nothing, at the same cost. Over HTTP the secret is all that a peer is known by, so a
    gateway without one cannot ask there.
    """
    if peer.transport == "unix":
        if gateway is None:
            return False
        return secret is None or gateway.secret_hash is None or verify(gateway.secret_hash, secret)
    secret_hash = gateway.secret_hash if gateway is not None else None
    proven = verify(secret_hash, secret or "")
    if gateway is None:
        return False
    if gateway.addresses and not (
        peer.address is not None and any(contains(network, peer.address) for network in gateway.addresses)
    ):
        return False
    return proven or (gateway.secret_hash is None and peer.transport != "http")


def call_attempt(request: CallKeys, gateway: Gateway | None, peer_is_local: bool) -> CallAttempt:
    """What the switch saw, in canonical form. Raises `KeyRefusedError` where a key cannot be accepted.

    A protocol is compared without regard to case, so it is lower case from here on.
    """
    address: bytes | None = None
    if request.ip is not None:
        try:
            address = canonical_address(request.ip)
        except AddressError as error:
            raise KeyRefusedError("ip", str(error)) from None
    credentials: Credentials | None = None
    if request.password is not None:
        if not peer_is_local:
            raise KeyRefusedError("password", "a clear password is taken over the Unix socket or loopback only")
        credentials = ClearPassword(request.password)
    elif request.digest is not None:
        credentials = digest_response(request.digest)
    return CallAttempt(
        request.direction,
        request.dnis,
        address,
        request.port,
        None if request.protocol is None else request.protocol.lower(),
        request.name,
        request.name_verified or (gateway is not None and gateway.trusts_name),
        credentials,
        request.ani,
    )


def digest_response(digest: Digest) -> DigestResponse:
    """The same as the matcher's value."""
    return DigestResponse(
        username=digest.username,
        realm=digest.realm,
        nonce=digest.nonce,
        uri=digest.uri,
        method=digest.method,
        response=digest.response,
        algorithm=digest.algorithm or "MD5",  # RFC 7616 §3.3: absent means MD5
        qop=digest.qop,
        nc=digest.nc,
        cnonce=digest.cnonce,
    )
