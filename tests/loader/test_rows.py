"""Rows that no constraint caught cost only themselves, and the rest become exactly the matcher's values."""

import ipaddress
from decimal import Decimal
from typing import Any

import pytest

from identd import credentials
from loader.rows import PASSWORD_BYTES_MAX, PASSWORD_MAGIC, change_of, network_of
from matcher.account import Account, Client, Gateway, Network, OrigSide, Reseller, TermSide
from matcher.change import AccountPut, ClientPut, GatewayPut, ResellerPut, RowQuarantined, RowRemoved, Table


def inet(text: str) -> bytes:
    """As PostgreSQL's inet_send writes it."""
    interface = ipaddress.ip_interface(text)
    packed = interface.packed
    return bytes([2 if interface.version == 4 else 3, interface.network.prefixlen, 0, len(packed)]) + packed


ACCOUNT = {
    "id": 176, "present": True, "name": "rose_orig", "status": "active", "client_id": 12, "ident_by": "ip",
    "ip": [inet("11.11.20.33")], "ident_name": None, "ani": None, "tech_prefix": None, "strip_tech_prefix": True,
    "password": None, "protocol": None, "port": None, "proxy": None, "valid_from": None, "valid_until": None,
    "gateways": None, "cps_burst": None,
    "orig_enabled": True, "orig_rate_table_id": None, "routing_plan_id": None, "orig_tags": [], "orig_capacity": None,
    "orig_cps": None,
    "term_enabled": False, "term_rate_table_id": None, "term_tags": [], "term_capacity": None, "term_cps": None,
}  # fmt: skip
CLIENT = {
    "id": 12, "present": True, "name": "Rose", "status": "active", "reseller_id": None, "balance": Decimal("1.25"),
    "credit_limit": None, "low_balance_threshold": None, "low_balance_capacity": None, "orig_rate_table_id": None,
    "term_rate_table_id": None, "routing_plan_id": None, "orig_capacity": None, "term_capacity": None,
    "orig_cps": None, "term_cps": None, "cps_burst": None,
}  # fmt: skip
RESELLER = {"id": 1, "present": True, "name": "North", "status": "active", "orig_capacity": 5, "term_capacity": None}
GATEWAY = {
    "id": 3, "present": True, "name": "gw1", "status": None, "secret_hash": None, "addresses": None,
    "ident_order": ["name", "ip", "ani"], "trusts_name": False, "on_ambiguous": "first", "reserve_seconds": 120,
    "active_seconds": 14400, "sip_codes": "{}",
}  # fmt: skip


def account(**columns: Any) -> Account | RowQuarantined:
    change = change_of("accounts", tuple({**ACCOUNT, **columns}.values()))
    if isinstance(change, AccountPut):
        return change.account
    assert isinstance(change, RowQuarantined)
    return change


@pytest.mark.rule("M2.3", "M2.4")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("11.11.20.33", "11.11.20.33/32"),
        ("10.1.2.3/24", "10.1.2.0/24"),
        ("10.1.2.3/0", "0.0.0.0/0"),
        ("255.255.255.255/31", "255.255.255.254/31"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("2001:db8:ffff::/33", "2001:db8:8000::/33"),
        ("::/0", "::/0"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.7/120", "192.0.2.0/24"),
        ("::ffff:192.0.2.7/96", "0.0.0.0/0"),
        ("::ffff:192.0.2.7/95", "::fffe:0:0/95"),
        ("::192.0.2.7", "::c000:207/128"),
    ],
)
def test_networks_are_canonical_mapped_ones_are_ipv4_and_host_bits_are_masked_off(text: str, expected: str) -> None:
    network = ipaddress.ip_network(expected)
    assert network_of(inet(text)) == Network(network.network_address.packed, network.prefixlen)


@pytest.mark.parametrize(
    "packed", [b"\x02\x21\x00\x04\x0a\x00\x00\x01", b"\x03\x81\x00\x10" + bytes(16), b"\x02\x20\x00"]
)
def test_what_is_no_address_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match=r"bits|bytes"):
        network_of(packed)


def test_an_account_comes_out_with_everything_it_says() -> None:
    full = account(
        ip=[inet("10.0.0.9/8"), inet("10.0.0.0/8"), inet("::1")],
        status="blocked",
        tech_prefix="1234#",
        strip_tech_prefix=False,
        password=b"idp1\x00",
        protocol="SIP",
        port=5060,
        proxy="p",
        valid_from=1.5,
        valid_until=float("inf"),
        gateways=[1, 2],
        cps_burst=2.0,
        orig_rate_table_id=5,
        routing_plan_id=3,
        orig_tags=["a", "b"],
        orig_capacity=0,
        orig_cps=0.5,
        term_enabled=True,
        term_rate_table_id=6,
        term_tags=["c"],
        term_capacity=7,
        term_cps=8.0,
    )
    assert full == Account(
        id=176,
        client_id=12,
        name="rose_orig",
        ident_by="ip",
        networks=(Network(b"\x0a\0\0\0", 8), Network(bytes(15) + b"\x01", 128)),
        tech_prefix="1234#",
        strip_tech_prefix=False,
        password=b"idp1\x00",
        protocol="sip",
        port=5060,
        proxy="p",
        gateway_ids=(1, 2),
        blocked=True,
        valid_from=1.5,
        valid_until=float("inf"),
        orig=OrigSide(5, 3, ("a", "b"), 0, 0.5),
        term=TermSide(6, ("c",), 7, 8.0),
        cps_burst=2.0,
    )


