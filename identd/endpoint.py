"""Where to listen: `address:port` as text and as a value. Knows no socket; opens nothing."""

import ipaddress

import msgspec


class Endpoint(msgspec.Struct, frozen=True):
    """Where to listen: a literal address ("" is every address) and a TCP port (0: the kernel chooses, for tests)."""

    host: str
    port: int

    @property
    def is_wildcard(self) -> bool:
        """Whether it would listen on every address of the machine."""
        if not self.host:
            return True
        address = ipaddress.ip_address(self.host)
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return (mapped or address).is_unspecified

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_endpoint(text: str) -> Endpoint:
    """`127.0.0.1:7878`, `[::1]:7878` or `:7878` (every address). ValueError says in plain words what is wrong.

    Names are refused: what a name means is decided elsewhere and can change under a running daemon.
    """
    host, colon, port_text = text.rpartition(":")
    if not colon:
        raise ValueError("must be ADDRESS:PORT, as in 127.0.0.1:7878 or [::1]:7878")
    if not (port_text.isascii() and port_text.isdigit() and len(port_text) <= 5 and int(port_text) <= 65535):
        raise ValueError(f"the port must be a number from 0 to 65535, not {port_text!r}")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if ":" not in host:
            raise ValueError("only an IPv6 address stands in brackets")
    elif ":" in host:
        raise ValueError("an IPv6 address stands in brackets, as in [::1]:7878")
    if host:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            raise ValueError(f"{host!r} is not an IP address (a name is not accepted)") from None
        if isinstance(address, ipaddress.IPv6Address) and address.scope_id:
            raise ValueError("an address with a zone is not accepted")
    return Endpoint(host, int(port_text))
