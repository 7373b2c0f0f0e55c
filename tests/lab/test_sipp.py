"""Beside SIPp itself, which `bin/lab` runs: where it is told to go on, and whether a port is taken."""

import socket
import sys

import pytest

from lab.places import Places, SippPorts
from lab.processes import running
from lab.sipp import Caller, Play, bound


@pytest.fixture
def somebody():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.bind(("127.0.0.1", 0))
        ours.settimeout(5)
        yield ours


def test_a_port_that_somebody_has_is_taken(somebody):
    port = somebody.getsockname()[1]
    assert bound("127.0.0.1", port)
    somebody.close()
    assert not bound("127.0.0.1", port)


def test_a_call_that_waits_is_told_by_an_info_with_its_call_id(somebody, tmp_path):
    folder = tmp_path / "call7"
    folder.mkdir()
    ports = SippPorts(somebody.getsockname()[1], 0, 0)
    with running([sys.executable, "-c", ""], folder / "output", folder) as process:
        Caller(process, folder, Play("uac_hold", "127.0.0.1", "442071234567"), ports).go_on()
    said = somebody.recv(4096).decode()
    assert said.startswith(f"INFO sip:caller@127.0.0.1:{ports.sip} SIP/2.0\r\n")
    assert "\r\nCall-ID: call7-1\r\n" in said
    assert said.endswith("\r\n\r\n")


def test_what_came_of_calls_is_read_when_sipp_has_ended(tmp_path):
    folder = tmp_path / "call1"
    folder.mkdir()
    (folder / "log").write_text("final|call1-1|200\nfinal|call1-2|503\n")
    (folder / "uac_call_42_rtt.csv").write_text("Date_ms;response_time_ms;rtd_no\n5.1;8;final\n9.1;12;final\n")
    play = Play("uac_call", "127.0.0.1", "442071234567", calls=2)
    for status, complete in ((0, True), (1, False)):
        with running(["sh", "-c", f"exit {status}"], folder / "output", folder) as process:
            caller = Caller(process, folder, play, Places().caller(1))
            played = caller.wait()
        assert played.finals == {"call1-1": "200", "call1-2": "503"}
        assert played.milliseconds == (8.0, 12.0)
        assert played.complete is complete
    assert caller.call_ids == ["call1-1", "call1-2"]
    assert caller.errors == ""
