"""A row of the database -> the value that the matcher works with, or why it cannot be used. Pure.

The CHECKs of the schema refuse nearly all of what is refused here; this is for what no constraint caught: a dropped
constraint, another schema version, an operator with ALTER TABLE. A bad row costs only itself (docs/matching.md §8):
what it plainly says all the same (blocked, off in a direction) is obeyed.

Rows arrive as tuples in the order of `loader/queries.py`; inet values as the bytes of PostgreSQL's binary format.
"""

import json
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

from matcher.account import Account, Client, Gateway, IdentType, Network, OrigSide, Reseller, TermSide
from matcher.change import AccountPut, Change, ClientPut, GatewayPut, ResellerPut, RowQuarantined, RowRemoved, Table

STRING_BYTES_MAX = 255
NETWORKS_MAX = 4096
PASSWORD_MAGIC = b"idp1"
"""What `identd seal-password` makes begins with it. Anything else may be a password in clear, which is never used."""
PASSWORD_BYTES_MAX = 4096
SIP_CODES_CHARACTERS_MAX = 4096
TAGS_MAX = 64
MICROS = 1_000_000
MONEY_MAX = Decimal(10) ** 12

REASON_CHARACTERS_MAX = 300
"""A reason may quote the value, and that may be a gigabyte."""

Row = Sequence[Any]

_UNREADABLE = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)
"""What comes of columns whose types are not those of the schema: one such row must not end the connection."""

_IDENT_TYPES = ("ip", "name", "ani")
_TECH_PREFIX = re.compile(r"[0-9A-Za-z#*+]*")
_MAPPED = bytes(10) + b"\xff\xff"  # ::ffff:a.b.c.d is a.b.c.d (RFC 4291 §2.5.5.2)
_BLOCKED = {
    "resellers": {"active": False, "blocked": True},
    "clients": {"active": False, "blocked": True, "archived": True},
    "accounts": {"active": False, "blocked": True},
}


