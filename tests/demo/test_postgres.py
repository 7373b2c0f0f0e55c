"""The server under the tests: private, restartable, and gone when its owner is."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest

from demo import sql
from demo.binaries import PostgresMissingError, Runner
from demo.postgres import NamedServer, OwnServer, own_server, running_postgres


def test_server_answers_and_is_new_enough(postgres):
    ((version,),) = sql.query(postgres.dsn(), "SELECT current_setting('server_version_num')::int")
    assert version >= 130000


def test_own_server_listens_on_a_private_socket_only(own_postgres):
    ((addresses,),) = sql.query(own_postgres.dsn(), "SELECT current_setting('listen_addresses')")
    assert addresses == ""
    assert stat.S_IMODE(own_postgres.folder.stat().st_mode) == 0o700


def test_databases_have_their_own_names_and_go_again(postgres):
    one, other = postgres.create_database("test"), postgres.create_database("test")
    assert one != other
    sql.execute(postgres.dsn(one), "CREATE TABLE only_here (n int)")
    copy = postgres.create_database("test", template=one)
    assert sql.query(postgres.dsn(copy), "SELECT count(*) FROM only_here") == [(0,)]
    for name in (one, other, copy):
        postgres.drop_database(name)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        sql.query(postgres.dsn(one), "SELECT 1")


def test_terminated_backends_are_gone(postgres, empty_database):
    ((name,),) = sql.query(empty_database, "SELECT current_database()")
    script = "import sys, asyncio, asyncpg\nasync def main():\n c = await asyncpg.connect(sys.argv[1])\n"
    script += " print('up', flush=True)\n await c.fetch('SELECT pg_sleep(60)')\nasyncio.run(main())"
    with subprocess.Popen(
        [sys.executable, "-c", script, empty_database], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as sleeper:
        assert sleeper.stdout is not None
        assert sleeper.stdout.readline() == b"up\n"
        assert postgres.terminate_backends(name) == 1
        assert sleeper.wait(10) != 0


def test_committed_rows_outlive_a_restart_and_a_crash(own_postgres, empty_database):
    sql.execute(empty_database, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")
    own_postgres.restart()
    sql.execute(empty_database, "CHECKPOINT")
    assert sql.query(empty_database, "SELECT n FROM kept") == [(1,)]
    own_postgres.kill()
    own_postgres.start()
    assert sql.query(empty_database, "SELECT n FROM kept") == [(1,)]


def test_a_stopped_server_refuses(own_postgres):
    own_postgres.stop()
    own_postgres.stop()
    with pytest.raises((FileNotFoundError, ConnectionRefusedError)):
        sql.query(own_postgres.dsn(), "SELECT 1")


def test_server_ends_with_an_owner_that_is_killed():
    script = "import time\nfrom demo.postgres import own_server\n"
    script += "with own_server() as s:\n print(s.folder, s._server_pid(), flush=True)\n time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        folder, pid = owner.stdout.readline().split()
        owner.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, "the server outlived its owner"
        time.sleep(0.05)
    shutil.rmtree(Path(folder).parent)


def test_folder_is_gone_afterwards():
    with own_server() as server:
        folder = server.folder
        assert folder.exists()
    assert not folder.parent.exists()


def test_a_path_too_long_for_a_socket_is_said_in_words(tmp_path):
    with pytest.raises(PostgresMissingError, match="too long for a Unix socket"):
        OwnServer(tmp_path / ("x" * 100), Path("/nowhere"), Runner())


def test_a_named_server_is_used_and_only_our_databases_on_it(own_postgres):
    environ = {"IDENTD_DATABASE_DSN": own_postgres.dsn()}
    with running_postgres(environ) as server:
        assert isinstance(server, NamedServer)
        assert not server.ours
        name = server.create_database("test")
        assert sql.query(server.dsn(name), "SELECT current_database()") == [(name,)]
        server.drop_database(name)


def test_a_named_server_whose_user_may_not_create_databases_is_refused(own_postgres):
    role = f"identd_poor_{os.getpid()}"
    sql.execute(own_postgres.dsn(), f"CREATE ROLE {role} LOGIN")
    try:
        with pytest.raises(PostgresMissingError, match="may not create databases"):
            NamedServer(own_postgres.dsn().replace("postgres@", f"{role}@"))
    finally:
        sql.execute(own_postgres.dsn(), f"DROP ROLE {role}")


def test_a_start_that_is_taken_back_at_once_ends_all_the_same(own_postgres):
    """The server still ignores SIGINT then: a guardian that says stop once would wait for ever."""
    for _ in range(3):
        own_postgres.stop()
        own_postgres._launch()
        own_postgres.stop()
        assert not (own_postgres.data / "postmaster.pid").exists()


def test_an_old_fatal_line_of_the_log_does_not_fail_the_next_start(own_postgres):
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        sql.query(own_postgres.dsn("no_such_database"), "SELECT 1")
    assert "FATAL" in own_postgres.log.read_text()
    for _ in range(3):
        own_postgres.restart()
    assert sql.query(own_postgres.dsn(), "SELECT 1") == [(1,)]
