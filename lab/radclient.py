"""FreeRADIUS's own client as a second RADIUS switch: what it accepts as an answer, others do.

It checks the Response Authenticator and the Message-Authenticator of every answer and takes no other.
"""

import re
import subprocess
from collections.abc import Mapping
from typing import Literal

from lab.places import HOST

RADCLIENT = "/usr/bin/radclient"
SECONDS_MAX = 10.0
ANSWER_SECONDS = "0.5"
NOTHING = "silence"

Command = Literal["auth", "acct", "status"]
RECEIVED = re.compile(r"^Received (\S+) Id ", re.MULTILINE)


def asked(command: Command, port: int, secret: str, source: str, attributes: Mapping[str, str]) -> str:
    """Sends one packet from this address; the name of the answer that was believed, or `silence`."""
    lines = {"Packet-Src-IP-Address": source, **attributes, "Message-Authenticator": "0x00"}
    done = subprocess.run(  # noqa: S603
        [RADCLIENT, "-x", "-t", ANSWER_SECONDS, "-r", "1", f"{HOST}:{port}", command, secret],
        input="".join(f"{name} = {value}\n" for name, value in lines.items()),
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    return answer_in(done.stdout)


def answer_in(output: str) -> str:
    """The name of the answer in what `radclient -x` prints."""
    found = RECEIVED.search(output)
    return NOTHING if found is None else found[1]
