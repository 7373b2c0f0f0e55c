"""What lint finds among rows: a table of accounts and findings, and that what is kept is bounded."""

from typing import Any

import pytest

from loader.findings import Ambiguous, Finding, HostBits, Lint, Quarantined, Shadowed, Summary, kind_of, sentence
from tests.loader.test_rows import ACCOUNT, CLIENT, GATEWAY, inet


def found(*accounts: dict[str, Any], limit: int = 1000) -> tuple[list[Finding], Summary]:
    """The findings among these accounts of clients 12 and 13; ids count from 1 where they are not said."""
    lint = Lint(limit)
    for client_id, name in ((12, "Rose"), (13, "Iris")):
        lint.take("clients", tuple({**CLIENT, "id": client_id, "name": name}.values()))
    for number, columns in enumerate(accounts, 1):
        known_by = {"ip": None} if "ident_by" in columns else {}
        row = {**ACCOUNT, "id": number, "name": f"a{number}", **known_by, **columns}
        lint.take("accounts", tuple(row.values()))
    return lint.finish()


def lines(*accounts: dict[str, Any]) -> list[str]:
    return [sentence(finding) for finding in found(*accounts)[0]]


@pytest.mark.rule("M2.4")
@pytest.mark.parametrize(
    ("ip", "told"),
    [
        (["10.0.0.5/24"], ["10.0.0.5/24 is used as 10.0.0.0/24"]),
        (["10.0.0.0/24", "10.0.0.5", "::/0"], []),
        (["10.0.0.5/24", "10.9.0.0/16", "10.0.0.6/24"],
         ["10.0.0.5/24 is used as 10.0.0.0/24", "10.0.0.6/24 is used as 10.0.0.0/24"]),
        (["2001:db8::1/64"], ["2001:db8::1/64 is used as 2001:db8::/64"]),
        (["::ffff:192.0.2.7/120"], ["::ffff:192.0.2.7/120 is used as 192.0.2.0/24"]),
        (["::ffff:192.0.2.7/128"], []),
        (["::ffff:192.0.2.7/64"], ["::ffff:192.0.2.7/64 is used as ::/64"]),
    ],
)  # fmt: skip
def test_bits_below_the_mask_are_told_as_written_and_as_used(ip: list[str], told: list[str]) -> None:
    written = [inet(text) for text in ip]
    assert lines({"ip": written}) == [f"accounts 1: host_bits: {words}" for words in told]
    assert len(lines({"ip": written, "orig_enabled": False})) == len(told), "an account that is off is told as well"


def test_a_gateway_s_addresses_are_looked_at_too() -> None:
    lint = Lint()
    lint.take("gateways", tuple({**GATEWAY, "addresses": [inet("10.0.0.5/24")]}.values()))
    assert lint.finish()[0] == [HostBits("gateways", 3, "addresses", "10.0.0.5/24", "10.0.0.0/24")]


def test_a_row_that_cannot_be_used_is_told_with_column_and_reason_and_competes_with_nobody() -> None:
    findings, summary = found({}, {"client_id": 13, "port": 0})
    assert findings == [Quarantined("accounts", 2, "port", "is 0, not 1 to 65535")]
    assert summary == Summary(1, 1, {"quarantined": 1})


TIE = "accounts 1: ambiguous: 1 a1 (client 12 Rose) ties with 2 a2 (client 13 Iris) for "
TIES: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    ("one address", {}, {}, ["orig calls by ip 11.11.20.33"]),
    ("two spellings of a network", {"ip": [inet("10.0.0.5/24")]}, {"ip": [inet("10.0.0.9/24")]},
     ["orig calls by ip 10.0.0.0/24"]),
    ("one inside the other", {"ip": [inet("10.0.0.0/24")]}, {"ip": [inet("10.0.0.0/25")]}, []),
    ("two directions", {"term_enabled": True}, {"term_enabled": True},
     ["orig calls by ip 11.11.20.33", "term calls by ip 11.11.20.33"]),
    ("other directions", {}, {"orig_enabled": False, "term_enabled": True}, []),
    ("one name", {"ident_by": "name", "ident_name": "x"}, {"ident_by": "name", "ident_name": "x"},
     ["orig calls by name x"]),
    ("names in another case", {"ident_by": "name", "ident_name": "x"}, {"ident_by": "name", "ident_name": "X"}, []),
    ("one number", {"ident_by": "ani", "ani": "+44207"}, {"ident_by": "ani", "ani": "44207"},
     ["orig calls by ani 44207"]),
    ("one range of numbers", {"ident_by": "ani", "ani": "44*"}, {"ident_by": "ani", "ani": "44*"},
     ["orig calls by ani 44*"]),
    ("a number in a range", {"ident_by": "ani", "ani": "44*"}, {"ident_by": "ani", "ani": "44"}, []),
    ("one tech prefix", {"tech_prefix": "9"}, {"tech_prefix": "9"}, ["orig calls by ip 11.11.20.33"]),
    ("two tech prefixes", {"tech_prefix": "9"}, {"tech_prefix": "8"}, []),
    ("a longer tech prefix", {"tech_prefix": "9"}, {"tech_prefix": "99"}, []),
    ("one port", {"port": 5060}, {"port": 5060}, ["orig calls by ip 11.11.20.33"]),
    ("a port against none", {"port": 5060}, {}, []),
    ("one protocol in two spellings", {"protocol": "SIP"}, {"protocol": "sip"}, ["orig calls by ip 11.11.20.33"]),
    ("two protocols", {"protocol": "sip"}, {"protocol": "h323"}, []),
    ("a gateway in common", {"gateways": [1, 2]}, {"gateways": [2, 3]}, ["orig calls by ip 11.11.20.33"]),
    ("no gateway in common", {"gateways": [1]}, {"gateways": [2]}, []),
    ("a gateway against none", {"gateways": [1]}, {}, []),
    ("one client", {}, {"client_id": 12, "gateways": [1]}, []),
    ("blocked all the same", {"status": "blocked"}, {}, ["orig calls by ip 11.11.20.33"]),
]  # fmt: skip