@pytest.mark.rule("M2.1")
def test_an_account_that_is_off_in_a_direction_has_no_such_side() -> None:
    off = account(orig_enabled=False, term_enabled=True, orig_capacity=-1)
    assert isinstance(off, Account)
    assert off.orig is None
    assert off.term == TermSide()


@pytest.mark.rule("M2.13")
@pytest.mark.parametrize(("written", "held"), [("+4420", "4420"), ("4420*", "4420*"), ("+*", "*"), ("++1", "+1")])
def test_one_leading_plus_of_an_ani_does_not_count(written: str, held: str) -> None:
    known = account(ident_by="ani", ip=None, ani=written)
    assert isinstance(known, Account)
    assert known.ani == held


BAD = [
    ("ident_by", {"ident_by": "mac"}),
    ("ip", {"ip": None}),
    ("ip", {"ip": []}),
    ("ip", {"ip": [None]}),
    ("ip", {"ip": [[inet("10.0.0.1")]]}),
    ("ip", {"ip": [inet("10.0.0.1")] * 4097}),
    ("ident_name", {"ident_name": "x"}),
    ("ani", {"ani": "1"}),
    ("ip", {"ident_by": "name", "ident_name": "x"}),
    ("ident_name", {"ident_by": "name"}),
    ("ident_name", {"ident_by": "name", "ip": None, "ident_name": ""}),
    ("ident_name", {"ident_by": "name", "ip": None, "ident_name": "é" * 128}),
    ("ani", {"ident_by": "ani", "ip": None, "ani": "+"}),
    ("client_id", {"client_id": None}),
    ("name", {"name": None}),
    ("tech_prefix", {"tech_prefix": "1 2"}),
    ("tech_prefix", {"tech_prefix": "12\n"}),
    ("tech_prefix", {"tech_prefix": "٣"}),
    ("tech_prefix", {"tech_prefix": "1" * 256}),
    ("strip_tech_prefix", {"strip_tech_prefix": None}),
    ("password", {"password": b""}),
    ("password", {"password": b"hunter2"}),
    ("password", {"password": "idp1 as text"}),
    ("password", {"password": b"idp1" + bytes(4093)}),
    ("port", {"port": 0}),
    ("port", {"port": 65536}),
    ("protocol", {"protocol": ""}),
    ("proxy", {"proxy": "x" * 256}),
    ("valid_from", {"valid_from": float("nan")}),
    ("valid_until", {"valid_until": float("nan")}),
    ("status", {"status": "archived"}),
    ("orig_enabled", {"orig_enabled": None}),
    ("term_enabled", {"term_enabled": None}),
    ("orig_tags", {"orig_tags": None}),
    ("orig_tags", {"orig_tags": [None]}),
    ("orig_tags", {"orig_tags": ["x"] * 65}),
    ("orig_capacity", {"orig_capacity": -1}),
    ("orig_cps", {"orig_cps": float("nan")}),
    ("orig_cps", {"orig_cps": float("inf")}),
    ("orig_cps", {"orig_cps": -1.0}),
    ("term_capacity", {"term_enabled": True, "term_capacity": -1}),
    ("cps_burst", {"cps_burst": 0.5}),
    # columns of other types than the schema's
    ("ip", {"ip": "192.0.2.1"}),
    ("ip", {"ip": ["192.0.2.1"]}),
    ("client_id", {"client_id": "12"}),
    ("port", {"port": "5060"}),
    ("valid_from", {"valid_from": "2026-01-01"}),
    ("orig_tags", {"orig_tags": "abc"}),
    ("orig_tags", {"orig_tags": [["a"], ["b"]]}),
    ("orig_capacity", {"orig_capacity": Decimal(10) ** 30}),
    ("orig_cps", {"orig_cps": Decimal(1)}),
    ("routing_plan_id", {"routing_plan_id": "3"}),
    ("?", {"tech_prefix": 12}),
    ("?", {"gateways": 12}),
    ("?", {"status": ["blocked"]}),
]


@pytest.mark.rule("M8.10")
@pytest.mark.parametrize(("column", "columns"), BAD)
def test_a_bad_account_is_quarantined_with_its_id_and_column(column: str, columns: dict[str, Any]) -> None:
    bad = account(**columns)
    assert isinstance(bad, RowQuarantined)
    assert (bad.table, bad.id, bad.column) == ("accounts", 176, column)
    assert bad.reason


