"""The tables agree with each other and with what they are about."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from identd.decision import Grant, Refuse
from identd.door_settings import RadiusClient, RadiusSection
from identd.radius.clients import make_clients
from identd.radius.naming import named
from identd.radius.observer import Answered, Dropped
from identd.radius.presets import (
    ANSWER_FIELDS,
    GRANT_FIELDS,
    H323_RETURN_CODES,
    MADE_FIELDS,
    PRESETS,
    REFUSAL_FIELDS,
    REQUEST_FIELDS,
    Preset,
)
from matcher.address import canonical_address
from protocol.reason import UNAVAILABLE, Reason

PAGE = Path(__file__).parents[3] / "docs" / "radius.md"
EACH = pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)


def test_the_configuration_knows_every_preset() -> None:
    for name in PRESETS:
        RadiusClient(network="192.0.2.7", preset=name)  # type: ignore[arg-type]  # that it is one of them is the test
    assert set(RadiusClient.__annotations__["preset"].__args__) == set(PRESETS)


@EACH
def test_every_field_of_a_call_is_looked_for_under_names_that_we_know(preset: Preset) -> None:
    assert set(preset.request) == set(REQUEST_FIELDS)
    for names in preset.request.values():
        for name in names:
            named(name)


@EACH
def test_every_field_of_an_answer_has_an_attribute_of_its_own(preset: Preset) -> None:
    assert set(preset.answer) <= set(ANSWER_FIELDS)
    places = [named(name) for name in preset.answer.values()]
    assert len({(place.key, place.begins) for place in places}) == len(places)


@EACH
def test_the_legs_of_a_call_have_a_name_in_either_direction(preset: Preset) -> None:
    assert set(preset.legs) == {"orig", "term"}


def test_what_is_told_are_fields_of_decisions() -> None:
    assert set(GRANT_FIELDS) <= set(Grant.__struct_fields__)
    assert set(REFUSAL_FIELDS) <= set(Refuse.__struct_fields__)
    assert not set(MADE_FIELDS) & (set(GRANT_FIELDS) | set(REFUSAL_FIELDS))


def test_every_reason_with_which_a_call_is_refused_has_a_code_of_ciscos() -> None:
    assert set(H323_RETURN_CODES) == set(Reason) - UNAVAILABLE
    assert 0 not in H323_RETURN_CODES.values()


def test_the_document_names_what_is_read_told_and_counted() -> None:
    page = PAGE.read_text(encoding="utf-8")
    words = set(re.findall(r"`([^`\n]+)`", page))
    assert set(REQUEST_FIELDS) | set(ANSWER_FIELDS) <= words
    assert {kind.value for kind in Answered} | {reason.value for reason in Dropped} <= words
    for name, preset in PRESETS.items():
        assert name in words
        written = {*(each for names in preset.request.values() for each in names), *preset.answer.values()}
        term_only = {preset.answer[field] for field in ("protocol", "port")}  # in one row with proxy
        assert written - words - term_only == set()
    for reason, code in H323_RETURN_CODES.items():
        assert re.search(rf"^\| {code} \| .*`{reason}`", page, re.MULTILINE), reason


def test_the_examples_of_the_document_are_clients_that_we_take() -> None:
    opening, overruling = re.findall(
        r"^```toml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    radius = msgspec.convert(tomllib.loads(opening + overruling)["radius"], RadiusSection)
    found = make_clients(radius.clients, [b"secret"]).find(canonical_address("192.0.2.10"))
    assert found is not None
    assert found.gateway == "gw1"
    assert radius.clients[0].answer