@pytest.mark.rule("M3.9")
@pytest.mark.parametrize(("first", "second", "told"), [row[1:] for row in TIES], ids=[row[0] for row in TIES])
def test_a_pair_that_only_the_account_id_tells_apart_is_told_with_where(
    first: dict[str, Any], second: dict[str, Any], told: list[str]
) -> None:
    seen = lines(first, {"client_id": 13, **second})
    assert [line for line in seen if "host_bits" not in line] == [TIE + where for where in told]


@pytest.mark.rule("M3.9")
def test_lint_names_every_pair_that_the_metric_counts() -> None:
    from matcher.account import Account, Network, OrigSide
    from matcher.index import AccountIndex

    index = AccountIndex(lambda _account, _attempt: False)
    rows: list[dict[str, Any]] = []
    for number in range(1, 41):  # enough to lie on a shelf by tech prefix
        client_id, prefix = 12 + number % 2, "9" * (number % 3)
        gateway_ids = (number % 5,) if number % 4 else ()
        rows.append({"client_id": client_id, "tech_prefix": prefix, "gateways": list(gateway_ids)})
        networks = (Network(bytes((11, 11, 20, 33)), 32),)
        index.insert(
            Account(
                id=number,
                client_id=client_id,
                name="x",
                ident_by="ip",
                networks=networks,
                tech_prefix=prefix,
                gateway_ids=gateway_ids,
                orig=OrigSide(),
            )
        )
    counted = index.statistics()["ambiguous_pairs"]
    assert counted > 10
    assert found(*rows)[1].by_kind["ambiguous"] == counted


NAMED = {"ident_by": "name", "ident_name": "x"}
SHADOWS: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("the same twice", {}, {}, True),
    ("every address, in two directions", {"term_enabled": True}, {"term_enabled": True}, True),
    ("one address more", {}, {"ip": [inet("11.11.20.33"), inet("11.11.20.34")]}, False),
    ("one direction more", {}, {"term_enabled": True}, False),
    ("fewer addresses", {"ip": [inet("11.11.20.33"), inet("11.11.20.34")]}, {}, True),
    ("another condition", {}, {"tech_prefix": "9"}, False),
    ("a gateway more", {"gateways": [1]}, {"gateways": [1, 2]}, False),
    ("fewer gateways", {"gateways": [1, 2]}, {"gateways": [2]}, True),
    ("another client", {}, {"client_id": 13}, False),
    ("one name", NAMED, NAMED, True),
    ("a name that is proven", NAMED, {**NAMED, "password": b"idp1 sealed"}, False),
    ("a name that is not proven", {**NAMED, "password": b"idp1 sealed"}, NAMED, False),
]


@pytest.mark.parametrize(
    ("first", "second", "shadowed"), [row[1:] for row in SHADOWS], ids=[row[0] for row in SHADOWS]
)
def test_an_account_that_can_never_win_is_told_with_who_stands_before_it(
    first: dict[str, Any], second: dict[str, Any], shadowed: bool
) -> None:
    told = "accounts 2: shadowed: 2 a2 (client 12 Rose) never wins: it stands behind 1"
    assert [line for line in lines(first, second) if "shadowed" in line] == [told] * shadowed


def test_an_account_may_stand_behind_one_here_and_another_there() -> None:
    here, there = inet("192.0.2.1"), inet("192.0.2.2")
    findings, _ = found({"ip": [here]}, {"ip": [there]}, {"ip": [here, there]})
    assert [(finding.shadowed.account_id, finding.by) for finding in findings if isinstance(finding, Shadowed)] == [
        (3, (1, 2))
    ]


def test_a_client_that_cannot_be_used_is_named_by_id_alone() -> None:
    findings, _ = found({"client_id": 99}, {})
    assert isinstance(findings[0], Ambiguous)
    assert findings[0].first.client is None
    assert sentence(findings[0]).startswith("accounts 1: ambiguous: 1 a1 (client 99) ties")


def test_findings_come_by_table_and_id_and_no_more_than_asked_for_while_all_are_counted() -> None:
    many = [{"id": 1000 - number, "ip": [inet(f"10.{number}.0.1/24")], "port": number % 2} for number in range(250)]
    findings, summary = found(*many, limit=3)
    assert [(kind_of(f), f.id) for f in findings if not isinstance(f, Ambiguous | Shadowed)] == [
        ("host_bits", 751),
        ("quarantined", 752),
        ("host_bits", 753),
    ]
    assert summary == Summary(250, 3, {"host_bits": 125, "quarantined": 125})
    assert found(*many, limit=0) == ([], Summary(250, 0, {"host_bits": 125, "quarantined": 125}))
    assert found({}) == ([], Summary(0, 0, {}))
