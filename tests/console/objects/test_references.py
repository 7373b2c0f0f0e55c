"""The sentence for a name that means nothing."""

import pytest

from console.objects.references import KINDS, Option, missing


@pytest.mark.parametrize(
    ("nearest", "sentence"),
    [
        (("Rose",), "There is no client 'Rse': did you mean 'Rose'?"),
        (("Rose", "Rosa"), "There is no client 'Rse': did you mean 'Rose' or 'Rosa'?"),
        ((), "There is no client 'Rse': choose one that is there, by name or as #id, or create it first"),
    ],
)
def test_the_sentence_names_what_may_have_been_meant(nearest: tuple[str, ...], sentence: str) -> None:
    assert missing("client", "Rse", nearest) == sentence


def test_every_kind_is_said_in_the_trade_s_words() -> None:
    assert [words for words, _ in KINDS.values()] == ["client", "gateway", "rate table", "routing plan"]


def test_a_form_sends_an_option_by_its_id() -> None:
    assert Option(12, "Rose").value == "#12"
