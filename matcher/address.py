"""Addresses and networks: text to canonical packed bytes and back.

Canonical means 4 bytes for IPv4, 16 for IPv6, and an IPv4-mapped IPv6 address is IPv4 (docs/matching.md §2). Text is
read strictly, because what is read loosely here is billed to the wrong client: no leading zeros, no spaces, no
zone ids, ASCII digits only. The IPv4 case is on the path of every call and looks its octets up in a table.
"""

import ipaddress

from matcher.account import Network

_OCTETS: dict[str, bytes] = {str(number): bytes((number,)) for number in range(256)}
_LENGTHS: dict[str, int] = {str(number): number for number in range(129)}
_MAPPED = bytes(10) + b"\xff\xff"
_MAPPED_BITS = 96
_TEXT_SHOWN_MAX = 64  # an error message repeats what a stranger sent: enough to recognise it, no more


class AddressError(ValueError):
    """The text is no address or network in the form that we read."""


def canonical_address(text: str) -> bytes:
    """Packed address of `text`, 4 or 16 bytes; `::ffff:a.b.c.d` gives those of a.b.c.d. AddressError otherwise."""
    try:
        first, second, third, fourth = text.split(".")
        return _OCTETS[first] + _OCTETS[second] + _OCTETS[third] + _OCTETS[fourth]
    except (ValueError, KeyError):
        return _canonical_ipv6(text)


def _canonical_ipv6(text: str) -> bytes:
    if "%" in text or ":" not in text:
        raise AddressError(f"not an IP address: {text[:_TEXT_SHOWN_MAX]!r}")
    try:
        packed = ipaddress.IPv6Address(text).packed
    except ValueError:
        raise AddressError(f"not an IP address: {text[:_TEXT_SHOWN_MAX]!r}") from None
    return unwrapped(packed)


def unwrapped(packed: bytes) -> bytes:
    """The IPv4 address inside an IPv4-mapped IPv6 one (RFC 4291 §2.5.5.2); any other address as it is."""
    return packed[12:] if len(packed) == 16 and packed.startswith(_MAPPED) else packed


def canonical_network(text: str) -> tuple[Network, bool]:
    """The network of `text` (`a.b.c.d/n`, `x::y/n` or a plain address) and whether host bits were masked off.

    A mapped network of /96 or longer is IPv4. Masks are written as a length only. AddressError otherwise.
    """
    address_part, slash, length_part = text.partition("/")
    try:
        packed = canonical_address(address_part)
    except AddressError:
        raise AddressError(f"not an IP network: {text[:_TEXT_SHOWN_MAX]!r}") from None
    written_bits = 128 if ":" in address_part else 32
    length = _LENGTHS.get(length_part, 129) if slash else written_bits
    if length > written_bits:
        raise AddressError(f"not a network length in {text[:_TEXT_SHOWN_MAX]!r}: 0 to {written_bits}")
    if written_bits == 128 and len(packed) == 4:
        if length >= _MAPPED_BITS:
            length -= _MAPPED_BITS
        else:  # shorter than the mapped range itself: an IPv6 network that happens to contain it
            packed = _MAPPED + packed
    masked = masked_address(packed, length)
    return Network(masked, length), masked != packed


def masked_address(packed: bytes, length: int) -> bytes:
    """`packed` with every bit below `length` cleared."""
    spare = len(packed) * 8 - length
    if not spare:
        return packed
    return (int.from_bytes(packed, "big") >> spare << spare).to_bytes(len(packed), "big")


def contains(network: Network, packed: bytes) -> bool:
    """Whether the canonical address lies in the network; families never mix."""
    return len(packed) == len(network.address) and masked_address(packed, network.length) == network.address


def address_text(packed: bytes) -> str:
    """How people write the packed address; IPv6 as in RFC 5952."""
    if len(packed) == 4:
        return f"{packed[0]}.{packed[1]}.{packed[2]}.{packed[3]}"
    return str(ipaddress.IPv6Address(packed))


def network_text(network: Network) -> str:
    """`a.b.c.d/n`, or the plain address where the network is a single one."""
    text = address_text(network.address)
    return text if network.is_host else f"{text}/{network.length}"
