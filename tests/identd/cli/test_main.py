"""The whole program against a small daemon on real sockets: what is asked, printed, and the exit code."""

import json
import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from identd.cli.main import main
from identd.cli.offline import OFFLINE
from protocol.messages import (
    AnyAnswer,
    AnyRequest,
    Authorize,
    CallAnswer,
    Calls,
    CallsAnswer,
    DecisionAnswer,
    ErrorAnswer,
    ExplainedAccount,
    Hello,
    Identify,
    LiveCall,
    Release,
    Start,
    Status,
    StatusAnswer,
)
from tests.protocol.small_daemon import SmallDaemon, answer_to, small_daemon

GRANT = DecisionAnswer(
    id=1, op="identify", decision="grant", account_id=176, account="rose_orig", client="Rose", generation=9
)


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallDaemon]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IDENTD_GATEWAY_SECRET", raising=False)
    (tmp_path / "run").mkdir()
    with small_daemon(Path("run/identd.sock")) as daemon:
        yield daemon


def identd(words: str) -> int:
    """What stands behind `identd` on a command line; the exit code."""
    return main(words.split())


def saying(answer: AnyAnswer) -> Callable[[AnyRequest], AnyAnswer]:
    return lambda request: answer_to(request) if isinstance(request, Hello) else answer


def test_identify_prints_a_grant_and_exits_0(daemon: SmallDaemon, capsys: pytest.CaptureFixture[str]) -> None:
    daemon.answer_to = saying(GRANT)
    assert identd("identify --ip 192.0.2.1 --port 5060 --protocol sip --dnis 1234#44 --ani 49 --name rose") == 0
    assert daemon.heard == [
        Identify(id=1, ip="192.0.2.1", port=5060, protocol="sip", dnis="1234#44", ani="49", name="rose")
    ]
    assert capsys.readouterr().out.splitlines() == [
        "grant",
        "  account id  176",
        "  account     rose_orig",
        "  client      Rose",
        "  generation  9",
    ]


