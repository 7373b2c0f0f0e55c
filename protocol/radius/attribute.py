"""One RADIUS attribute: its key, and its bytes as they go over the wire (RFC 2865 §5 and §5.26).

The key of an attribute of the standard is its type, 1 to 255; that of a vendor's is `vendor_key(vendor, type)`, so
that both are looked up in one way. What no key is known for stays whole under key 26.
"""

VALUE_BYTES_MAX = 253  # the length of an attribute is one byte and counts itself and the type
VENDOR_VALUE_BYTES_MAX = 247  # less the vendor's number and the vendor's own type and length

USER_NAME = 1
USER_PASSWORD = 2
CHAP_PASSWORD = 3
VENDOR_SPECIFIC = 26
PROXY_STATE = 33
CHAP_CHALLENGE = 60
MESSAGE_AUTHENTICATOR = 80

OPAQUE_VENDORS = frozenset({0, 54, 429, 637, 4846, 5323, 8164, 16445, 24757})
"""Vendors whose attributes are not in the form that RFC 2865 §5.26 recommends (DHCP, USR, Alcatel ESAM, Lucent,
Telrad, Starent, Kineto, WiMAX): kept whole under key 26. So is vendor 0, whose keys would be the standard's own."""


def vendor_key(vendor: int, vendor_type: int) -> int:
    """The key of a vendor's attribute: the vendor's enterprise number and the vendor's own type, 0 to 255."""
    return vendor << 8 | vendor_type


def attribute(key: int, value: bytes) -> bytes:
    """One attribute of the standard. A value over 253 bytes and a key out of 1 to 255 are `ValueError`: whether
    something may be cut is for the caller to know (`clipped`)."""
    size = len(value)
    if size > VALUE_BYTES_MAX or not 0 < key < 256:
        raise ValueError(f"{size} bytes do not fit into attribute {key}")
    return bytes((key, size + 2)) + value


def vendor_attribute(vendor: int, vendor_type: int, value: bytes) -> bytes:
    """One attribute of a vendor in a Vendor-Specific of its own; over 247 bytes is `ValueError`."""
    size = len(value)
    if size > VENDOR_VALUE_BYTES_MAX:
        raise ValueError(f"{size} bytes do not fit into attribute {vendor_type} of vendor {vendor}")
    return bytes((VENDOR_SPECIFIC, size + 8)) + vendor.to_bytes(4, "big") + bytes((vendor_type, size + 2)) + value


def keyed_attribute(key: int, value: bytes) -> bytes:
    """One attribute by its key, of the standard or of a vendor; `ValueError` where it does not fit."""
    return attribute(key, value) if key < 256 else vendor_attribute(key >> 8, key & 255, value)


def clipped(text: str, bytes_max: int = VALUE_BYTES_MAX) -> bytes:
    """A text as UTF-8, cut before the first character that does not fit. Half a surrogate pair becomes "?"."""
    value = text.encode("utf-8", "replace")
    return value if len(value) <= bytes_max else value[:bytes_max].decode("utf-8", "ignore").encode()
