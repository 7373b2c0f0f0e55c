"""What an answer says, by preset: all that is set, cut only where people read it, and never a line break."""

from typing import Any

import msgspec
import pytest

from identd.decision import Grant, Refuse
from identd.radius import answering
from identd.radius.answering import ERRORS, AnswerWriter
from identd.radius.naming import named
from identd.radius.presets import GRANT_FIELDS, PRESETS, REFUSAL_FIELDS
from identd.radius.reading import NUMBER_BYTES_MAX
from protocol.radius.packet import Packet, decode
from protocol.reason import CODES, Reason

GRANT = Grant(
    generation=7,
    account_id=176,
    account="rose_orig",
    client_id=12,
    client="Rose",
    ident_by="ip",
    matched="10.0.0.0/24",
    dnis="442071",
    dnis_received="99#442071",
    tags=("wholesale", "eu"),
    tech_prefix="99#",
    rate_table_id=5,
    rate_table_from="account",
    routing_plan_id=3,
    routing_plan_from="client",
    reseller_id=2,
    calls=3,
    capacity=30,
    capacity_scope="account",
    lease_seconds=120,
)


def writer(preset: str = "generic", **more: str) -> AnswerWriter:
    return AnswerWriter({field: named(name) for field, name in {**PRESETS[preset].answer, **more}.items()})


def only(**table: str) -> AnswerWriter:
    return AnswerWriter({field: named(name) for field, name in table.items()})


def read(attributes: bytes) -> Packet:
    return decode(bytes((2, 1)) + (20 + len(attributes)).to_bytes(2, "big") + bytes(16) + attributes)


def texts(attributes: bytes, key: int = 9 << 8 | 1) -> list[str]:
    return [value.decode() for value in read(attributes).every(key)]


@pytest.mark.parametrize("field", GRANT_FIELDS)
def test_whatever_changes_from_one_grant_to_the_next_is_told_anew(field: str) -> None:
    table = only(**{name: f"Cisco-AVPair={name.replace('_', '-')}" for name in GRANT_FIELDS})
    changed: dict[str, Any] = {"tags": ("another",), "ident_by": "name", "rate_table_from": "client"}
    changed |= {"routing_plan_from": "account", "capacity_scope": "client"}
    old = getattr(GRANT, field)
    new = changed.get(field, old + 1 if isinstance(old, int) else 7 if field == "port" else "another")
    before = texts(table.granted(GRANT))
    for _ in range(2):  # the second makes what is kept, the third has it
        assert texts(table.granted(GRANT)) == before
        assert table.accounts_kept == 1
    after = texts(table.granted(msgspec.structs.replace(GRANT, **{field: new})))
    shown = "another" if field == "tags" else new
    assert [text for text in after if text not in before] == [f"{field.replace('_', '-')}={shown}"]
    assert texts(table.granted(GRANT)) == before


def test_of_accounts_that_share_a_place_the_latest_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "ACCOUNTS_KEPT_MAX", 2)
    table = writer()
    for account_id in (1, 2, 3, 1, 2, 2**32):
        assert f"identd-account-id={account_id}" in texts(
            table.granted(msgspec.structs.replace(GRANT, account_id=account_id))
        )
        assert f"identd-account-id={account_id}" in texts(
            table.granted(msgspec.structs.replace(GRANT, account_id=account_id))
        )
        assert 1 <= table.accounts_kept <= 2


def test_a_grant_in_the_pairs_of_cisco() -> None:
    assert texts(writer().granted(GRANT)) == [
        "identd-decision=grant",
        "identd-account-id=176",
        "identd-account=rose_orig",
        "identd-client-id=12",
        "identd-client=Rose",
        "identd-reseller-id=2",
        "identd-rate-table-id=5",
        "identd-routing-plan-id=3",
        "identd-tags=wholesale,eu",
        "identd-dnis=442071",
    ]


def test_a_grant_in_the_avps_of_kamailio() -> None:
    said = texts(writer("kamailio").granted(GRANT), 225)
    for told in (
        "identd_account:rose_orig",
        "identd_rate_table_id:5",
        "identd_routing_plan_id:3",
        "identd_dnis:442071",
    ):
        assert told in said


def test_a_grant_and_a_refusal_to_a_gateway_of_ciscos_have_its_return_code() -> None:
    code = 9 << 8 | 103
    assert texts(writer("cisco-h323").granted(GRANT), code) == ["h323-return-code=0"]
    for reason, said in ((Reason.NO_CREDIT, "4"), (Reason.CAPACITY_CLIENT, "3"), (Reason.ALREADY_RELEASED, "11")):
        refused = writer("cisco-h323").refused(Refuse(7, reason, *CODES[reason]))
        assert texts(refused, code) == [f"h323-return-code={said}"]


