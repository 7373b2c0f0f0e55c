"""Whatever these tables refuse has its field and a sentence; and what the fields take, the tables take."""

import contextlib
import string
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.database import Database, Transaction
from console.errors import FieldErrors
from console.objects import client, field, gateway, named, reseller
from console.store.catalogue_faults import FAULTS, as_field_errors
from console.store.clients import create_client
from console.store.gateways import create_gateway
from console.store.named import create_named
from console.store.resellers import create_reseller
from protocol.reason import Reason

TABLES = {
    "clients": client.FIELDS,
    "resellers": reseller.FIELDS,
    "gateways": gateway.FIELDS,
    "rate_tables": named.FIELDS,
    "routing_plans": named.FIELDS,
}
EXAMPLES_MAX = 150


class _RolledBackError(Exception):
    """Ends a transaction that was only tried."""


async def _insert(store: Database, table: str, columns: dict[str, object]) -> None:
    """Past the fields, but not past the sentences."""
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    async with store.transaction("ann") as tx:
        with as_field_errors():
            await tx.execute(
                f"INSERT INTO identd.{table} ({', '.join(columns)}) VALUES ({places})", *columns.values()
            )


async def test_every_constraint_has_its_sentence_and_every_sentence_its_constraint(store: Database):
    rows = await store.fetch(
        "SELECT conname FROM pg_constraint WHERE conrelid = ANY ($1::text[]::regclass[]) AND contype <> 'n'",
        [f"identd.{table}" for table in TABLES],
    )
    assert {row["conname"] for row in rows} == FAULTS.keys()


@pytest.mark.parametrize("constraint", FAULTS)
def test_a_sentence_stands_at_a_field_of_the_form(constraint: str):
    table = next(table for table in TABLES if constraint.startswith(table))
    assert FAULTS[constraint][0] in {"", *(each.name for each in TABLES[table])}


async def test_every_reference_between_these_tables_is_counted_before_a_row_is_deleted(store: Database):
    from console.store import clients, gateways, resellers
    from console.store import named as plans

    shelves = (clients.SHELF, gateways.SHELF, resellers.SHELF, *plans.SHELVES.values())
    counted = {
        (shelf.table, referrer.table, column)
        for shelf in shelves
        for referrer in shelf.referrers
        for column in referrer.condition.replace(" = $1", "").split(" OR ")
    }
    rows = await store.fetch(
        """SELECT c.confrelid::regclass::text AS referred, c.conrelid::regclass::text AS referring, a.attname
           FROM pg_constraint AS c JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
           WHERE c.contype = 'f' AND c.confrelid = ANY ($1::text[]::regclass[])""",
        [f"identd.{table}" for table in TABLES],
    )
    assert {(row["referred"], row["referring"], row["attname"]) for row in rows} == counted


async def test_what_has_no_sentence_of_its_own_shows_nothing_of_postgresql(store: Database):
    with pytest.raises(FieldErrors) as caught:
        await _insert(store, "clients", {"name": "x", "balance": Decimal("1e13")})
    assert caught.value.errors == {"": "The database does not take these values: look them over and try again."}


REFUSED = [
    ("clients", "balance", Decimal("NaN")),
    ("clients", "credit_limit", Decimal("-1000000000000")),
    ("clients", "low_balance_threshold", Decimal("NaN")),
    ("clients", "low_balance_capacity", -1),
    ("clients", "orig_cps", 1_000_000.5),
    ("clients", "term_cps", -0.1),
    ("clients", "cps_burst", 0.5),
    ("clients", "client_type", ""),
    ("clients", "status", "gone"),
    ("resellers", "status", "archived"),
    ("resellers", "term_capacity", -1),
    ("gateways", "reserve_seconds", 0),
    ("gateways", "active_seconds", 2_592_001),
    ("gateways", "on_ambiguous", "last"),
    ("gateways", "ident_order", []),
    ("rate_tables", "name", "x" * 256),
    ("routing_plans", "name", ""),
]


@pytest.mark.parametrize(("table", "column", "value"), REFUSED)
async def test_who_comes_past_the_fields_is_told_at_the_field(
    store: Database, table: str, column: str, value: object
):
    with pytest.raises(FieldErrors) as caught:
        await _insert(store, table, {"name": "x", column: value})
    assert list(caught.value.errors) == [column]


_texts = st.text(st.sampled_from(string.ascii_letters + " #%_'\"\\é€𝄞\t\n\0\x7f") | st.characters(), max_size=300)
_numbers = st.sampled_from(
    ["0", "-0", "1", "-1", "2147483647", "2147483648", "1000000", "1000000.5", "1e6", "1e-300", "0.5", ".5", "NaN",
     "inf", "999999999999.999999", "999999999999.9999995", "-999999999999.999999", "1000000000000", "0.0000001",
     "86400", "86401", "2592000", "2592001", "٣", "1_000", "0x10"]
)  # fmt: skip
_lists = st.lists(
    st.sampled_from(
        ["10.0.0.7/24", "::1", "::ffff:10.0.0.1/97", "::/0", "0.0.0.0/0", "10.0.0.1/33", "ip", "name", "ani", "ip",
         "192.0.2.1", "2001:db8::/129"]
    ),
    max_size=5,
).map("; ".join)  # fmt: skip
_codes = st.lists(
    st.tuples(st.sampled_from([*Reason, "nothing"]), st.sampled_from(["400", "699", "399", "700", "486.0", "0486"])),
    max_size=4,
).map(lambda pairs: "\n".join(f"{reason} = {code}" for reason, code in pairs))
_words = st.sampled_from(["active", "blocked", "archived", "first", "refuse", "on", "yes", "ACTIVE"])
_entered = st.none() | _numbers | _lists | _codes | _words | _texts


def _accepted(table: str) -> list[object]:
    """Drafts that the fields take, of all that hypothesis thinks of."""
    read = {"clients": client.read_text, "resellers": reseller.read_text, "gateways": gateway.read_text}.get(
        table, named.read_text
    )
    columns = [each.name for each in TABLES[table] if each.kind is not field.REFERENCE]
    drafts: list[object] = []

    # one column beside the name at a time: together nearly none would be taken
    @settings(max_examples=EXAMPLES_MAX, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(columns), _entered, _texts)
    def enter(column: str, value: str | None, name: str) -> None:
        with contextlib.suppress(FieldErrors):
            drafts.append(read({"name": name or "x"} | ({} if value is None else {column: value})))

    enter()
    return drafts


@pytest.mark.parametrize("table", TABLES)
async def test_what_the_fields_take_the_table_takes(store: Database, table: str):
    async def create(tx: Transaction, draft: object) -> None:
        match draft:
            case client.ClientDraft():
                await create_client(tx, draft)
            case reseller.ResellerDraft():
                await create_reseller(tx, draft)
            case gateway.GatewayDraft():
                await create_gateway(tx, draft)
            case named.NamedDraft():
                await create_named(tx, "rate_tables" if table == "rate_tables" else "routing_plans", draft)

    drafts = _accepted(table)
    assert len(drafts) > EXAMPLES_MAX // 10, "too few to say anything"
    for draft in drafts:
        with contextlib.suppress(_RolledBackError):
            async with store.transaction("ann") as tx:
                await create(tx, draft)
                raise _RolledBackError
