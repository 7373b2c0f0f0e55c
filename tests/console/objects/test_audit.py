"""What is asked of the audit log stands in a URL; an entry stands side by side, before and after."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest

from console.errors import FieldErrors
from console.objects.audit import (
    AuditChange,
    AuditEntry,
    AuditFilter,
    changes_of,
    read_query,
    referred_to,
    write_query,
)

FULL = AuditFilter(
    client="Rose & Co",
    account="#12",
    actor="ann",
    entity="accounts",
    entity_id=12,
    action="update",
    since=datetime(2026, 1, 31, 18, 0, tzinfo=UTC),
    until=datetime(2026, 2, 1, tzinfo=UTC),
    before=77,
    size=100,
)


@pytest.mark.parametrize("wanted", [FULL, AuditFilter(), AuditFilter(after=3)])
def test_a_url_asks_again_for_the_same(wanted: AuditFilter):
    assert read_query(dict(parse_qsl(write_query(wanted)))) == wanted


def test_what_is_not_asked_for_is_not_in_the_url():
    assert write_query(AuditFilter(actor="ann")) == "actor=ann"


def test_until_a_day_is_until_its_end():
    assert read_query({"from": "2026-01-31", "until": "2026-01-31"}) == AuditFilter(
        since=datetime(2026, 1, 31, tzinfo=UTC), until=datetime(2026, 2, 1, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"from": "yesterday"}, ["from"]),
        ({"until": "9999-12-31"}, ["until"]),
        ({"from": "x", "until": "x", "size": "x"}, ["from", "until", "size"]),
        ({"before": "0"}, ["before"]),
        ({"before": "9223372036854775808"}, ["before"]),
        ({"before": "1", "after": "2"}, ["after"]),
        ({"actor": "a\0"}, ["actor"]),
        ({"client": "x" * 256}, ["client"]),
    ],
)
def test_what_cannot_be_asked_is_said_at_its_field(query: dict[str, str], fields: list[str]):
    with pytest.raises(FieldErrors) as caught:
        read_query(query)
    assert list(caught.value.errors) == fields


@pytest.mark.parametrize(("asked", "size"), [("1", 20), ("50", 50), ("99", 100), ("500", 500)])
def test_a_page_has_one_of_the_sizes(asked: str, size: int):
    assert read_query({"size": asked}).size == size


def test_columns_stand_in_the_order_of_the_form_and_what_is_set_in_neither_is_left_out():
    changes = changes_of(None, '{"zz": 1, "orig_capacity": 30, "name": "x", "notes": "", "ip": [], "port": null}', {})
    assert [(change.column, change.before, change.after) for change in changes] == [
        ("name", None, "x"),
        ("orig_capacity", None, "30"),
        ("zz", None, "1"),
    ]


def test_values_are_shown_as_people_write_them():
    changes = changes_of(
        '{"ip": ["10.0.0.0/24", "192.0.2.1"], "orig_enabled": true, "balance": 12345678901.100000}',
        '{"sip_codes": {"no_credit": 402, "ambiguous": 403}, "orig_enabled": false}',
        {},
    )
    assert {change.column: (change.before, change.after) for change in changes} == {
        "ip": ("10.0.0.0/24; 192.0.2.1", None),
        "orig_enabled": ("yes", "no"),
        "balance": ("12345678901.100000", None),
        "sip_codes": (None, "no_credit = 402\nambiguous = 403"),
    }


def test_ids_stand_beside_their_names():
    [change] = changes_of('{"orig_rate_table_id": 5}', '{"orig_rate_table_id": 6}', {("rate_tables", 5): "RT ORIG"})
    assert change == AuditChange(column="orig_rate_table_id", before="5", after="6", before_name="RT ORIG")


@pytest.mark.parametrize("text", ["[1]", '"x"', "5", "null", None])
def test_a_value_written_by_hand_may_be_no_object(text: str | None):
    assert len(changes_of(text, None, {})) == (0 if text in ("null", None) else 1)


def test_names_are_asked_for_what_entries_speak_of():
    rows = [
        ("account_gateways", 10, None, '{"account_id": 10, "gateway_id": 5}'),
        ("accounts", 11, '{"client_id": 1}', '{"client_id": 2}'),
        ("clients", None, None, None),
        ("something", 3, '{"client_id": "x"}', None),
    ]
    assert referred_to(rows) == {"accounts": {10, 11}, "gateways": {5}, "clients": {1, 2}}


def test_an_entry_knows_its_account():
    entry = AuditEntry(
        id=1, at=FULL.until or datetime.now(UTC), actor="a", action="release", entity="calls", entity_id=7, name=None,
        changes=(),
    )  # fmt: skip
    assert (entry.kind, entry.account_id) == ("Call", 7)
