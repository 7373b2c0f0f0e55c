"""The table of steps agrees with the accounts and with the scenarios; `bin/lab` plays it."""

import re
import xml.etree.ElementTree as ET

import pytest

from lab import steps
from lab.play import ACCOUNTS
from lab.sipp import SCENARIOS
from lab.steps import STEPS


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.title)
def test_accounts_that_a_step_expects_are_there(step):
    account = step.expected.get("account")
    assert account is None or f"'{account}'" in ACCOUNTS.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("account_id", "name"), [(steps.ONE, "alder_one"), (steps.MANY, "birch_many"), (steps.FIR, "fir_phone")]
)
def test_ids_that_are_counted_are_those_of_the_accounts(account_id, name):
    row = re.compile(rf"\({account_id}, +\d+, '{name}', ")
    assert row.search(ACCOUNTS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("scenario", sorted(SCENARIOS.glob("*.xml")), ids=lambda path: path.stem)
def test_scenarios_are_well_formed_and_go_where_there_is_something(scenario):
    root = ET.parse(scenario).getroot()
    labels = {label.get("id") for label in root.iter("label")}
    assert {node.get("next") for node in root.iter() if node.get("next")} <= labels


@pytest.mark.parametrize(
    ("dnis", "what"), [(steps.BUSY, "busy"), (steps.NOBODY_ANSWERS, "ringing"), (steps.GOES_DEAF, "deaf")]
)
def test_the_far_side_knows_what_a_dnis_means(dnis, what):
    (found,) = (
        node.get("regexp")
        for node in ET.parse(SCENARIOS / "uas.xml").getroot().iter("ereg")
        if node.get("assign_to") == what
    )
    assert re.match(found, f"INVITE sip:{dnis}@127.0.0.1 SIP/2.0")
    assert not re.match(found, f"INVITE sip:{steps.LONDON}@127.0.0.1 SIP/2.0")
