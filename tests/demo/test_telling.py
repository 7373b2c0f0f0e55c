"""The lines that a person reads."""

import io

import pytest

from demo.telling import coloured, in_words, line


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"decision": "grant", "account": "rose_orig", "calls": 2}, "grant rose_orig, calls 2"),
        ({"decision": "refuse", "reason": "no_credit", "sip_code": 402}, "refuse no_credit, sip_code 402"),
        ({"op": "error", "code": "bad_request", "field": "ip"}, "error bad_request, field ip"),
        ({"result": "touched", "unknown": []}, "touched, unknown []"),
        ({"existing": True, "tags": ["a", "b"], "proxy": None}, "existing yes, tags [a b], no proxy"),
        ({"retry_after_ms": ...}, "retry_after_ms …"),
    ],
)
def test_answers_read_as_words(values, words):
    assert in_words(values) == words


def test_a_wrong_answer_shows_what_was_expected_under_it():
    told = line("asked", "grant a", "refuse b", right=False, colour=False)
    assert told.splitlines()[0].startswith("  ✗ asked ")
    assert told.splitlines()[1].strip() == "expected: grant a"
    assert len(line("asked", "grant a", "grant a", right=True, colour=False).splitlines()) == 1


class Terminal(io.StringIO):
    """What says that it is a terminal; a chroot may have no real one to give."""

    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals_only(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert not coloured(io.StringIO())
    assert coloured(Terminal())
    monkeypatch.setenv("NO_COLOR", "")
    assert not coloured(Terminal())
    assert "\x1b[" in line("a", "b", "c", right=True, colour=True)
    assert "\x1b[" not in line("a", "b", "c", right=True, colour=False)
