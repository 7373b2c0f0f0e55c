"""The subcommands without a daemon, for real: configuration files, a PostgreSQL, keys, passwords and secrets."""

import io
from pathlib import Path

import pytest

from identd.cli.main import main
from identd.cli.offline import OFFLINE
from identd.credentials import parse_stored
from identd.sealing import verify_secret


def test_good_configuration_is_said_to_be_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "identd.toml"
    config.write_text('[log]\nlevel = "info"\n')
    assert main(["check-config", "--config", str(config)]) == 0
    assert capsys.readouterr().out == f"{config}: good\n"


def test_wrong_configuration_exits_2_with_key_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "identd.toml"
    config.write_text('[log]\nlevle = "info"\n')
    assert main(["check-config", "--config", str(config)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"{config}: line 2: log.levle: ")


def test_absent_configuration_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config", "--config", str(tmp_path / "none.toml")]) == 2
    assert "none.toml: cannot be read: No such file" in capsys.readouterr().err
    assert main(["serve", "--config", str(tmp_path / "none.toml")]) == 2


def test_schema_is_made_and_making_it_again_changes_nothing(
    empty_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init-db", "--dsn", empty_database]) == 0
    assert capsys.readouterr().out.startswith("applied 0001")
    assert main(["init-db", "--dsn", empty_database]) == 0
    assert capsys.readouterr().out == "the schema is up to date\n"


def test_database_that_is_not_there_exits_1_without_its_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init-db", "--dsn", f"postgresql://u:hunter2@/d?host={tmp_path}"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("identd: cannot connect")
    assert "hunter2" not in told


def test_init_db_without_a_database_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("IDENTD_DATABASE_DSN", raising=False)
    assert main(["init-db"]) == 2
    assert "needs --dsn or IDENTD_DATABASE_DSN" in capsys.readouterr().err


def test_new_gateway_secret_comes_with_the_hash_that_checks_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gateway-secret"]) == 0
    told = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert verify_secret(told["secret_hash"], told["secret"])


def test_secret_of_a_file_is_hashed_and_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "secret"
    path.write_text("correct horse\n")
    assert main(["gateway-secret", "--secret-file", str(path)]) == 0
    told = capsys.readouterr().out
    assert "correct horse" not in told
    assert verify_secret(told.split()[1], "correct horse")
    path.write_text("\n")
    assert main(["gateway-secret", "--secret-file", str(path)]) == 2


@pytest.mark.parametrize("source", ["file", "pipe"])
def test_password_is_sealed_from_a_file_or_a_pipe(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key, password = tmp_path / "key", tmp_path / "password"
    key.write_text("07" * 32)
    key.chmod(0o600)
    password.write_text("hunter2\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("hunter2\n"))
    words = ["seal-password", "--account-id", "7", "--name", "rose", "--realm", "example.net", "--key-file", str(key)]
    assert main([*words, "--password-file", str(password)] if source == "file" else words) == 0
    column = capsys.readouterr().out.strip()
    assert column.startswith("\\x")
    assert b"hunter2" not in bytes.fromhex(column[2:])
    parse_stored(bytes.fromhex(column[2:]))


def test_key_that_others_may_read_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "key"
    key.write_text("07" * 32)
    key.chmod(0o644)
    assert main(["seal-password", "--account-id", "7", "--name", "rose", "--key-file", str(key)]) == 2
    assert "others may read it" in capsys.readouterr().err


def test_every_command_that_needs_no_daemon_is_there() -> None:
    assert set(OFFLINE) == {"serve", "check-config", "init-db", "seal-password", "gateway-secret"}
