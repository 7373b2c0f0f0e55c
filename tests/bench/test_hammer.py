"""Operators who get no answers must not look like operators who rest."""

import os
import socket
import time
from pathlib import Path

import pytest

from bench.hammer import Hammer, Plan
from bench.running_console import Pass


def test_operators_without_a_console_fail_in_words(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]  # free again, so that nobody answers there
    plan = Plan(granted=Pass(f"http://127.0.0.1:{port}", "c", "t", "k"), paths=["/"], saved=[], streamed=[])
    with Hammer(tmp_path, plan, min(os.sched_getaffinity(0))) as hammer:
        time.sleep(2.0)
        with pytest.raises(SystemExit, match="the operators failed"):
            hammer.stop()
    assert "refused" in capfd.readouterr().err
