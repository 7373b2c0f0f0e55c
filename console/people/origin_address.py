"""Which address a request came from, for delays and for what is written down. Decides no access.

Behind a proxy on this machine every peer is the proxy: where the configuration names a public URL and the peer is on
loopback, the last entry of X-Forwarded-For counts, which is the one that the proxy itself has added.
"""

import ipaddress

from starlette.requests import HTTPConnection

from console.context import console_of


def address_of(connection: HTTPConnection) -> str:
    """An address as text; "" where the transport has none."""
    peer = connection.client.host if connection.client is not None else ""
    said = connection.headers.get("x-forwarded-for", "")
    return address_from(peer, said, is_behind_proxy=bool(console_of(connection).settings.console.public_url))


def address_from(peer: str, forwarded_for: str, *, is_behind_proxy: bool) -> str:
    """The address of whoever asks, of the peer's and what a proxy may have said."""
    if is_behind_proxy and _is_loopback(peer):
        said = forwarded_for.rpartition(",")[2].strip()
        try:
            return str(ipaddress.ip_address(said))
        except ValueError:
            return peer
    return peer


def site_of(address: str) -> str:
    """The address, or the /64 of an IPv6 one: whoever has one of those has all of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
