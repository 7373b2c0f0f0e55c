"""Reads `vectors.txt`: blocks of a head in brackets, and lines of a name and a value."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from protocol.radius.secret import Secret


class Vector(NamedTuple):
    """One block: `packet` or the reason of a drop, its name, and its lines as (name, value)."""

    kind: str
    name: str
    lines: tuple[tuple[str, str], ...]

    def first(self, key: str) -> str | None:
        return next((value for name, value in self.lines if name == key), None)

    def wire(self, key: str) -> bytes:
        return bytes.fromhex(self.first(key) or "")

    @property
    def secret(self) -> Secret:
        return Secret((self.first("secret") or "").encode())


def _read(text: str) -> Iterator[Vector]:
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        if not lines:
            continue
        kind, _, name = lines[0].removeprefix("[").partition("] ")
        pairs: list[tuple[str, str]] = []
        for line in lines[1:]:
            if line.startswith(" "):
                pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]} {line.strip()}")
            else:
                key, _, value = line.partition(" ")
                pairs.append((key, value.strip()))
        yield Vector(kind, name, tuple(pairs))


VECTORS = tuple(_read(Path(__file__).with_name("vectors.txt").read_text(encoding="utf-8")))
PACKETS = tuple(vector for vector in VECTORS if vector.kind == "packet")
DROPPED = tuple(vector for vector in VECTORS if vector.kind != "packet")
