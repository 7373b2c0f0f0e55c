"""The plain words of `explain`: every key and condition of the matcher, and what nobody foresaw."""

import pytest

from identd.cli.explaining import FAILED, LOST, sentence, sentences
from matcher.conditions import CONDITIONS
from matcher.precedence import PRECEDENCE, SPECIFICITY
from protocol.messages import DecisionAnswer, ExplainedAccount


def told(verdict: str, on: str | None = None, expected: str | None = None, seen: str | None = None) -> str:
    one = ExplainedAccount(
        account_id=177,
        account="rose",
        client_id=12,
        ident_by="ip",
        matched="10.0.0.0/24",
        verdict=verdict,  # type: ignore[arg-type]  # one of the three
        on=on,
        expected=expected,
        seen=seen,
    )
    return sentence(one).removeprefix("rose (account 177, client 12) ")


@pytest.mark.rule("P2.11")
@pytest.mark.parametrize(
    ("verdict", "on", "expected", "seen", "words"),
    [
        ("won", None, None, None, "won: the call is its own by ip 10.0.0.0/24"),
        (
            "lost",
            "network_mask",
            "10.0.0.0/24",
            "10.0.0.0/8",
            "lost: its network 10.0.0.0/8 is wider than 10.0.0.0/24",
        ),
        ("lost", "tech_prefix", "1234", "12", "lost: its tech prefix 12 is shorter than 1234"),
        ("lost", "tech_prefix", "1234", "none", "lost: it has no tech prefix, and the winner has 1234"),
        ("lost", "port", "5060", "any", "lost: it takes any port, and the winner asks for port 5060"),
        ("lost", "account_id", "3", "7", "lost: nothing but the lower id 3 of the winner tells the two apart"),
        (
            "lost",
            "account_id",
            "accounts of one client",
            "clients 3, 7",
            "lost: clients 3, 7 tie for this call, and the gateway refuses what is ambiguous",
        ),
        ("lost", "ident_type", "name", "ip", "lost: name is tried before ip"),
        ("failed", "tech_prefix", "99", "12", "failed: its tech prefix is 99, and the dialled number begins with 12"),
        (
            "failed",
            "tech_prefix",
            "99",
            "",
            "failed: its tech prefix is 99, and the dialled number begins with nothing",
        ),
        (
            "failed",
            "gateway",
            "gateway 3",
            "no gateway",
            "failed: it is bound to gateway 3, and no gateway is asking",
        ),
        ("failed", "moon", "full", "new", "failed: by moon: expected full, seen new"),
        ("failed", "port", "{on}", "{0}", "failed: it asks for port {on}, and the far end's is {0}"),
    ],
)
def test_every_verdict_is_a_plain_sentence(
    verdict: str, on: str | None, expected: str | None, seen: str | None, words: str
) -> None:
    assert told(verdict, on, expected, seen) == words


@pytest.mark.rule("P2.11")
def test_there_are_words_for_every_key_and_condition_of_the_matcher() -> None:
    assert {name for name, _ in CONDITIONS} | {"name", "ident_order"} == set(FAILED)
    keys = {name for name, _ in PRECEDENCE} | {SPECIFICITY["ip"], SPECIFICITY["ani"], "ident_type"}
    assert keys == set(LOST)


@pytest.mark.rule("P2.10")
def test_omitted_accounts_and_none_at_all_are_told() -> None:
    nobody = DecisionAnswer(id=1, op="identify", decision="refuse", generation=1, explain=())
    assert "no account" in sentences(nobody)[0]
    more = DecisionAnswer(id=1, op="identify", decision="refuse", generation=1, explain=(), explain_omitted=3)
    assert sentences(more) == ["and 3 more that were looked at after these"]
