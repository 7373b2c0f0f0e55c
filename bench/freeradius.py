"""FreeRADIUS 3 with a users file of the population, on a core of its own: what identd's RADIUS door is compared with.

As fast as we can have it: one virtual server, one module (`files`, keyed by User-Name), no accounting, no log of
answers, no delay of rejects; the thread pool as Debian ships it, or one thread. Debian's binary, a configuration of
our own in a scratch folder; nothing under /etc is read.
"""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

READY_SECONDS_MAX = 60.0
LOG_TAIL_BYTES = 2000

CONFIGURATION = """
prefix = /usr
libdir = /usr/lib/freeradius
name = freeradius
raddbdir = {folder}
confdir = {folder}
logdir = {folder}
run_dir = {folder}
db_dir = {folder}
pidfile = {folder}/freeradius.pid
max_request_time = 30
cleanup_delay = 5
max_requests = 65536
hostname_lookups = no
proxy_requests = no
log {{
    destination = files
    file = {folder}/radius.log
    auth = no
}}
security {{
    max_attributes = 200
    reject_delay = 0
    status_server = no
}}
client loopback {{
    ipaddr = 127.0.0.0/8
    secret = {secret}
    require_message_authenticator = yes
}}
thread pool {{
    start_servers = 5
    max_servers = 32
    min_spare_servers = 3
    max_spare_servers = 10
    max_requests_per_server = 0
}}
modules {{
    files {{
        key = "%{{User-Name}}"
        filename = {folder}/users
    }}
}}
server bench {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {port}
    }}
    authorize {{
        files
    }}
}}
"""


def program() -> str | None:
    """Where FreeRADIUS is; Debian puts it where a plain user's PATH does not look."""
    return shutil.which("freeradius") or shutil.which("freeradius", path="/usr/sbin")


def users_file(entries: Iterable[tuple[str, Sequence[tuple[str, str]]]]) -> str:
    """The users file: per name, (attribute, value) of the reply. Who is not in it is rejected."""
    lines = []
    for name, reply in entries:
        lines.append(f"{name} Auth-Type := Accept")
        lines.append(",\n".join(f'\t{attribute} += "{value}"' for attribute, value in reply))
    return "\n".join(lines) + "\n"


class FreeRadius:
    """A FreeRADIUS that answers on `port` of loopback, pinned to `core`; `threads` as Debian has them, or none."""

    def __init__(self, folder: Path, port: int, core: int, secret: bytes, users: str, *, threads: bool) -> None:
        binary = program()
        if binary is None:
            raise SystemExit("FreeRADIUS 3 is needed: apt-get install freeradius")
        self.folder, self.address = folder, f"127.0.0.1:{port}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "users").write_text(users)
        (folder / "radiusd.conf").write_text(CONFIGURATION.format(folder=folder, port=port, secret=secret.decode()))
        (folder / "dictionary").write_text("")
        began = time.monotonic()
        self._process = subprocess.Popen(
            ["taskset", "-c", str(core), binary, "-f", "-d", folder, "-n", "radiusd", *(() if threads else ("-s",))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while not _is_bound(port):
                if self._process.poll() is not None:
                    raise SystemExit(f"FreeRADIUS ended with {self._process.returncode}: {self._last_words()}")
                if time.monotonic() - began > READY_SECONDS_MAX:
                    raise SystemExit(f"FreeRADIUS was not ready within {READY_SECONDS_MAX:.0f} s")
                time.sleep(0.05)
            self.ready_seconds = time.monotonic() - began
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def stop(self) -> None:
        """End it; one that died before ends the bench with its last words."""
        died = self._process.poll()
        self._process.kill()  # nothing of it is kept, and freeing 100,000 entries takes it a while
        self._process.wait()
        if died is not None:
            raise SystemExit(f"FreeRADIUS died in the middle of the bench (exit {died}): {self._last_words()}")

    def _last_words(self) -> str:
        log = self.folder / "radius.log"
        return log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip() if log.exists() else "no log"


def _is_bound(port: int) -> bool:
    """Whether somebody has the UDP port; asking by a packet would have to be answered before all is loaded."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
