"""What `bin/lab` says before anything is started."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _lab(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lab.play", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_door_that_is_not_there_is_told():
    done = _lab("carrier-pigeon")
    assert done.returncode == 2
    assert "there is no door carrier-pigeon" in done.stderr


def test_a_configuration_that_is_not_there_is_one_sentence(tmp_path):
    done = _lab("radius", "--configuration", tmp_path)
    assert done.returncode == 2
    assert done.stderr == f"bin/lab: there is no kamailio.cfg in {tmp_path}\n"
