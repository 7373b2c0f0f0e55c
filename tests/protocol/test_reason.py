"""The table of reasons and codes, held against docs/matching.md §5."""

import pytest

from protocol.reason import CODES, UNAVAILABLE, Reason

CONTRACT = """
not_ready 500 41 | overloaded 500 41 | draining 500 41 | already_released 481 31
unknown_source 403 21 | bad_password 403 21 | ambiguous 403 21
account_blocked 403 21 | account_expired 403 21 | client_blocked 403 21 | reseller_blocked 403 21 | no_credit 402 21
empty_dnis 484 28 | cps_account 503 42 | cps_client 503 42
capacity_account 503 42 | capacity_client 503 42 | capacity_reseller 503 42
"""
"""The tables of docs/matching.md §5, in the order of the checks."""


@pytest.mark.rule("M5.1", "M5.5", "M5.6", "M5.7", "M5.8", "M5.9", "M5.10", "M5.11", "P2.9")
def test_reasons_stand_in_the_order_of_the_checks_with_their_codes() -> None:
    rows = [row.split() for line in CONTRACT.strip().splitlines() for row in line.split("|")]
    told = [(reason.value, *CODES[reason]) for reason in Reason]
    assert told == [(name, int(sip), int(q850)) for name, sip, q850 in rows]


@pytest.mark.rule("P2.8")
def test_only_what_was_not_judged_is_unavailable() -> None:
    told_to_try_another = {reason for reason in Reason if CODES[reason].sip == 500}
    assert told_to_try_another == UNAVAILABLE
