"""`identd console` as a process: it starts, answers, ends when told, and says in one line why it does not start."""

import os
import socket
import subprocess
import time
from pathlib import Path

import httpx
import trio

from console.database import Database
from console.people.sessions import open_session
from console.people.store import add_person
from demo.console import running_console
from demo.daemon import configuration_of, write_configuration
from demo.process import IDENTD, running
from identd.settings import load_settings
from tests.end_to_end.daemon import eventually


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


def test_it_answers_and_ends_at_once_and_well_also_while_a_request_is_not_finished(
    tmp_path: Path, database: str
) -> None:
    write_configuration(tmp_path)
    port = load_settings(configuration_of(tmp_path), {}).console.endpoint.port
    log = tmp_path / "console.log"
    command = ("console", "--config", configuration_of(tmp_path))
    with running(command, {"IDENTD_CONSOLE_DSN": database}, log) as process:
        eventually(lambda: "console_started" in log.read_text(), "the console has started")
        answer = httpx.get(f"http://127.0.0.1:{port}/accounts", follow_redirects=False)
        assert answer.headers["location"].startswith("/login")
        kept = socket.create_connection(("127.0.0.1", port))
        kept.sendall(b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        ending = time.monotonic()
    assert time.monotonic() - ending < 10
    kept.close()
    assert process.returncode == 0, log.read_text()
    assert "console_stopped" in log.read_text()
    assert "Traceback" not in log.read_text()


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


def test_a_certificate_that_is_none_is_exit_2(tmp_path: Path) -> None:
    write_configuration(tmp_path)
    with configuration_of(tmp_path).open("a") as file:
        file.write('tls_certificate = "none.pem"\ntls_key = "none.key"\n')
    refused = started(tmp_path, {})
    assert refused.returncode == 2
    assert refused.stderr.splitlines() == [
        "identd console: console.tls_certificate and console.tls_key cannot be used: No such file or directory"
    ]


def test_a_schema_of_before_the_upgrade_is_said_at_the_start_and_on_the_page(
    tmp_path: Path, empty_database: str
) -> None:
    write_configuration(tmp_path)
    with running_console(tmp_path, empty_database) as url:
        answer = httpx.get(f"{url}/accounts", cookies={"__Host-identd": "x" * 43})
        assert (answer.status_code, "identd init-db" in answer.text) == (503, True)
    log = (tmp_path / "console.log").read_text()
    assert "schema_old" in log
    assert "0006_console" in log
    assert "identd init-db is to be run" in log


async def test_it_ends_well_while_a_page_watches_live_counts(tmp_path: Path, database: str, store: Database) -> None:
    person_id = await add_person(store, "anna", "viewer", actor="test")
    session = await open_session(store, person_id, time.time(), address="127.0.0.1", agent="test")
    write_configuration(tmp_path)
    log = tmp_path / "console.log"

    def watch() -> int:
        command = ("console", "--config", configuration_of(tmp_path))
        with running(command, {"IDENTD_CONSOLE_DSN": database}, log) as process:
            eventually(lambda: "console_started" in log.read_text(), "the console has started")
            origin = load_settings(configuration_of(tmp_path), {}).console.origin
            cookies = {"__Host-identd": session.token}
            with httpx.stream("GET", f"{origin}/accounts/live?ids=1", cookies=cookies) as live:
                assert live.headers["content-type"].startswith("text/event-stream")
                assert next(live.iter_raw())
                process.terminate()
                return process.wait(10)

    assert await trio.to_thread.run_sync(watch) == 0, log.read_text()
    assert "console_stopped" in log.read_text()
    assert "Traceback" not in log.read_text()
