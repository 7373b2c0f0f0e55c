"""Which address a request came from, for delays and for what is written down. Decides no access.

Behind a proxy on this machine every peer is the proxy: where the configuration names a public URL and the peer is on
loopback, the last entry of X-Forwarded-For counts, which is the one that the proxy itself has added.
"""

import ipaddress

from starlette.requests import Request

from console.context import console_of


def address_of(request: Request) -> str:
    """An address as text; "" where the transport has none."""
    peer = request.client.host if request.client is not None else ""
    if console_of(request).settings.console.public_url and _is_loopback(peer):
        said = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        try:
            return str(ipaddress.ip_address(said))
        except ValueError:
            return peer
    return peer


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
