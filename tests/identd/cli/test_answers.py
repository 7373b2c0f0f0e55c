"""How an answer is shown and which exit code it stands for."""

import pytest

from identd.cli.answers import exit_code, shown
from identd.cli.show import Paint
from protocol.messages import DecisionAnswer, PongAnswer


@pytest.mark.parametrize(
    ("decision", "colour", "code"), [("grant", 32, 0), ("refuse", 31, 1), ("unavailable", 33, 4)]
)
@pytest.mark.rule("P2.8")
def test_decision_is_told_by_word_colour_and_exit_code(decision: str, colour: int, code: int) -> None:
    answer = DecisionAnswer(id=1, op="identify", decision=decision, generation=1)  # type: ignore[arg-type]  # of three
    assert shown(answer, Paint(True))[0] == f"\x1b[{colour}m{decision}\x1b[0m"
    assert exit_code(answer) == code


def test_answer_without_a_form_of_its_own_is_shown_plainly() -> None:
    assert shown(PongAnswer(id=1, op="pong"), Paint(False)) == ["pong"]


def test_daemon_without_data_does_not_say_that_nobody_is_known() -> None:
    answer = DecisionAnswer(id=1, op="identify", decision="unavailable", reason="not_ready", generation=0, explain=())
    assert not any("known" in line for line in shown(answer, Paint(False)))
