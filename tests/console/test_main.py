"""`identd console` as a process: it starts, answers, ends when told, and says in one line why it does not start."""

import os
import socket
import subprocess
import time
from pathlib import Path

import httpx

from demo.console import running_console
from demo.daemon import configuration_of, write_configuration
from demo.process import IDENTD


def started(folder: Path, environ: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """What comes of a console that cannot start."""
    return subprocess.run(
        [IDENTD, "console", "--config", configuration_of(folder)],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_it_answers_and_ends_at_once_also_with_a_stream_open(tmp_path: Path, database: str) -> None:
    write_configuration(tmp_path)
    with running_console(tmp_path, database) as url:
        assert httpx.get(f"{url}/accounts", follow_redirects=False).headers["location"].startswith("/login")
        kept = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])))
        kept.sendall(b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\n")  # a request that is never finished
        ending = time.monotonic()
    assert time.monotonic() - ending < 10
    kept.close()
    log = (tmp_path / "console.log").read_text()
    assert "console_started" in log
    assert "console_stopped" in log
    assert "Traceback" not in log


def test_an_address_that_is_taken_is_one_line(tmp_path: Path, database: str) -> None:
    write_configuration(tmp_path)
    with running_console(tmp_path, database):
        second = started(tmp_path, {"IDENTD_CONSOLE_DSN": database})
    assert second.returncode == 1
    assert "in use" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_configuration_that_cannot_be_used_is_exit_2(tmp_path: Path) -> None:
    write_configuration(tmp_path)
    with configuration_of(tmp_path).open("a") as file:
        file.write('colour = "red"\n')
    refused = started(tmp_path, {})
    assert refused.returncode == 2
    assert "console.colour" in refused.stderr


def test_it_starts_without_a_database_and_says_so_on_the_page(tmp_path: Path) -> None:
    write_configuration(tmp_path)
    with running_console(tmp_path, "postgresql://nobody@127.0.0.1:1/none") as url:
        answer = httpx.get(f"{url}/accounts", cookies={"__Host-identd": "x" * 43})
        assert answer.status_code == 503
        assert "The database does not answer" in answer.text
    assert "Traceback" not in (tmp_path / "console.log").read_text()
