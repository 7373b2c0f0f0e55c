"""Setting up and upgrading the schema."""

import threading
from collections.abc import Callable

import pytest

from loader.migrate import MigrationError, init_db, migrations
from tests.loader.conftest import Session

Connect = Callable[..., Session]


def test_the_schema_is_made_once(empty_database: str) -> None:
    names = [migration.name for migration in migrations()]
    assert init_db(empty_database) == names
    assert init_db(empty_database) == []


def test_an_upgrade_applies_what_is_missing_only(database: str, connect: Connect) -> None:
    session = connect(database)
    session("DELETE FROM identd.migrations WHERE number = 5")  # roles: safe to grant twice
    assert init_db(database) == ["0005_roles"]


def test_two_at_once_do_not_disturb_each_other(empty_database: str) -> None:
    done: list[list[str]] = []
    threads = [threading.Thread(target=lambda: done.append(init_db(empty_database))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, done)) == [0, 0, len(migrations())]


def test_a_file_edited_after_it_was_applied_is_refused(database: str, connect: Connect) -> None:
    connect(database)("UPDATE identd.migrations SET checksum = 'other' WHERE number = 1")
    with pytest.raises(MigrationError, match="0001_tables was changed"):
        init_db(database)


def test_a_database_newer_than_the_program_is_refused(database: str, connect: Connect) -> None:
    connect(database)("INSERT INTO identd.migrations (number, name, checksum) VALUES (99, 'x', 'x')")
    with pytest.raises(MigrationError, match="newer"):
        init_db(database)


def test_a_migration_that_fails_leaves_nothing_of_itself(empty_database: str, connect: Connect) -> None:
    session = connect(empty_database)
    session("CREATE SCHEMA identd; CREATE TABLE identd.clients ()")
    with pytest.raises(MigrationError, match="0001_tables failed"):
        init_db(empty_database)
    assert session.one("SELECT to_regclass('identd.resellers')") is None
    session("DROP TABLE identd.clients")
    assert len(init_db(empty_database)) == len(migrations())


@pytest.mark.parametrize(
    "dsn",
    ["postgresql://u:hidden@127.0.0.1:1/x", "hidden://u:hidden@h/x", "postgresql://u:hidden@h:port/x", "hidden"],
)
def test_an_unreachable_database_is_one_clear_error_without_the_password(dsn: str) -> None:
    with pytest.raises(MigrationError) as caught:
        init_db(dsn)
    assert "cannot connect" in str(caught.value)
    assert "hidden" not in str(caught.value)
