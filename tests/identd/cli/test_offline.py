"""The subcommands without a daemon, for real: configuration files, a PostgreSQL, keys, passwords and secrets."""

import asyncio
import io
import json
from pathlib import Path

import asyncpg
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


@pytest.mark.parametrize(
    ("text", "mode", "words"), [("short", 0o600, "a key is 32 bytes"), ("00" * 32, 0o644, "others may read it")]
)
def test_configuration_is_not_good_whose_key_file_the_daemon_would_refuse(
    text: str, mode: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, config = tmp_path / "credentials.key", tmp_path / "identd.toml"
    config.write_text(f'[credentials]\nkey_file = "{key}"\n')
    assert main(["check-config", "--config", str(config)]) == 2
    assert f"{config}: key file {key}: No such file" in capsys.readouterr().err
    key.write_text(text)
    key.chmod(mode)
    assert main(["check-config", "--config", str(config)]) == 2
    told = capsys.readouterr()
    assert (told.out, words in told.err) == ("", True)


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


TWINS = """
INSERT INTO identd.clients (id, name) VALUES (12, 'Rose'), (13, E'Iris\\x1b[31m');
INSERT INTO identd.accounts (id, client_id, name, ident_by, ip, orig_enabled) VALUES
    (1, 12, 'rose', 'ip', '{192.0.2.10/24}', true), (2, 13, 'iris', 'ip', '{192.0.2.0/24}', true);
"""


def write(dsn: str, sql: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    asyncio.run(run())


@pytest.mark.rule("M2.4", "M3.9")
def test_lint_says_a_finding_a_line_and_exits_1_and_0_where_there_is_none(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lint", "--dsn", database]) == 0
    assert capsys.readouterr().out == "nothing found\n"
    write(database, TWINS)
    monkeypatch.setenv("IDENTD_DATABASE_DSN", database)
    assert main(["lint"]) == 1
    tie = (
        "accounts 1: ambiguous: 1 rose (client 12 Rose) ties with 2 iris (client 13 Iris\\x1b[31m)"
        " for orig calls by ip 192.0.2.0/24\n"
    )
    bits = "accounts 1: host_bits: 192.0.2.10/24 is used as 192.0.2.0/24\n"
    assert capsys.readouterr().out == tie + bits + "2 found: 1 ambiguous, 1 host_bits\n"
    assert main(["lint", "--limit", "1"]) == 1
    assert capsys.readouterr().out == tie + "and 1 more; --limit shows them\n2 found: 1 ambiguous, 1 host_bits\n"
    config = tmp_path / "identd.toml"
    config.write_text("")  # the environment overrides database.dsn here as it does for the daemon
    assert main(["lint", "--config", str(config), "--json"]) == 1
    first, second, summary = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {
        "finding": "ambiguous",
        "first": {"account_id": 1, "account": "rose", "client_id": 12, "client": "Rose"},
        "second": {"account_id": 2, "account": "iris", "client_id": 13, "client": "Iris\x1b[31m"},
        "direction": "orig",
        "ident_by": "ip",
        "at": "192.0.2.0/24",
    }
    assert (second["finding"], second["id"], second["used"]) == ("host_bits", 1, "192.0.2.0/24")
    assert summary == {"finding": "summary", "total": 2, "shown": 2, "by_kind": {"ambiguous": 1, "host_bits": 1}}


def test_lint_without_a_database_exits_3_and_with_wrong_words_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("IDENTD_DATABASE_DSN", raising=False)
    assert main(["lint", "--dsn", f"postgresql://u:hunter2@/d?host={tmp_path}"]) == 3
    told = capsys.readouterr().err
    assert told.startswith("identd: the database cannot be reached")
    assert "hunter2" not in told
    assert main(["lint"]) == 2
    assert "needs --dsn, --config or IDENTD_DATABASE_DSN" in capsys.readouterr().err
    assert main(["lint", "--config", str(tmp_path / "none.toml")]) == 2
    assert "cannot be read" in capsys.readouterr().err
    for words in (["--limit", "-1"], ["--limit", "1000001"], ["--dsn", "postgresql:///d", "--config", "x"]):
        with pytest.raises(SystemExit) as caught:
            main(["lint", *words])
        assert caught.value.code == 2


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
    of_the_daemon = {"serve", "check-config", "init-db", "lint", "seal-password", "gateway-secret"}
    of_the_console = {"console", "console-user", "accounts"}
    assert set(OFFLINE) == of_the_daemon | of_the_console
