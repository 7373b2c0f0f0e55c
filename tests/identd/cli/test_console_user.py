"""People of the console from the command line: the first admin gets in by a link, and nobody is there by default."""

from pathlib import Path

import pytest

from identd.cli import main as cli
from identd.settings import ConsoleSection
from tests.loader.conftest import Session

CONFIG = Path("config/identd.toml")


def console_user(database: str, task: str, *arguments: str) -> int:
    return cli.main(["console-user", task, "--config", str(CONFIG), "--dsn", database, *arguments])


def test_there_is_nobody_by_default(database: str, capsys: pytest.CaptureFixture[str]):
    assert console_user(database, "list") == 0
    assert capsys.readouterr().out == ""


def test_somebody_new_gets_a_link_of_this_console(database: str, capsys: pytest.CaptureFixture[str]):
    assert console_user(database, "add", "anna", "--role", "admin") == 0
    (link,) = (word for word in capsys.readouterr().out.split() if "/welcome/" in word)
    assert link.startswith(f"{ConsoleSection().origin}/welcome/")
    assert len(link.rpartition("/")[2]) == 43
    console_user(database, "list")
    listed = capsys.readouterr().out
    assert listed.split()[:3] == ["anna", "admin", "active"]
    assert "no password yet, link is out" in listed


@pytest.mark.parametrize("name", ["", "a b", "anna\n", "-x", "x" * 65, "é", "<b>"])
def test_a_name_that_will_not_do_is_refused_with_the_rule(database: str, name: str, capsys):
    assert console_user(database, "add", "--role", "viewer", "--", name) == 1
    assert "letters, digits" in capsys.readouterr().err
    console_user(database, "list")
    assert capsys.readouterr().out == ""


def test_two_people_do_not_share_a_name_not_even_in_capitals(database: str, capsys):
    console_user(database, "add", "anna", "--role", "admin")
    assert console_user(database, "add", "Anna", "--role", "viewer") == 1
    assert "already" in capsys.readouterr().err


def test_role_and_status_are_set_and_the_person_removed(database: str, capsys):
    console_user(database, "add", "anna", "--role", "admin")
    assert console_user(database, "set", "ANNA", "--role", "viewer", "--status", "blocked") == 0
    assert "anna: viewer, blocked" in capsys.readouterr().out
    assert console_user(database, "link", "anna") == 1
    assert "blocked" in capsys.readouterr().err
    assert console_user(database, "set", "anna") == 1
    assert console_user(database, "set", "anna", "--status", "active") == 0
    assert console_user(database, "link", "anna") == 0
    assert console_user(database, "remove", "anna") == 0
    assert console_user(database, "remove", "anna") == 1
    assert "there is no person anna" in capsys.readouterr().err


def test_the_audit_log_names_the_user_of_this_machine(database: str):
    console_user(database, "add", "anna", "--role", "admin")
    rows = Session(database)
    try:
        entries = rows.rows("SELECT actor, action, entity FROM identd.audit_log ORDER BY id")
    finally:
        rows.close()
    assert [(action, entity) for _, action, entity in entries] == [
        ("insert", "console_users"),
        ("link", "console_users"),
    ]
    assert all(actor.startswith("cli:") for actor, _, _ in entries)


def test_a_database_without_our_tables_or_none_at_all_is_said(empty_database: str, capsys):
    assert console_user(empty_database, "list") == 3
    assert "init-db" in capsys.readouterr().err
    assert console_user("postgresql://nobody@127.0.0.1:1/none", "list") == 3
    assert "does not answer" in capsys.readouterr().err


def test_a_wrong_configuration_is_a_wrong_call(tmp_path: Path, capsys):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[console]\nlisten = 1\n")
    assert cli.main(["console-user", "list", "--config", str(wrong)]) == 2
    assert "console.listen" in capsys.readouterr().err
