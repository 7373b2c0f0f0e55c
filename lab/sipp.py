"""SIPp on both sides of the switch: the far side, which takes every call, and callers, one process a play.

SIPp reads its instructions from scenarios/*.xml and has no way to be told anything during a call; the scenarios that
wait do so for an INFO with the call's Call-ID, which `Caller.go_on` sends straight to SIPp's own port.
"""

import contextlib
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from lab import sipp_logs
from lab.places import HOST, Places, SippPorts
from lab.processes import ended, failure, running
from lab.waiting import until

SIPP = "sipp"
SCENARIOS = Path(__file__).with_name("scenarios")
START_SECONDS_MAX = 10.0
PLAY_SECONDS_MAX = 40
"""A play that takes longer hangs; SIPp ends it and its calls have failed."""

ANI = "442030000001"

GO_ON = (
    "INFO sip:caller@{address}:{port} SIP/2.0\r\n"
    "Via: SIP/2.0/UDP {host};branch=z9hG4bK-go-on\r\n"
    "From: <sip:lab@{host}>;tag=lab\r\n"
    "To: <sip:caller@{address}>\r\n"
    "Call-ID: {call_id}\r\n"
    "CSeq: 1 INFO\r\n"
    "Content-Length: 0\r\n\r\n"
)


class Play(msgspec.Struct, frozen=True):
    """What one SIPp is to do. `name` and `password`: for the digest; the realm is then the host of From."""

    scenario: str
    address: str
    dnis: str
    calls: int = 1
    rate: int = 10
    milliseconds: int = 0
    name: str = ""
    password: str = ""
    realm: str = ""
    call_id: str = ""
    """Where it is not to be one of its own."""


class Played(msgspec.Struct, frozen=True):
    """What came of it: last words by call id, INVITE-to-final-answer times, and whether SIPp was content."""

    finals: dict[str, str]
    milliseconds: tuple[float, ...]
    complete: bool


def _command(scenario: str, ports: SippPorts, address: str) -> list[str | Path]:
    own: list[str | Path] = [SIPP, "-sf", SCENARIOS / f"{scenario}.xml", "-nostdin"]
    own += ["-i", address, "-p", str(ports.sip), "-ci", HOST, "-cp", str(ports.control)]
    own += ["-mi", address, "-mp", str(ports.media), "-trace_logs", "-log_file", "log", "-trace_err"]
    return [*own, "-error_file", "errors"]


class _Sipp:
    """A running SIPp and the files that it writes, in a folder of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path) -> None:
        self._process = process
        self._folder = folder

    def _read(self, name: str) -> str:
        with contextlib.suppress(FileNotFoundError):
            return (self._folder / name).read_text(errors="replace")
        return ""

    @property
    def errors(self) -> str:
        """What SIPp found wrong: messages that its scenario does not expect, and time that ran out."""
        return self._read("errors")


class FarSide(_Sipp):
    """Takes every call that the switch lets through."""

    def reached(self) -> dict[str, sipp_logs.Reached]:
        """The INVITEs that have come, by call id."""
        return sipp_logs.reached(self._read("log"))

    def again(self) -> dict[str, str]:
        """The accounts that re-INVITEs bore, by call id."""
        return sipp_logs.again(self._read("log"))

    def ended(self) -> frozenset[str]:
        """The call ids of which a BYE has come."""
        return sipp_logs.ended(self._read("log"))


class Caller(_Sipp):
    """A SIPp that calls."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path, play: Play, ports: SippPorts) -> None:
        super().__init__(process, folder)
        self._play = play
        self._ports = ports

    @property
    def call_ids(self) -> Sequence[str]:
        """Of its calls, in the order in which they begin."""
        if self._play.call_id:
            return [self._play.call_id]
        return [f"{self._folder.name}-{number}" for number in range(1, self._play.calls + 1)]

    @property
    def call_id(self) -> str:
        """Of its first call, which mostly is its only one."""
        return self.call_ids[0]

    def finals(self) -> dict[str, str]:
        """The last words so far, by call id."""
        return sipp_logs.finals(self._read("log"))

    def go_on(self) -> None:
        """Tells a call that waits to do what comes next in its scenario: hang up, or give up."""
        text = GO_ON.format(address=self._play.address, port=self._ports.sip, host=HOST, call_id=self.call_id)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
            ours.sendto(text.encode(), (self._play.address, self._ports.sip))

    def wait(self) -> Played:
        """What came of it, when all its calls are over."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(PLAY_SECONDS_MAX + 5)
        complete = ended(self._process, signal.SIGKILL) == 0
        times = [
            ms for file in self._folder.glob("*_rtt.csv") for ms in sipp_logs.response_milliseconds(file.read_text())
        ]
        return Played(self.finals(), tuple(times), complete)


@contextlib.contextmanager
def far_side(places: Places, folder: Path) -> Iterator[FarSide]:
    """The far side, listening. Raises LabFailedError."""
    folder.mkdir()
    ports = places.far_side
    command = _command("uas", ports, HOST)
    with running(command, folder / "output", folder, signal.SIGKILL) as process:  # SIPp does not end at SIGTERM
        if until(lambda: process.poll() is not None or bound(HOST, ports.sip), START_SECONDS_MAX) is None:
            raise failure("SIPp, the far side,", process, folder / "output")
        if process.poll() is not None:
            raise failure("SIPp, the far side,", process, folder / "output")
        yield FarSide(process, folder)


@contextlib.contextmanager
def calling(play: Play, places: Places, ports: SippPorts, folder: Path) -> Iterator[Caller]:
    """A SIPp that calls now; its folder's name begins its call ids. Killed at the end if it has not ended."""
    folder.mkdir(parents=True)
    command = [*_command(play.scenario, ports, play.address), f"{HOST}:{places.switch}"]
    command += ["-s", play.dnis, "-m", str(play.calls), "-r", str(play.rate), "-d", str(play.milliseconds)]
    command += ["-l", str(2 * play.calls)]  # by default SIPp holds calls back that take longer than it thinks
    command += ["-cid_str", play.call_id or f"{folder.name}-%u", "-trace_rtt", "-rtt_freq", "1"]
    command += ["-timeout", f"{PLAY_SECONDS_MAX}s", "-timeout_error"]
    command += ["-key", "caller", play.name or ANI, "-key", "caller_host", play.realm or play.address]
    if play.name:
        command += ["-au", play.name, "-ap", play.password]
    with running(command, folder / "output", folder, signal.SIGKILL) as process:
        yield Caller(process, folder, play, ports)


def bound(address: str, port: int) -> bool:
    """Whether somebody has this UDP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return True
    return False
