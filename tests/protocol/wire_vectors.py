"""Reads `vectors.txt`: blocks of a head in brackets and a line an encoding."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from protocol.framing import Encoding


class Vector(NamedTuple):
    """One block: what it is (`request`, `answer to OP`, or what is refused), its name, and the framed bytes."""

    kind: str
    name: str
    wire: dict[Encoding, bytes]


def _read(text: str) -> Iterator[Vector]:
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        if not lines:
            continue
        kind, _, name = lines[0].removeprefix("[").partition("] ")
        wire: dict[Encoding, bytes] = {}
        for line in lines[1:]:
            encoding, _, rest = line.partition(" ")
            if encoding == "json":
                wire["json"] = rest.strip(" ").encode() + b"\n" if rest.strip()[0] == "{" else rest.encode() + b"\n"
            else:
                wire["msgpack"] = bytes.fromhex(rest)
        yield Vector(kind, name, wire)


VECTORS = tuple(_read(Path(__file__).with_name("vectors.txt").read_text(encoding="utf-8")))
REQUESTS = tuple(vector for vector in VECTORS if vector.kind == "request")
ANSWERS = tuple(vector for vector in VECTORS if vector.kind.startswith("answer to "))
REFUSED = tuple(vector for vector in VECTORS if vector not in REQUESTS and vector not in ANSWERS)
