"""Accounts from the command line, end to end: a real database, a real daemon, and what `$?` is afterwards."""

import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from console.database import SERVER_SECONDS_MAX
from console.objects.account import Account
from console.store import listing
from console.store.account_columns import account_of
from demo.daemon import running_daemon
from identd.cli.accounts import IN_FORCE, NOT_IN_FORCE, Progress
from identd.cli.main import main
from protocol.messages import Identify

Identd = Callable[..., int]

STOCK = """
INSERT INTO identd.clients (id, name, balance) VALUES (1, 'Rose orig', 10), (2, E'Iris\\x1b[31m', 0);
INSERT INTO identd.accounts (id, client_id, name, ident_by, ip, tech_prefix, orig_enabled) VALUES
    (176, 1, 'rose_orig', 'ip', '{192.0.2.1}', '1#', true), (177, 2, 'iris', 'ip', '{192.0.2.2}', NULL, true);
INSERT INTO identd.account_statistics (account_id, day, direction, calls, amount) VALUES
    (176, '2026-01-01', 'orig', 7, 2.5);
SELECT setval('identd.accounts_id_seq', 1000);
"""


def sql(dsn: str, statement: str) -> list[asyncpg.Record]:
    async def run() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(dsn)
        try:
            if ";" in statement:
                await connection.execute(statement)
                return []
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    return asyncio.run(run())