class BadRowError(ValueError):
    """This row cannot be used; `column` says where."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


def network_of(packed: bytes) -> Network:
    """An inet in PostgreSQL's binary format -> a canonical network; bits below the mask are masked off.

    The format (inet_send): family, mask length, is-cidr flag, count of address bytes, the address. A mapped IPv6
    network within ::ffff:0:0/96 is IPv4. Raises `ValueError`, or `TypeError` where it is no bytes.
    """
    if type(packed) is not bytes:
        raise TypeError("not an address")
    address = packed[4:]
    if len(address) == 4:
        length = packed[1]
        if length == 32:
            return Network(address, 32)
    elif len(address) == 16:
        length = packed[1]
        if address.startswith(_MAPPED) and length >= 96:
            address, length = address[12:], length - 96
    else:
        raise ValueError(f"an address of {len(address)} bytes")
    bits = len(address) * 8
    if length > bits:
        raise ValueError(f"a mask of {length} bits")
    if length < bits:
        host_bits = bits - length
        address = (int.from_bytes(address, "big") >> host_bits << host_bits).to_bytes(len(address), "big")
    return Network(address, length)


def change_of(table: Table, row: Row) -> Change:
    """What a row of `SELECT` says, as a change of the table. A row whose id is the only thing left is gone.

    The first column is the id that was asked for, the second whether the row is there.
    """
    row_id, present = row[0], row[1]
    if not present:
        return RowRemoved(table, row_id)
    try:
        return _READERS[table](row)
    except BadRowError as bad:
        column, reason = bad.column, bad.reason
    except _UNREADABLE as error:  # only its kind: its text may quote what must not be told
        column, reason = "?", f"cannot be read: {type(error).__name__}"
    if len(reason) > REASON_CHARACTERS_MAX:
        reason = reason[:REASON_CHARACTERS_MAX] + "…"
    return RowQuarantined(table, row_id, column, reason, **_plainly_said(table, row))


def _plainly_said(table: Table, row: Row) -> dict[str, bool]:
    """What can be read in a row that cannot be used; statuses stand at the same place in every table."""
    status = row[3] if len(row) > 3 else None
    blocked = type(status) is str and _BLOCKED.get(table, {}).get(status, False)
    if table != "accounts" or len(row) < 30:
        return {"blocked": blocked}
    return {"blocked": blocked, "orig_off": row[19] is False, "term_off": row[25] is False}


def _account(row: Row) -> Change:
    (
        row_id, _, name, status, client_id, ident_by, ip, ident_name, ani, tech_prefix, strip_tech_prefix, password,
        protocol, port, proxy, valid_from, valid_until, gateway_ids, cps_burst,
        orig_enabled, orig_rate_table_id, routing_plan_id, orig_tags, orig_capacity, orig_cps,
        term_enabled, term_rate_table_id, term_tags, term_capacity, term_cps,
    ) = row  # fmt: skip
    networks: tuple[Network, ...] = ()
    if ident_by == "ip":
        if ip is None or ident_name is not None or ani is not None:
            raise BadRowError(*_ident_columns(ip, ident_name, ani, ident_by))
        networks = _networks("ip", ip)
    elif ident_by == "name":
        if ident_name is None or ip is not None or ani is not None:
            raise BadRowError(*_ident_columns(ip, ident_name, ani, ident_by))
        _text("ident_name", ident_name)
    elif ident_by == "ani":
        if ani is None or ip is not None or ident_name is not None:
            raise BadRowError(*_ident_columns(ip, ident_name, ani, ident_by))
        _text("ani", ani)
        ani = ani.removeprefix("+")
        if not ani:
            raise BadRowError("ani", "is only a +")
    else:
        raise BadRowError("ident_by", f"is {ident_by!r}, not one of {', '.join(_IDENT_TYPES)}")
    if _reference("client_id", client_id) is None:
        raise BadRowError("client_id", "is not set")
    if type(strip_tech_prefix) is not bool:
        raise BadRowError("strip_tech_prefix", "is not set")
    if tech_prefix is None:
        tech_prefix = ""
    elif len(tech_prefix) > STRING_BYTES_MAX or not _TECH_PREFIX.fullmatch(tech_prefix):
        raise BadRowError("tech_prefix", "has characters other than 0-9 A-Z a-z # * +, or more than 255")
    if password is not None and (
        type(password) is not bytes or len(password) > PASSWORD_BYTES_MAX or not password.startswith(PASSWORD_MAGIC)
    ):
        raise BadRowError("password", "is not what identd seal-password makes")
    if port is not None and (type(port) is not int or not 1 <= port <= 65535):
        raise BadRowError("port", f"is {port}, not 1 to 65535")
    if valid_from is not None and (type(valid_from) is not float or math.isnan(valid_from)):
        raise BadRowError("valid_from", "is not a time")
    if valid_until is not None and (type(valid_until) is not float or math.isnan(valid_until)):
        raise BadRowError("valid_until", "is not a time")
    orig = term = None
    if orig_enabled:
        tags = _tags("orig_tags", orig_tags)
        capacity, cps = _capacity("orig_capacity", orig_capacity), _rate("orig_cps", orig_cps)
        rates, routing = (
            _reference("orig_rate_table_id", orig_rate_table_id),
            _reference("routing_plan_id", routing_plan_id),
        )
        orig = OrigSide(rates, routing, tags, capacity, cps)
    elif orig_enabled is None:
        raise BadRowError("orig_enabled", "is not set")
    if term_enabled:
        tags = _tags("term_tags", term_tags)
        capacity, cps = _capacity("term_capacity", term_capacity), _rate("term_cps", term_cps)
        term = TermSide(_reference("term_rate_table_id", term_rate_table_id), tags, capacity, cps)
    elif term_enabled is None:
        raise BadRowError("term_enabled", "is not set")
    return AccountPut(
        Account(
            id=row_id,
            client_id=client_id,
            name=_text("name", name),
            ident_by=cast(IdentType, ident_by),
            networks=networks,
            ident_name=ident_name,
            ani=ani,
            tech_prefix=tech_prefix,
            strip_tech_prefix=strip_tech_prefix,
            password=password,
            # compared without regard to case: the edge lower-cases what the switch says
            protocol=None if protocol is None else _text("protocol", protocol).lower(),
            port=port,
            proxy=None if proxy is None else _text("proxy", proxy),
            gateway_ids=() if gateway_ids is None else tuple(gateway_ids),
            blocked=_blocked("accounts", status),
            valid_from=valid_from,
            valid_until=valid_until,
            orig=orig,
            term=term,
            cps_burst=_rate("cps_burst", cps_burst, 1.0),
        )
    )


def _client(row: Row) -> Change:
    (
        row_id, _, name, status, reseller_id, balance, credit_limit, low_balance_threshold, low_balance_capacity,
        orig_rate_table_id, term_rate_table_id, routing_plan_id, orig_capacity, term_capacity, orig_cps, term_cps,
        cps_burst,
    ) = row  # fmt: skip
    balance_micros = _micros("balance", balance)
    if balance_micros is None:
        raise BadRowError("balance", "is not set")
    return ClientPut(
        Client(
            id=row_id,
            name=_text("name", name),
            reseller_id=_reference("reseller_id", reseller_id),
            blocked=_blocked("clients", status),
            balance_micros=balance_micros,
            credit_limit_micros=_micros("credit_limit", credit_limit),
            low_balance_threshold_micros=_micros("low_balance_threshold", low_balance_threshold),
            low_balance_capacity=_capacity("low_balance_capacity", low_balance_capacity),
            orig_rate_table_id=_reference("orig_rate_table_id", orig_rate_table_id),
            term_rate_table_id=_reference("term_rate_table_id", term_rate_table_id),
            routing_plan_id=_reference("routing_plan_id", routing_plan_id),
            orig_capacity=_capacity("orig_capacity", orig_capacity),
            term_capacity=_capacity("term_capacity", term_capacity),
            orig_cps=_rate("orig_cps", orig_cps),
            term_cps=_rate("term_cps", term_cps),
            cps_burst=_rate("cps_burst", cps_burst, 1.0),
        )
    )


def _reseller(row: Row) -> Change:
    row_id, _, name, status, orig_capacity, term_capacity = row
    return ResellerPut(
        Reseller(
            id=row_id,
            name=_text("name", name),
            blocked=_blocked("resellers", status),
            orig_capacity=_capacity("orig_capacity", orig_capacity),
            term_capacity=_capacity("term_capacity", term_capacity),
        )
    )


def _gateway(row: Row) -> Change:
    (
        row_id, _, name, _status, secret_hash, addresses, ident_order, trusts_name, on_ambiguous,
        reserve_seconds, active_seconds, sip_codes,
    ) = row  # fmt: skip
    if (
        type(ident_order) is not list
        or not ident_order
        or not all(ident_order.count(each) == 1 and each in _IDENT_TYPES for each in ident_order)
    ):
        raise BadRowError("ident_order", f"must list some of {', '.join(_IDENT_TYPES)}, each once")
    if on_ambiguous not in ("first", "refuse"):
        raise BadRowError("on_ambiguous", f"is {on_ambiguous!r}, not first or refuse")
    if type(trusts_name) is not bool:
        raise BadRowError("trusts_name", "is not set")
    for column, seconds in (("reserve_seconds", reserve_seconds), ("active_seconds", active_seconds)):
        if type(seconds) is not int or seconds < 1:
            raise BadRowError(column, "is not at least 1")
    return GatewayPut(
        Gateway(
            id=row_id,
            name=_text("name", name),
            secret_hash=None if secret_hash is None else _text("secret_hash", secret_hash),
            addresses=() if addresses is None else _networks("addresses", addresses),
            ident_order=tuple(cast(list[IdentType], ident_order)),
            trusts_name=trusts_name,
            refuses_ambiguous=on_ambiguous == "refuse",
            reserve_seconds=reserve_seconds,
            active_seconds=active_seconds,
            sip_codes=_sip_codes(sip_codes),
        )
    )


_READERS = {"resellers": _reseller, "clients": _client, "gateways": _gateway, "accounts": _account}


def _ident_columns(ip: object, ident_name: object, ani: object, ident_by: str) -> tuple[str, str]:
    wanted = {"ip": "ip", "name": "ident_name", "ani": "ani"}[ident_by]
    values = {"ip": ip, "ident_name": ident_name, "ani": ani}
    if values[wanted] is None:
        return wanted, f"is not set, but the account is known by {ident_by}"
    stray = next(column for column, value in values.items() if column != wanted and value is not None)
    return stray, f"is set, but the account is known by {ident_by}"


def _text(column: str, value: Any) -> str:
    # a character takes at most four bytes: most texts need no second look
    if type(value) is not str or not value:
        raise BadRowError(column, "is empty")
    if len(value) > 63 and len(value.encode()) > STRING_BYTES_MAX:
        raise BadRowError(column, f"has more than {STRING_BYTES_MAX} bytes")
    return value


def _networks(column: str, values: Sequence[bytes]) -> tuple[Network, ...]:
    if type(values) is not list or not 1 <= len(values) <= NETWORKS_MAX:
        raise BadRowError(column, f"is not a list of 1 to {NETWORKS_MAX} networks")
    try:
        if len(values) == 1:
            return (network_of(values[0]),)
        # once each, in the order written: two spellings may be one network after masking
        return tuple(dict.fromkeys(map(network_of, values)))
    except (ValueError, TypeError) as error:  # TypeError: a null
        raise BadRowError(column, f"holds what is no network: {error}") from None


def _tags(column: str, values: list[str] | None) -> tuple[str, ...]:
    if type(values) is not list or len(values) > TAGS_MAX:
        raise BadRowError(column, f"is not a list of at most {TAGS_MAX}")
    for value in values:
        _text(column, value)
    return tuple(values)


def _capacity(column: str, value: int | None) -> int | None:
    if value is not None and (type(value) is not int or value < 0):
        raise BadRowError(column, "is negative, or no whole number")
    return value


def _reference(column: str, value: int | None) -> int | None:
    if value is not None and type(value) is not int:
        raise BadRowError(column, "is not an id")
    return value


def _rate(column: str, value: float | None, least: float = 0.0) -> float | None:
    if value is not None and (type(value) is not float or not least <= value < math.inf):  # NaN compares false
        raise BadRowError(column, f"is {value}, not a number from {least:g}")
    return value


def _micros(column: str, value: Decimal | None) -> int | None:
    """Money in millionths, exact; what is finer is cut off downwards."""
    if value is None:
        return None
    if type(value) is not Decimal or not value.is_finite() or abs(value) >= MONEY_MAX:
        raise BadRowError(column, f"is {value}")
    return math.floor(value * MICROS)


def _blocked(table: str, status: str) -> bool:
    try:
        return _BLOCKED[table][status]
    except KeyError:
        raise BadRowError("status", f"is {status!r}, not one of {', '.join(_BLOCKED[table])}") from None


def _sip_codes(value: str) -> dict[str, int]:
    if type(value) is not str or len(value) > SIP_CODES_CHARACTERS_MAX:
        raise BadRowError("sip_codes", f"is not an object of at most {SIP_CODES_CHARACTERS_MAX} characters")
    try:
        codes = json.loads(value)
    except (ValueError, RecursionError):
        raise BadRowError("sip_codes", "is not JSON, or holds a number of thousands of digits") from None
    if not isinstance(codes, dict):
        raise BadRowError("sip_codes", "is not an object")
    for reason, code in codes.items():
        if type(code) is not int or not 400 <= code <= 699:
            raise BadRowError("sip_codes", f"{reason!r} is not a code from 400 to 699")
    return codes