def test_json_prints_the_wire_object_and_nothing_else(
    daemon: SmallDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon.answer_to = saying(GRANT)
    assert identd("identify --ip 192.0.2.1 --dnis 1 --json") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {
        "id": 1,
        "op": "identify",
        "decision": "grant",
        "account_id": 176,
        "account": "rose_orig",
        "client": "Rose",
        "generation": 9,
    }
    assert printed.err == ""


def test_refusal_exits_1_and_names_reason_and_codes(daemon: SmallDaemon, capsys: pytest.CaptureFixture[str]) -> None:
    refusal = DecisionAnswer(
        id=1, op="authorize", decision="refuse", reason="capacity_account", sip_code=503, q850=42, generation=9
    )
    daemon.answer_to = saying(refusal)
    assert identd("authorize --ip 192.0.2.1 --dnis 1 --call-id c1 --leg b --direction term") == 1
    assert daemon.heard == [Authorize(id=1, ip="192.0.2.1", dnis="1", call_id="c1", leg="b", direction="term")]
    assert capsys.readouterr().out.startswith("refuse capacity_account (SIP 503, Q.850 42)\n")


def test_unavailable_exits_4(daemon: SmallDaemon, capsys: pytest.CaptureFixture[str]) -> None:
    nobody_knows = DecisionAnswer(
        id=1, op="identify", decision="unavailable", reason="not_ready", sip_code=500, q850=41, generation=0
    )
    daemon.answer_to = saying(nobody_knows)
    assert identd("identify --ip 192.0.2.1 --dnis 1") == 4


def test_error_answer_exits_2_and_names_the_key(daemon: SmallDaemon, capsys: pytest.CaptureFixture[str]) -> None:
    assert identd("identify --dnis 1") == 2
    printed = capsys.readouterr()
    assert printed.err == "error bad_request (ip): one of ip, name, ani must be there\n"
    assert printed.out == ""


def test_no_daemon_exits_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--socket", str(tmp_path / "none")]) == 3
    assert capsys.readouterr().err == f"identd: no daemon at {tmp_path}/none: No such file or directory\n"


def test_daemon_that_says_nothing_exits_3_in_time(daemon: SmallDaemon) -> None:
    daemon.silent = True
    assert identd("status --timeout 0.1") == 3


@pytest.mark.parametrize(
    "words",
    [
        "",
        "identify --ip 192.0.2.1",
        "authorize --ip 192.0.2.1 --dnis 1",
        "status --tcp nowhere",
        "status --tcp 127.0.0.1:99999",
        "status --timeout 0",
        "status --timeout nan",
        "identify --dnis 1 --direction both",
        "status --socket a --tcp 127.0.0.1:1",
        "frobnicate",
    ],
)
def test_wrong_usage_exits_2(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        main(words.split())
    assert exited.value.code == 2
    assert "usage: identd" in capsys.readouterr().err


def test_explain_asks_for_the_explanation_and_tells_it_in_words(
    daemon: SmallDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    common = {"account_id": 177, "client_id": 12, "ident_by": "ip", "matched": "10.0.0.0/24"}
    explained = ExplainedAccount(
        account="Rose term", verdict="lost", on="tech_prefix", expected="1234", seen="12", **common
    )
    daemon.answer_to = lambda _: DecisionAnswer(
        id=1, op="identify", decision="grant", account_id=176, generation=9, explain=(explained,)
    )
    assert identd("explain --ip 10.0.0.7 --dnis 1234567") == 0
    assert daemon.heard == [Identify(id=1, ip="10.0.0.7", dnis="1234567", explain=True)]
    assert capsys.readouterr().out.splitlines()[-1] == (
        "Rose term (account 177, client 12) lost: its tech prefix 12 is shorter than 1234"
    )


def test_start_and_release_name_the_call(daemon: SmallDaemon, capsys: pytest.CaptureFixture[str]) -> None:
    def answer(request: AnyRequest) -> AnyAnswer:
        if isinstance(request, Start):
            return CallAnswer(id=1, op="start", result="started", calls=2)
        return CallAnswer(id=1, op="release", result="unknown")

    daemon.answer_to = answer
    assert identd("start --call-id c1") == 0
    assert identd("release --call-id c1 --leg a --cause 16") == 0, "an unknown call is no error"
    assert daemon.heard == [Start(id=1, call_id="c1"), Release(id=1, call_id="c1", leg="a", cause="16")]
    assert capsys.readouterr().out == "started\n  calls  2\nunknown\n"


def test_calls_are_a_table(daemon: SmallDaemon, capsys: pytest.CaptureFixture[str]) -> None:
    call = LiveCall(
        call_id="c1",
        leg="",
        direction="orig",
        state="active",
        account_id=176,
        client_id=12,
        age_seconds=3723.9,
        lease_seconds_left=9.0,
        gateway="gw1",
    )
    daemon.answer_to = lambda _: CallsAnswer(id=1, op="calls", calls=(call,), omitted=4)
    assert identd("calls --account-id 176 --gateway gw1 --limit 1") == 0
    assert daemon.heard == [Calls(id=1, account_id=176, gateway="gw1", limit=1)], "no hello: it only narrows the list"
    heading, row, rest = capsys.readouterr().out.splitlines()
    assert " ".join(heading.split()) == "call_id leg direction state account_id client_id gateway age lease left"
    assert row.split() == ["c1", '""', "orig", "active", "176", "12", "gw1", "1:02:03", "0:00:09"]
    assert rest == "and 4 more"


@pytest.mark.parametrize(
    ("ready", "draining", "code", "said"),
    [(True, False, 0, "ready"), (False, False, 4, "not ready"), (True, True, 4, "draining")],
)
def test_status_tells_readiness(
    daemon: SmallDaemon, capsys: pytest.CaptureFixture[str], ready: bool, draining: bool, code: int, said: str
) -> None:
    daemon.answer_to = lambda _: StatusAnswer(
        id=1,
        op="status",
        ready=ready,
        generation=9,
        accounts=100_000,
        calls=3,
        database="away",
        data_age_seconds=2.25,
        quarantined=0,
        draining=draining,
        server="identd 0.1.0",
    )
    assert main(["status"]) == code
    assert daemon.heard == [Status(id=1)]
    assert capsys.readouterr().out.splitlines()[0] == said


def test_tcp_says_hello_with_the_secret_of_file_or_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from file\n")
    monkeypatch.setenv("IDENTD_GATEWAY_SECRET", "from environment")
    with small_daemon(("127.0.0.1", 0)) as daemon:
        where = ["--tcp", f"127.0.0.1:{daemon.listener.getsockname()[1]}", "--gateway", "gw1"]
        main(["identify", "--ip", "192.0.2.1", "--dnis", "1", *where])
        main(["identify", "--ip", "192.0.2.1", "--dnis", "1", "--secret-file", str(secret), *where])
        hellos = [request for request in daemon.heard if isinstance(request, Hello)]
    assert [(hello.gateway, hello.secret) for hello in hellos] == [("gw1", "from environment"), ("gw1", "from file")]


@pytest.mark.parametrize("op", ["start", "release"])
def test_call_of_a_gateway_is_started_and_released_by_saying_hello_as_that_gateway(
    daemon: SmallDaemon, capsys: pytest.CaptureFixture[str], op: str
) -> None:
    def owned_by_gw1(request: AnyRequest) -> AnyAnswer:
        if isinstance(request, Hello):
            return answer_to(request)
        if any(isinstance(heard, Hello) and heard.gateway == "gw1" for heard in daemon.heard):
            return CallAnswer(id=1, op=op, result="released" if op == "release" else "started")
        message = "this call is another gateway's: say hello as that one"
        return ErrorAnswer(id=1, op="error", code="not_owner", field="call_id", message=message)

    daemon.answer_to = owned_by_gw1
    assert identd(f"{op} --call-id c1") == 2
    error, what_to_do = capsys.readouterr().err.splitlines()
    assert error.startswith("error not_owner (call_id): ")
    assert "--gateway" in what_to_do
    assert "identd calls" in what_to_do
    assert identd(f"{op} --call-id c1 --gateway gw1") == 0


def test_refused_hello_exits_2(daemon: SmallDaemon, capsys: pytest.CaptureFixture[str]) -> None:
    assert identd("status --gateway stranger") == 2
    assert capsys.readouterr().err == "error forbidden (gateway): unknown gateway\n"


def test_password_comes_from_a_file_and_its_line_end_does_not(daemon: SmallDaemon, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3 cret\nsecond line\n")
    identd("identify --name rose --dnis 1 --password-file password")
    assert daemon.heard == [Identify(id=1, name="rose", dnis="1", password="s3 cret")]


def test_unreadable_password_file_exits_2(daemon: SmallDaemon, capsys: pytest.CaptureFixture[str]) -> None:
    assert identd("identify --name rose --dnis 1 --password-file none") == 2
    assert capsys.readouterr().err == "identd: none: No such file or directory\n"


def test_escape_sequence_in_an_answer_does_not_reach_the_terminal(
    daemon: SmallDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon.answer_to = lambda _: DecisionAnswer(
        id=1, op="identify", decision="grant", dnis="1\x1b[2J\n", generation=9
    )
    identd("identify --ip 192.0.2.1 --dnis 1")
    assert "  dnis        1\\x1b[2J\\n" in capsys.readouterr().out.splitlines()


def test_reader_that_leaves_early_is_no_error(daemon: SmallDaemon) -> None:
    program = "import sys; from identd.cli.main import main; sys.exit(main(['identify', '--ip', '1', '--dnis', '1']))"
    reading, writing = os.pipe()
    os.close(reading)
    root = Path(__file__).parents[3]
    ended = subprocess.run(
        [sys.executable, "-c", program],
        stdout=writing,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=False,
        timeout=30,
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("identify --ip 192.0.2.1 --dnis 44\udce9", "dnis"),
        ("release --call-id \udce9", "call_id"),
        ("status --gateway \udce9", "gateway"),
        ("seal-password --account-id 7 --name rose --realm \udce9", "realms"),
        ("init-db --dsn postgresql://u:hunter2\udce9@/d", "dsn"),
    ],
)
def test_bytes_that_are_no_text_are_wrong_usage_and_not_a_refusal(
    words: str, name: str, daemon: SmallDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    assert identd(words) == 2
    assert capsys.readouterr().err == f"identd: {name}: is not UTF-8 text\n"
    assert daemon.heard == []


def test_a_path_of_any_bytes_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with small_daemon(Path("\udce9.sock")) as daemon:
        daemon.answer_to = saying(GRANT)
        assert identd("identify --socket \udce9.sock --ip 192.0.2.1 --dnis 1") == 0


def test_a_fault_of_ours_is_no_refusal_and_quotes_nothing(
    daemon: SmallDaemon, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(arguments: Namespace) -> int:
        raise RuntimeError("hunter2")

    for command in ("check-config", "serve"):
        monkeypatch.setitem(OFFLINE, command, OFFLINE[command]._replace(execute=breaks))
    assert identd("check-config") == 2
    told = capsys.readouterr().err
    assert told.startswith("identd: a fault of ours, please report it: RuntimeError at test_main.py:")
    assert "hunter2" not in told
    with pytest.raises(RuntimeError):
        identd("serve")


def test_a_name_that_the_terminal_cannot_show_is_escaped(daemon: SmallDaemon) -> None:
    daemon.answer_to = saying(msgspec.structs.replace(GRANT, client="Ros\u00e9"))
    program = "import sys; from identd.cli.main import run; sys.argv[1:] = 'identify --ip 1 --dnis 1'.split(); run()"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "PYTHONIOENCODING": "ascii"},
        check=False,
        timeout=30,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"Ros\\xe9" in ended.stdout


def test_asking_loads_neither_trio_nor_a_database_driver() -> None:
    program = (
        "import identd.cli.main, sys; print({'trio', 'asyncio', 'asyncpg', 'prometheus_client'} & set(sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        cwd=Path(__file__).parents[3],
    )
    assert ran.stdout == "set()\n"