@pytest.fixture
def identd(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Identd:
    """`identd accounts …` on a database with two accounts and a configuration whose daemon does not run."""
    sql(database, STOCK)
    config = tmp_path / "identd.toml"
    config.write_text(f'[socket]\nunix = "{tmp_path}/identd.sock"\ntcp = ""\n')
    monkeypatch.setenv("IDENTD_CREDENTIALS_KEY", "ab" * 32)

    def run(task: str, *arguments: str, dsn: str = database) -> int:
        return main(["accounts", task, *arguments, "--config", str(config), "--dsn", dsn])

    return run


def test_accounts_are_listed_and_filtered(identd: Identd, capsys: pytest.CaptureFixture[str]) -> None:
    assert identd("list") == 0
    head, rose, iris = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["id", "client", "name"]
    assert rose.split() == ["176", "Rose", "orig", "rose_orig", "ip", "192.0.2.1", "1#", "on", "off", "active"]
    assert "Iris\\x1b[31m" in iris
    assert identd("list", "--filter", "client=rose", "--json") == 0
    (only,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (only["id"], only["tech_prefix"], only["has_password"]) == (176, "1#", False)
    assert identd("list", "--limit", "1") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "and more; --limit shows them"
    assert identd("list", "--filter", "q=nobody") == 0
    assert capsys.readouterr().out == "no accounts\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("list", "--filter", "colour=red"), "colour"),
        (("list", "--filter", "client_id=Rose"), "client_id"),
        (("list", "--filter", "client"), "is not NAME=VALUE"),
        (("add", "name"), "is not FIELD=VALUE"),
        (("add", "name=a", "name=b"), "given twice"),
        (("set", "176", "password=hunter2"), "seen by others"),
        (("import", "none.csv"), "none.csv: No such file"),
        (("export", "no/such/folder.csv"), "no/such/folder.csv: No such file"),
    ],
)
def test_wrong_usage_exits_2(
    identd: Identd, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert identd(*arguments) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "hunter2" not in told


@pytest.mark.parametrize("task", [("set", "x", "name=a"), ("delete", "176"), ("list", "--limit", "-1"), ("fly",)])
def test_arguments_that_are_missing_or_no_id_exit_2(identd: Identd, task: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        identd(*task)
    assert ended.value.code == 2


def test_database_that_is_not_there_or_empty_exits_3(
    identd: Identd, empty_database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert identd("list", dsn=f"postgresql://u:hunter2@/d?host={tmp_path}") == 3
    assert identd("list", dsn=empty_database) == 3
    told = capsys.readouterr().err
    assert ("hunter2" in told, "run identd init-db" in told) == (False, True)


def test_account_is_added_changed_deactivated_and_deleted(
    identd: Identd, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        identd("add", "client=Rose orig", "name=new", "ident_by=ip", "ip=10.0.0.7/24;10.1.0.1", "orig_enabled=yes")
        == 0
    )
    assert capsys.readouterr().out.splitlines() == ["created account 1001: Rose orig / new", NOT_IN_FORCE]
    assert identd("set", "1001", "tech_prefix=9#", "orig_capacity=5") == 0
    ((ip, prefix, capacity, actor),) = sql(
        database,
        "SELECT ip::text[], tech_prefix, orig_capacity, (SELECT actor FROM identd.audit_log WHERE entity_id = 1001 "
        "ORDER BY id DESC LIMIT 1) FROM identd.accounts WHERE id = 1001",
    )
    assert (ip, prefix, capacity) == (["10.0.0.0/24", "10.1.0.1/32"], "9#", 5)
    assert actor.startswith("cli:")
    assert identd("deactivate", "1001") == 0
    assert "deactivated account 1001" in capsys.readouterr().out
    assert identd("delete", "176", "--yes-delete", "rose") == 1
    assert "Account 176 is called 'rose_orig': nothing was deleted" in capsys.readouterr().err
    assert identd("delete", "176", "--yes-delete", "rose_orig") == 0
    told = capsys.readouterr().out
    assert "statistics of 1 days removed, 7 calls; 2.500000 given back: the balance of Rose orig is 12.500000" in told
    assert [row[0] for row in sql(database, "SELECT id FROM identd.accounts ORDER BY id")] == [177, 1001]
    for task in (("set", "176", "name=x"), ("deactivate", "176"), ("delete", "176", "--yes-delete", "x")):
        assert identd(*task) == 1
        assert "there is no account 176" in capsys.readouterr().err


def test_errors_are_told_by_field_and_exit_1(
    identd: Identd, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert identd("add", "client=Rose", "name=n", "ident_by=ip", "ip=10.0.0.300", "colour=red") == 1
    told = capsys.readouterr().err.splitlines()
    assert sorted(line.split(":")[1].strip() for line in told) == ["client", "colour", "ip"]
    assert identd("add", "client=Rose orig", "name=rose_orig", "ident_by=ip", "ip=10.0.0.3") == 1
    assert "name: This client has an account of that name already" in capsys.readouterr().err
    assert len(sql(database, "SELECT id FROM identd.accounts")) == 2


def test_password_comes_from_a_pipe_and_is_kept_sealed(
    identd: Identd, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("swordfish\n"))
    assert identd("set", "177", "ident_by=name", "ident_name=iris", "ip=", "password=-") == 0
    ((stored, ident_name),) = sql(database, "SELECT password, ident_name FROM identd.accounts WHERE id = 177")
    assert (stored[:4], ident_name) == (b"idp1", "iris")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert identd("set", "177", "password=-") == 2
    assert "swordfish" not in str(capsys.readouterr())


def test_export_is_imported_again_and_changes_nothing(
    identd: Identd, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "all.csv"
    assert identd("export", str(path)) == 0
    capfd.readouterr()
    assert identd("export", "--filter", "client_id=1") == 0
    assert capfd.readouterr().out.count("\n") == 2
    assert identd("import", str(path), "--commit") == 0
    out = capfd.readouterr().out.splitlines()
    assert out[-2] == "0 to create, 0 to change, 2 as they are, 0 with errors"
    assert identd("export", "--spreadsheet", str(path)) == 0
    assert identd("import", str(path), "--commit") == 0
    assert "2 as they are" in capfd.readouterr().out


def test_import_is_a_dry_run_until_it_is_to_be_written(
    identd: Identd, database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new.csv"
    path.write_text(
        "id,client,name,ident_by,ip,tech_prefix\n"
        ",Rose orig,new,ip,10.0.0.1,\n"
        "176,Rose orig,rose_orig,ip,192.0.2.1,7#\n"
    )
    assert identd("import", str(path)) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "line 2: creates Rose orig / new: ident_by: ip; ip: 10.0.0.1",
        "line 3: changes Rose orig / rose_orig (176): Tech Prefix: 1# → 7#",
        "1 to create, 1 to change, 0 as they are, 0 with errors",
        "a dry run: nothing was written; --commit writes it",
    ]
    assert told.err == ""
    assert len(sql(database, "SELECT id FROM identd.accounts")) == 2
    assert identd("import", str(path), "--commit") == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"written; {NOT_IN_FORCE}"
    assert [row[0] for row in sql(database, "SELECT tech_prefix FROM identd.accounts ORDER BY id")] == [
        "7#",
        None,
        None,
    ]


def test_import_with_an_error_writes_nothing_and_exits_1(
    identd: Identd, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = b"client,name,ident_by,ip\nRose orig,new,ip,10.0.0.1\nRose orig,rose_orig,ip,192.0.2.1\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert identd("import", "-", "--commit") == 1
    told = capsys.readouterr()
    assert told.err.startswith("line 3: error Rose orig / rose_orig: name: This client has an account of that name")
    assert told.out.splitlines()[-1] == "nothing was written"
    assert len(sql(database, "SELECT id FROM identd.accounts")) == 2
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert identd("import", "-", "--commit", "--update") == 0


def test_daemon_judges_calls_by_it_when_the_command_ends(
    identd: Identd, database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_daemon(tmp_path, database) as switch:
        config = ("--config", str(tmp_path / "identd.toml"), "--dsn", database)
        values = ("client=Rose orig", "name=new", "ident_by=ip", "ip=198.51.100.9", "orig_enabled=on")
        assert main(["accounts", "add", *values, *config]) == 0
        assert capsys.readouterr().out.splitlines() == ["created account 1001: Rose orig / new", IN_FORCE]
        answer = switch.call(Identify(id=switch.next_id(), ip="198.51.100.9", dnis="44"))
        assert getattr(answer, "account_id", None) == 1001


def test_progress_is_shown_to_a_person_only(capsys: pytest.CaptureFixture[str]) -> None:
    for is_shown, told in ((True, "\r 50%\r    \r"), (False, "")):
        progress = Progress(is_shown)
        progress.show(0.5)
        progress.clear()
        assert capsys.readouterr().err == told


def test_a_list_that_is_long_enough_reads_no_further(
    identd: Identd, database: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sql(
        database,
        "INSERT INTO identd.accounts (client_id, name, ident_by, ani) SELECT 1, 'n' || n, 'ani', '1' || n"
        " FROM generate_series(1, 3000) AS n;",
    )
    read: list[int] = []

    def counted(row: object) -> Account:
        read.append(1)
        return account_of(row)

    monkeypatch.setattr(listing, "account_of", counted)
    assert identd("list", "--limit", "1000") == 0
    assert len(capsys.readouterr().out.splitlines()) == 1002
    assert len(read) == 2000  # a page, and the one that says that there are more
    assert identd("list", "--limit", "0") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "and more; --limit shows them"


@pytest.mark.parametrize("digits", ["0" * 20 + "1", "0" * 19 + "9" * 30, "9" * 5000])
def test_digits_without_an_end_are_no_id(identd: Identd, capsys: pytest.CaptureFixture[str], digits: str) -> None:
    for task in (("set", digits, "name=a"), ("list", "--limit", digits)):
        with pytest.raises(SystemExit) as ended:
            identd(*task)
        assert ended.value.code == 2
        assert len(capsys.readouterr().err) < 1000


def test_rows_that_others_hold_are_exit_1(
    identd: Identd, database: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SERVER_SECONDS_MAX, "lock_timeout", 1.0)

    async def run() -> int:
        holder = await asyncpg.connect(database)
        try:
            async with holder.transaction():
                await holder.execute("UPDATE identd.accounts SET status = status WHERE id = 176")
                return await asyncio.to_thread(identd, "deactivate", "176")
        finally:
            await holder.close()

    assert asyncio.run(run()) == 1
    assert "same rows" in capsys.readouterr().err
