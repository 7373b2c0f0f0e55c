"""Programs of others: a good end, a bad one, and none at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab.processes import LabFailedError, ended, failure, running, started

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
PARENT = """
import sys, time
from pathlib import Path
from lab.processes import started
child = started(["sleep", "60"], Path(sys.argv[1]), Path.cwd())
print(child.pid, flush=True)
time.sleep(60)
"""
ROOT = Path(__file__).resolve().parents[2]


def test_it_is_told_to_end_and_its_output_is_kept(tmp_path):
    log = tmp_path / "log"
    with running(["sh", "-c", "echo here; exec sleep 60"], log, tmp_path) as process:
        while b"here" not in log.read_bytes():
            assert process.poll() is None
    assert process.returncode == -signal.SIGTERM
    assert log.read_text() == "here\n"


def test_a_program_that_will_not_listen_is_made_to_end(tmp_path, monkeypatch):
    monkeypatch.setattr("lab.processes.STOP_SECONDS_MAX", 0.1)
    log = tmp_path / "log"
    process = started([sys.executable, "-c", DEAF], log, tmp_path)
    while b"deaf" not in log.read_bytes():
        assert process.poll() is None
    assert ended(process) == -signal.SIGKILL


def test_a_program_that_has_ended_keeps_its_status(tmp_path):
    process = started(["sh", "-c", "exit 3"], tmp_path / "log", tmp_path)
    process.wait()
    assert ended(process) == 3


def test_no_program_outlives_a_lab_that_is_killed(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, tmp_path / "log"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as lab:
        assert lab.stdout is not None
        child = os.pidfd_open(int(lab.stdout.readline()))
        lab.kill()
        lab.wait()
        try:
            import select

            assert select.select([child], [], [], 10)[0], "the kernel ends it: a pidfd is readable then"
        finally:
            os.close(child)


def test_a_missing_program_is_one_sentence(tmp_path):
    with pytest.raises(LabFailedError, match=r"no program kamailio-of-nobody: run bin/lab"):
        started(["kamailio-of-nobody"], tmp_path / "log", tmp_path)


def test_a_failure_has_the_last_words(tmp_path):
    log = tmp_path / "log"
    process = started(["sh", "-c", "echo no such module; exit 255"], log, tmp_path)
    process.wait()
    error = failure("Kamailio", process, log)
    assert "Kamailio ended with status 255" in str(error)
    assert str(error).endswith("no such module")
