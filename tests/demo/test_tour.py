"""`bin/demo` as a person runs it, with everything real: every step of the tour, Ctrl-C, and what is missing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from demo.steps import ANY, CHAPTERS
from demo.tour import INTERRUPTED, Interruption, differences

ROOT = Path(__file__).resolve().parents[2]
TOUR = [sys.executable, "-m", "demo.tour"]


def _tour(*arguments: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TOUR, *arguments],
        cwd=ROOT,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_every_answer_of_the_tour_is_the_expected_one():
    done = _tour("--once")
    assert "✗" not in done.stdout, done.stdout
    assert done.returncode == 0, done.stdout + done.stderr
    steps = sum(len(chapter.steps) for chapter in CHAPTERS)
    assert f"{steps} as expected, 0 not" in done.stdout


def test_an_interrupt_ends_daemon_and_database_and_leaves_nothing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("d")
    folder.chmod(0o711)
    with subprocess.Popen([*TOUR, "--state", folder], cwd=ROOT, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "Ctrl-C" in line:
                break
        assert (folder / "run" / "identd.sock").is_socket()
        demo.send_signal(signal.SIGINT)
        assert "stopped" in demo.stdout.read()
        assert demo.wait(60) == 0
    assert not (folder / "run" / "identd.sock").exists()
    assert not (folder / "pg").exists()
    processes = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [process for process in processes if os.fsencode(folder) in process]


def test_an_interrupted_tour_is_no_success(tmp_path_factory):
    folder = tmp_path_factory.mktemp("d")
    with subprocess.Popen([*TOUR, "--once", "--state", folder], cwd=ROOT, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        assert demo.stdout.readline().startswith("PostgreSQL:")
        demo.send_signal(signal.SIGTERM)
        demo.stdout.read()
        assert demo.wait(60) == INTERRUPTED


def test_an_interrupt_that_python_dropped_is_heard_at_the_next_step():
    """Python reports an exception in a finalizer as ignored and goes on: the signal must not be lost with it."""
    interruption = Interruption()
    interruption.check()  # nobody has asked yet
    with pytest.raises(KeyboardInterrupt):
        interruption(signal.SIGTERM, None)
    with pytest.raises(KeyboardInterrupt):
        interruption.check()


def test_what_is_missing_is_one_sentence(tmp_path):
    deep = tmp_path / ("x" * 100)
    done = _tour("--once", "--state", str(deep))
    assert done.returncode == 2
    assert "choose a shorter --state" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("expected", "answer", "wrong"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": 1}, {"a": 2}, ["a"]),
        ({"a": None}, {"a": 2}, ["a"]),
        ({"a": None}, {}, []),
        ({"a": ANY}, {"a": 7}, []),
        ({"a": ANY}, {}, ["a"]),
    ],
)
def test_only_the_keys_of_a_step_are_compared(expected, answer, wrong):
    assert differences(expected, answer) == wrong


def test_account_names_of_the_steps_are_those_of_the_sample():
    sample = (ROOT / "demo" / "accounts.sql").read_text(encoding="utf-8")
    for chapter in CHAPTERS:
        for step in chapter.steps:
            account = getattr(step, "expected", None)
            if isinstance(account, dict) and "account" in account:
                assert f"'{account['account']}'" in sample, step.title
