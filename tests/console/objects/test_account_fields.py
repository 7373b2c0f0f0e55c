"""From what an operator types to a valid account, and back: the article's screenshot first, then everything else."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.errors import FieldErrors
from console.objects.account import Account, AccountDraft
from console.objects.account_fields import (
    COLUMN,
    FIELD,
    FIELDS,
    IDENT_COLUMNS,
    PASSWORD_NAMES,
    Source,
    by_name,
    changes,
    read_text,
    read_values,
    remarks,
    to_text,
    typed,
)
from console.objects.field_values import Json
from console.objects.references import References
from loader import queries
from loader.rows import change_of
from matcher.change import AccountPut
from tests.loader.conftest import SAMPLE, Session

KNOWN = References(
    ids={
        ("client", "Rose orig"): 12,
        ("client", "#12"): 12,
        ("gateway", "GW Calls"): 1,
        ("gateway", "gw2"): 2,
        ("gateway", "gw;3"): 3,
        ("rate_table", "RT ORIG - Rose"): 5,
        ("routing_plan", "DR: Complex LCR"): 6,
    },
    nearest={("client", "Rose"): ("Rose orig", "Rose term")},
)
SCREENSHOT = {
    "client": "Rose orig",
    "name": "New account",
    "ident_by": "ip",
    "ip": "11.11.20.33",
    "strip_tech_prefix": "on",
    "gateways": "GW Calls",
    "orig_enabled": "on",
    "orig_rate_table": "RT ORIG - Rose",
    "routing_plan": "DR: Complex LCR",
}
ROSE = AccountDraft(
    client_id=12,
    name="New account",
    ident_by="ip",
    ip=("11.11.20.33",),
    gateway_ids=(1,),
    orig_enabled=True,
    orig_rate_table_id=5,
    routing_plan_id=6,
)
STORED = Account(
    **{**msgspec.structs.asdict(ROSE), "gateway_ids": (1, 2), "orig_tags": ("a, b", "c"), "orig_cps": 0.5},
    id=7,
    client="Rose orig",
    client_type="client",
    client_status="active",
    gateways=("GW Calls", "gw;3"),
    orig_rate_table="RT ORIG - Rose",
    routing_plan="DR: Complex LCR",
)


NO_ADDRESS = "“10.0.0.300” is no IP address: write 192.0.2.1, or a network such as 10.0.0.0/24; divide several with ;"


def faults(values: dict[str, str], **more: Any) -> dict[str, str]:
    with pytest.raises(FieldErrors) as caught:
        read_text(values, KNOWN, **more)
    return caught.value.errors


def test_the_account_of_the_article_s_screenshot() -> None:
    assert read_text(SCREENSHOT, KNOWN) == ROSE


def test_every_column_has_its_field_in_the_article_s_three_blocks() -> None:
    assert {field.column for field in FIELDS} == set(AccountDraft.__struct_fields__)
    assert len(FIELD) == len(COLUMN) == len(FIELDS)
    assert {field.block for field in FIELDS} == {"general", "originator", "terminator"}
    labels = [field.full_label for field in FIELDS]
    assert len(set(labels)) == len(labels), "two fields that nobody can tell apart in the audit log"
    for article in ("Client", "Name", "Ident by", "IP", "ANI", "Tech Prefix", "Gateway", "Notes"):
        assert article in labels
    originator = {"Rate Table", "Routing Plan", "Tags", "Capacity"}
    terminator = {"Rate Table", "Tags", "Capacity", "Proxy", "Protocol", "Port"}
    assert {f"Originator Settings: {label}" for label in originator} <= set(labels)
    assert {f"Terminator Settings: {label}" for label in terminator} <= set(labels)


def test_all_faults_are_told_at_once() -> None:
    assert faults({"client": "Rose", "ident_by": "ip", "ip": "10.0.0.300", "port": "0", "orig_capacity": "-1",
                   "valid_from": "2026-01-02", "valid_until": "2026-01-01"}) == {
        "client": "There is no client 'Rose': did you mean 'Rose orig' or 'Rose term'?",
        "name": "Give the account a name",
        "ip": NO_ADDRESS,
        "port": "“0” does not do: write a whole number from 1 to 65,535, such as 5060",
        "orig_capacity": "“-1” does not do: write a whole number from 0 to 2,147,483,647, or nothing for no limit",
        "valid_until": "Write a time after Valid from, which is 2026-01-02T00:00:00Z",
    }  # fmt: skip


def test_an_empty_form_asks_for_what_an_account_needs() -> None:
    assert faults({}) == {
        "client": "Choose the client to whom the account belongs",
        "name": "Give the account a name",
        "ident_by": "Choose how its calls are known: ip, name or ani",
    }


@pytest.mark.parametrize(
    ("ident_by", "field", "sentence"),
    [
        ("ip", "ip", "Write at least one address"),
        ("name", "ident_name", "Write the gateway name or user login"),
        ("ani", "ani", "Write a number such as"),
    ],
)
def test_the_value_of_the_chosen_ident_type_is_needed(ident_by: str, field: str, sentence: str) -> None:
    errors = faults({"client": "Rose orig", "name": "a", "ident_by": ident_by})
    assert list(errors) == [field]
    assert errors[field].startswith(sentence)


SWITCHED = {**SCREENSHOT, "ident_by": "name", "ident_name": "rose", "ani": "+"}


def test_a_form_in_which_the_ident_type_was_switched_keeps_the_value_of_the_chosen_one_only() -> None:
    draft = read_text(SWITCHED, KNOWN)
    assert (draft.ident_by, draft.ip, draft.ident_name, draft.ani) == ("name", (), "rose", None)
    assert read_text({**SWITCHED, "ip": "nonsense"}, KNOWN) == draft, "what is not used is not judged"


def test_a_line_that_says_two_ident_types_is_refused() -> None:
    said = "Leave it empty: the account is known by Name; or choose another Ident by"
    assert faults(SWITCHED, source="line") == {"ip": said, "ani": said}


def test_with_an_ident_type_that_is_none_its_values_are_not_blamed() -> None:
    assert list(faults({**SWITCHED, "ident_by": "address"}, source="line")) == ["ident_by"]


def test_a_check_box_that_is_not_sent_is_off_and_in_a_line_it_stays() -> None:
    before = read_text(SCREENSHOT, KNOWN)
    assert before.strip_tech_prefix
    assert before.orig_enabled
    form = read_text({"notes": "x"}, KNOWN, before=before)
    assert (form.strip_tech_prefix, form.orig_enabled) == (False, False)
    line = read_text({"notes": "x"}, KNOWN, before=before, source="line")
    assert line == msgspec.structs.replace(before, notes="x")
    new = read_text({"client": "#12", "name": "a", "ident_by": "ani", "ani": "44*"}, KNOWN, source="line")
    assert (new.strip_tech_prefix, new.orig_enabled) == (True, False), "a new account has the table's defaults"


def test_an_empty_cell_clears_and_an_absent_one_keeps() -> None:
    before = msgspec.structs.replace(ROSE, orig_capacity=5, orig_cps=2.0, tech_prefix="12")
    after = read_text({"orig_capacity": "", "tech_prefix": " "}, KNOWN, before=before, source="line")
    assert (after.orig_capacity, after.tech_prefix, after.orig_cps) == (None, None, 2.0)
    assert faults({"name": ""}, before=before, source="line") == {"name": "Give the account a name"}


def test_changing_the_ident_type_of_an_account_drops_the_old_value() -> None:
    after = read_text({"ident_by": "name", "ident_name": "rose"}, KNOWN, before=ROSE, source="line")
    assert (after.ident_by, after.ip, after.ident_name) == ("name", (), "rose")
    assert read_values({"ident_by": "name", "ident_name": "rose"}, before=ROSE) == after


def test_several_gateways_and_tags_of_one_form() -> None:
    pairs = [*SCREENSHOT.items(), ("gateways", "gw2"), ("orig_tags", "gold"), ("orig_tags", "eu, us"), ("csrf", "x")]
    draft = read_text(typed(pairs), KNOWN)
    assert draft.gateway_ids == (1, 2)
    assert draft.orig_tags == ("gold", "eu", "us")
    assert read_text({**SCREENSHOT, "gateways": '"gw;3"; gw2; gw2'}, KNOWN).gateway_ids == (2, 3)


def test_a_field_that_is_not_known_is_told_in_a_line_and_left_to_the_page_in_a_form() -> None:
    values = {**SCREENSHOT, "tec_prefix": "1", "zzzzz": "2", "id": "3", **dict.fromkeys(PASSWORD_NAMES, "")}
    assert faults(values, source="line") == {
        "tec_prefix": "There is no field “tec_prefix”: did you mean tech_prefix?",
        "zzzzz": "There is no field “zzzzz”: leave it out",
    }
    assert read_text(values, KNOWN) == ROSE


def test_what_stands_in_the_table_already_may_stay_as_it_is() -> None:
    odd = msgspec.structs.replace(ROSE, name=" rose\t", notes="a\r\nb", ident_by="ani", ip=(), ani="44 20")
    assert read_text(to_text(odd), KNOWN, before=odd) == odd
    assert list(faults({**to_text(odd), "ani": "44 21"}, before=odd)) == ["ani"]


def test_bits_below_the_mask_are_masked_off_and_told() -> None:
    assert read_text({**SCREENSHOT, "ip": "10.0.0.5/24"}, KNOWN).ip == ("10.0.0.0/24",)
    said = {"ip": "10.0.0.5/24 means 10.0.0.0/24: what stands below the mask does not count"}
    assert remarks({"ip": "10.0.0.5/24; 10.0.0.1"}) == remarks({"ip": ["10.0.0.5/24"]}) == said
    assert remarks({"ip": "10.0.0.1"}) == remarks({}) == {}
    assert remarks({"ip": " ".join(f"10.{n}.0.1/24" for n in range(9))})["ip"].count("means") == 5


def test_text_of_a_stored_account_has_names_and_reads_back() -> None:
    text = to_text(STORED)
    assert text["client"] == "Rose orig"
    assert text["gateways"] == 'GW Calls; "gw;3"'
    assert text["orig_tags"] == '"a, b"; c'
    assert (text["orig_enabled"], text["term_enabled"], text["port"]) == ("yes", "no", "")
    again = read_text({**text, "gateways": "GW Calls; gw2"}, KNOWN, source="line")
    assert again == AccountDraft(**{name: getattr(STORED, name) for name in AccountDraft.__struct_fields__})


def test_what_two_versions_differ_in_is_said_in_the_words_of_the_form() -> None:
    after = msgspec.structs.replace(STORED, tech_prefix="12", routing_plan_id=9, routing_plan="LCR 2", orig_cps=None,
                                    has_password=True, etag="other")  # fmt: skip
    assert changes(STORED, after) == [
        ("Tech Prefix", "", "12"),
        ("Originator Settings: Routing Plan", "DR: Complex LCR", "LCR 2"),
        ("Originator Settings: CPS", "0.5", ""),
        ("Password", "not set", "set"),
    ]
    draft = msgspec.structs.replace(ROSE, client_id=13, routing_plan_id=9)
    assert changes(ROSE, draft, References(names={("client", 13): "Iris"})) == [
        ("Client", "#12", "Iris"),
        ("Originator Settings: Routing Plan", "#6", "#9"),
    ]
    assert changes(STORED, STORED) == []


def test_errors_of_the_store_by_column_find_their_field() -> None:
    errors = by_name(FieldErrors({"client_id": "a", "gateway_ids": "b", "name": "c", "": "d"}))
    assert errors.errors == {"client": "a", "gateways": "b", "name": "c", "": "d"}


def test_the_api_reads_json_by_columns_with_the_same_checks() -> None:
    values: dict[str, Json] = {
        "client_id": 12, "name": "New account", "ident_by": "ip", "ip": ["11.11.20.33", "::ffff:11.11.20.33"],
        "gateway_ids": [1], "orig_enabled": True, "orig_rate_table_id": 5, "routing_plan_id": 6, "ident_name": None,
        "notes": "", "valid_from": None,
    }  # fmt: skip
    assert read_values(values) == ROSE
    with pytest.raises(FieldErrors) as caught:
        read_values({**values, "ident_name": "rose", "ip": ["10.0.0.300"], "port": "5060", "client": 3, "name": ""})
    assert caught.value.errors == {
        "client": "There is no field “client”: did you mean client_id?",
        "ident_name": "Leave it empty: the account is known by IP; or choose another Ident by",
        "ip": NO_ADDRESS,
        "port": "Send a whole number: this is a string",
        "name": "Send null, or leave it out, where nothing is set: this is an empty string",
    }


def test_a_patch_changes_what_it_names_and_null_clears() -> None:
    before = msgspec.structs.replace(ROSE, orig_capacity=5, tech_prefix="12")
    after = read_values({"orig_capacity": None, "tech_prefix": "13"}, before=before)
    assert after == msgspec.structs.replace(before, orig_capacity=None, tech_prefix="13")
    with pytest.raises(FieldErrors, match="Give the account a name"):
        read_values({"name": None}, before=before)


# What passes here is refused by no CHECK and never quarantined: random entries against the real table.

OFFERED: dict[str, list[str]] = {
    "client": ["#12"],
    "ident_by": ["ip", "name", "ani", "ANI", "Name"],
    "ip": ["10.0.0.1", "10.0.0.5/24; 2001:db8::/32", "::ffff:10.0.0.0/90", "0.0.0.0/0 ::/0", "10.0.0.300", "1/8",
           " ".join(f"10.0.{n >> 8}.{n & 255}" for n in range(4096))],
    "ident_name": ["rose", "é" * 127, "é" * 128, "\x7f", " "],
    "ani": ["44", "+", "++", "+*", "*", "+44*", "4 4", "x" * 255, "x" * 256, "anonymous"],
    "tech_prefix": ["1234#", "*", "+", "x" * 255, "x" * 256, "1 2", "é"],
    "gateways": ["GW Calls", "gw2;GW Calls", "nobody"],
    "status": ["active", "blocked", "Blocked", "archived"],
    "valid_from": ["2026-01-01", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "1e9",
                   "2026-01-01T00:00+14:00"],
    "valid_until": ["2026-01-01", "2026-01-01T00:00:00.000001", "9999-12-31T23:59:59.999999Z", "infinity"],
    "cps_burst": ["1", "0.999", "1000000", "1e6", "1e-5"],
    "orig_rate_table": ["RT ORIG - Rose", "#5"],
    "routing_plan": ["DR: Complex LCR"],
    "port": ["1", "65535", "65536", "0"],
}  # fmt: skip
NUMBERS = ["0", "1", "2147483647", "2147483648", "1e308", "1000000", "0.1", "nan", "-0", "1e-300"]
PLAIN = st.text(max_size=300)


def _offers(name: str) -> st.SearchStrategy[str]:
    if FIELD[name].kind == "flag":
        return st.sampled_from(["on", "", "no", "true", "perhaps"])
    if name in OFFERED:
        return st.one_of(st.sampled_from(OFFERED[name]), PLAIN)
    return st.one_of(st.sampled_from(NUMBERS), PLAIN) if FIELD[name].kind == "number" else PLAIN


SOUND = st.fixed_dictionaries(
    {
        "client": st.just("#12"),
        "name": st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Z"]), min_size=1, max_size=60),
        "ident_by": st.sampled_from(["ip", "name", "ani"]),
        "ip": st.sampled_from(["10.0.0.1", "10.0.0.5/24; 2001:db8::/32", "::ffff:10.0.0.0/90 ::/0"]),
        "ident_name": st.sampled_from(["rose", "é"]),
        "ani": st.sampled_from(["44", "+44*", "*"]),
    }
)
DOUBTFUL = st.lists(
    st.sampled_from([*FIELD]).flatmap(lambda name: st.tuples(st.just(name), _offers(name))), max_size=4
)
ENTRIES = st.tuples(SOUND, DOUBTFUL).map(lambda parts: {**parts[0], **dict(parts[1])})
"""A sound account, of which a few fields are what nobody expects: about as many pass as are refused."""
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=4,
)
COLUMNS = [name for name in AccountDraft.__struct_fields__ if name != "gateway_ids"]
PLACES = [f"${n}::text[]::inet[]" if name == "ip" else f"${n}" for n, name in enumerate(COLUMNS, 1)]
INSERT = f"INSERT INTO identd.accounts ({', '.join(COLUMNS)}) VALUES ({', '.join(PLACES)})"
AS_THE_LOADER = {"schema": "pg_catalog", "encoder": bytes, "decoder": bytes, "format": "binary"}
READS_BACK = References(
    ids={(kind, f"#{n}"): n for kind in ("client", "gateway", "rate_table", "routing_plan") for n in (1, 2, 5, 6, 12)}
)


@pytest.fixture
def table(database: str) -> Iterator[Session]:
    """The accounts of the article, and networks as the loader reads them."""
    session = Session(database)
    session(SAMPLE)
    session("INSERT INTO identd.rate_tables (id, name) VALUES (5, 'RT')")
    session("INSERT INTO identd.routing_plans (id, name) VALUES (6, 'RP')")
    session._runner.run(session.connection.set_type_codec("inet", **AS_THE_LOADER))
    yield session
    session.close()


def must_be_taken(table: Session, draft: AccountDraft) -> None:
    """Written as one row, read as the daemon does, and taken back."""
    values = [getattr(draft, name) for name in COLUMNS]
    values = [(list(value) or None) if name == "ip" else value for name, value in zip(COLUMNS, values, strict=True)]
    table("BEGIN")
    try:
        table(INSERT, *values)
        (row,) = (row for row in table.rows(queries.every_row("accounts")) if row[0] >= 1000)
        change = change_of("accounts", row)
        assert isinstance(change, AccountPut), f"the loader quarantines what passed: {change}"
    finally:
        table("ROLLBACK")


SLOWLY = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=250
)


@SLOWLY
@given(entry=ENTRIES, source=st.sampled_from(["form", "line"]))
def test_what_passes_is_refused_by_no_check_of_the_table_and_by_no_loader(
    table: Session, entry: dict[str, str], source: Source
) -> None:
    if source == "line":
        unused = set(IDENT_COLUMNS.values()) - {IDENT_COLUMNS.get(entry["ident_by"].lower(), "")}
        entry = {name: text for name, text in entry.items() if name not in unused}
    draft, wrong = attempted(lambda: read_text(entry, KNOWN, source=source))
    assert wrong.keys() <= FIELD.keys()
    if draft is not None:
        must_be_taken(table, draft)
        assert read_text(to_text(draft), READS_BACK, source="line") == draft


@SLOWLY
@given(entry=ENTRIES, hostile=st.dictionaries(st.sampled_from([*COLUMN]), JSON, max_size=4))
def test_what_passes_as_json_is_refused_by_no_check_either(
    table: Session, entry: dict[str, str], hostile: dict[str, Json]
) -> None:
    before, _ = attempted(lambda: read_text(entry, KNOWN))
    # whether a reference is there is the table's to say
    hostile = {column: value for column, value in hostile.items() if COLUMN[column].refers_to is None}
    draft, wrong = attempted(lambda: read_values(hostile, before=before or ROSE))
    assert wrong.keys() <= COLUMN.keys()
    if draft is not None:
        must_be_taken(table, msgspec.structs.replace(draft, gateway_ids=()))


def attempted(read: Callable[[], AccountDraft]) -> tuple[AccountDraft | None, dict[str, str]]:
    """The account, or the errors."""
    try:
        return read(), {}
    except FieldErrors as wrong:
        return None, wrong.errors
