"""Every reason has its sentence."""

from console.pages.reasons import WORDS, words_of
from protocol.reason import Reason


def test_every_reason_has_a_sentence_of_its_own():
    assert set(WORDS) == set(Reason)
    assert len(set(WORDS.values())) == len(Reason)
    assert all(sentence.endswith(".") for sentence in WORDS.values())


def test_a_reason_of_a_newer_daemon_stands_for_itself():
    assert words_of("no_credit") == WORDS[Reason.NO_CREDIT]
    assert words_of("full_moon") == "The daemon says full_moon."