def test_a_refusal_says_why_in_codes_and_in_a_word() -> None:
    refuse = Refuse(7, Reason.CPS_ACCOUNT, 503, 42, account_id=176, client_id=12, retry_after_ms=120)
    said = writer("kamailio").refused(refuse)
    assert texts(said, 225) == [
        *("identd_decision:refuse", "identd_reason:cps_account", "identd_sip_code:503", "identd_q850:42"),
        *("identd_retry_after_ms:120", "identd_account_id:176", "identd_client_id:12"),
    ]
    assert texts(said, 18) == ["cps_account"]


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_has_the_codes_of_its_kind_and_words(error: str) -> None:
    said = writer("kamailio").erred(error, "because")
    codes = ERRORS[error]
    assert texts(said, 18) == [f"{error}: because"]
    for told in (f"identd_reason:{error}", f"identd_sip_code:{codes.sip}", f"identd_q850:{codes.q850}"):
        assert told in texts(said, 225)


def test_every_field_can_be_told_and_what_is_not_set_is_left_out() -> None:
    whole = msgspec.structs.replace(GRANT, proxy="proxy.example", protocol="sip", port=5060)
    for field in GRANT_FIELDS:
        assert len(texts(only(**{field: "Cisco-AVPair=x"}).granted(whole))) == 1, field
    refuse = Refuse(7, Reason.CPS_ACCOUNT, 503, 42, 1, 2, 3, 4, "account", 5)
    for field in REFUSAL_FIELDS:
        assert len(texts(only(**{field: "Cisco-AVPair=x"}).refused(refuse))) == 1, field
    bare = Grant(7, 1, "a", 2, "c", "ip", "10.0.0.1", "1", "1", ())
    assert texts(only(tags="SIP-AVP:t", proxy="SIP-AVP:p", port="SIP-AVP:o").granted(bare), 225) == []


def test_a_plain_attribute_a_number_and_what_no_number_can_hold() -> None:
    table = only(account="Filter-Id", sip_code="Port-Limit", account_id="Session-Timeout", tags="Class")
    said = read(table.granted(GRANT))
    assert (said.first(11), said.first(27), said.first(25)) == (
        b"rose_orig",
        (176).to_bytes(4, "big"),
        b"wholesale,eu",
    )
    assert read(table.refused(Refuse(7, Reason.AMBIGUOUS, 403, 21))).first(62) == (403).to_bytes(4, "big")
    for account_id in (2**32, -1):
        assert read(table.granted(msgspec.structs.replace(GRANT, account_id=account_id))).first(27) is None


@pytest.mark.parametrize(
    ("field", "attribute", "value", "expected"),
    [
        ("account", "Cisco-AVPair=a", "x" * 300, ["a=" + "x" * 245]),
        ("client", "Cisco-AVPair=a", "é" * 200, ["a=" + "é" * 122]),
        ("account", "Filter-Id", "x" * 300, ["x" * 253]),
        ("proxy", "Cisco-AVPair=a", "x" * 245, ["a=" + "x" * 245]),
        ("proxy", "Cisco-AVPair=a", "x" * 246, []),
        ("dnis", "Cisco-AVPair=a", "1" * 250, []),
        ("tags", "SIP-AVP:t", ("a" * 200, "b" * 50, "c", "d" * 252), ["t:" + "a" * 200 + "," + "b" * 50, "t:c"]),
        ("tags", "SIP-AVP:t", ("a" * 200, "b" * 51), ["t:" + "a" * 200, "t:" + "b" * 51]),
        ("tags", "SIP-AVP:t", ("d" * 252,), []),
    ],
)
def test_names_are_cut_and_what_calls_are_routed_by_is_whole_or_left_out(
    field: str, attribute: str, value: Any, expected: list[str]
) -> None:
    key = named(attribute).key
    said = only(**{field: attribute}).granted(msgspec.structs.replace(GRANT, **{field: value}))
    assert texts(said, key) == expected


def test_the_longest_number_fits_behind_the_longest_name() -> None:
    longest = "4" * NUMBER_BYTES_MAX
    for preset in PRESETS:
        table = writer(preset, dnis_received="Cisco-AVPair=" + "n" * 39)
        said = table.granted(msgspec.structs.replace(GRANT, dnis=longest, dnis_received=longest))
        found = [value for key in (225, 9 << 8 | 1) for value in texts(said, key) if value.endswith(longest)]
        assert len(found) == 2


@pytest.mark.parametrize("evil", ["a\r\nX-Evil: 1", "a\0b", "a\x85b", "a\u2028b", "a\ud800b"])
def test_nothing_with_a_control_character_leaves(evil: str) -> None:
    whole = msgspec.structs.replace(GRANT, account=evil, client=evil, dnis=evil, tags=(evil,), matched=evil)
    for preset in PRESETS:
        said = writer(preset).granted(whole)
        for byte in (b"\r", b"\n", b"\xc2\x85", b"\xe2\x80\xa8"):
            values = [value for key in (225, 9 << 8 | 1) for value in read(said).every(key)]
            assert not any(byte in value or b"\0" in value for value in values)