def test_a_password_that_is_not_sealed_is_never_quoted() -> None:
    bad = account(password=b"hunter2")
    assert isinstance(bad, RowQuarantined)
    assert "hunter2" not in repr(bad)
    assert (PASSWORD_MAGIC, PASSWORD_BYTES_MAX) == (credentials.MAGIC, credentials.STORED_BYTES_MAX)


@pytest.mark.rule("M8.10")
@pytest.mark.parametrize("table", ["resellers", "clients", "gateways", "accounts"])
def test_a_row_of_another_shape_costs_only_itself(table: Table) -> None:
    for row in ((9, True), (9, True, "name", "blocked", *["x"] * 40), (9, True, *[{}] * 28)):
        bad = change_of(table, row)
        assert isinstance(bad, RowQuarantined)
        assert (bad.table, bad.id) == (table, 9)


def test_a_reason_does_not_quote_a_gigabyte() -> None:
    bad = account(ident_by="x" * 1_000_000)
    assert isinstance(bad, RowQuarantined)
    assert len(bad.reason) < 500


@pytest.mark.rule("M8.10")
def test_what_a_bad_row_plainly_says_is_obeyed() -> None:
    bad = account(port=0, status="blocked", orig_enabled=False, term_enabled=True)
    assert bad == RowQuarantined("accounts", 176, "port", "is 0, not 1 to 65535", blocked=True, orig_off=True)
    unclear = account(port=0, status="?", orig_enabled=None, term_enabled=None)
    assert isinstance(unclear, RowQuarantined)
    assert (unclear.blocked, unclear.orig_off, unclear.term_off) == (False, False, False)
    client = change_of("clients", tuple({**CLIENT, "status": "archived", "orig_cps": -1.0}.values()))
    assert isinstance(client, RowQuarantined)
    assert client.blocked


def test_money_is_exact_in_millionths() -> None:
    columns = {
        "balance": Decimal("-99999999999.999999"),
        "credit_limit": Decimal("0.0000019"),
        "low_balance_threshold": Decimal("-0.0000001"),
    }
    change = change_of("clients", tuple({**CLIENT, **columns}.values()))
    assert isinstance(change, ClientPut)
    assert change.client == Client(
        id=12,
        name="Rose",
        balance_micros=-99_999_999_999_999_999,
        credit_limit_micros=1,
        low_balance_threshold_micros=-1,
    )


@pytest.mark.parametrize("column", ["balance", "credit_limit", "low_balance_threshold"])
@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), Decimal(10) ** 12])
def test_money_that_is_no_number_is_quarantined(column: str, value: Decimal) -> None:
    change = change_of("clients", tuple({**CLIENT, column: value}.values()))
    assert isinstance(change, RowQuarantined)
    assert change.column == column


def test_resellers_and_gateways_come_out_with_everything_they_say() -> None:
    reseller = change_of("resellers", tuple({**RESELLER, "status": "blocked"}.values()))
    assert reseller == ResellerPut(Reseller(id=1, name="North", blocked=True, orig_capacity=5))
    columns = {
        "secret_hash": "h",
        "addresses": [inet("10.0.0.1/8")],
        "ident_order": ["ani"],
        "trusts_name": True,
        "on_ambiguous": "refuse",
        "sip_codes": '{"no_credit": 403}',
    }
    gateway = change_of("gateways", tuple({**GATEWAY, **columns}.values()))
    assert gateway == GatewayPut(
        Gateway(
            id=3,
            name="gw1",
            secret_hash="h",
            addresses=(Network(b"\x0a\0\0\0", 8),),
            ident_order=("ani",),
            trusts_name=True,
            refuses_ambiguous=True,
            sip_codes={"no_credit": 403},
        )
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("ident_order", []),
        ("ident_order", None),
        ("ident_order", ["ip", "ip"]),
        ("ident_order", ["mac"]),
        ("ident_order", [None]),
        ("ident_order", [["name", "ip"]]),
        ("ident_order", "ip"),
        ("reserve_seconds", "120"),
        ("on_ambiguous", "last"),
        ("trusts_name", None),
        ("reserve_seconds", 0),
        ("active_seconds", None),
        ("addresses", []),
        ("secret_hash", ""),
        ("sip_codes", "[]"),
        ("sip_codes", None),
        ("sip_codes", '{"no_credit": true}'),
        ("sip_codes", '{"no_credit": 200}'),
        ("sip_codes", '{"no_credit": 486.0}'),
        ("sip_codes", '{"no_credit": 4' + "0" * 4000 + "}"),
        ("sip_codes", '{"no_credit": 4' + "0" * 5000 + "}"),
        ("sip_codes", "{"),
        ("sip_codes", {"no_credit": 403}),
        ("name", ""),
    ],
)
def test_a_bad_gateway_is_quarantined(column: str, value: Any) -> None:
    change = change_of("gateways", tuple({**GATEWAY, column: value}.values()))
    assert isinstance(change, RowQuarantined)
    assert change.column == column


def test_an_id_without_a_row_is_removed() -> None:
    assert change_of("accounts", (9, False, *[None] * 28)) == RowRemoved("accounts", 9)
