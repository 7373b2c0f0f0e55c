from pathlib import Path

import pytest

from identd.cli.main import main


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
