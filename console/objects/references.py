"""What accounts refer to by name: typed texts and the ids that they mean. Values only.

`store/references.py` fills them. A text is a name, or `#12` for an id; a name wins where both would do. Names are
unique within a kind.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

Kind = Literal["client", "gateway", "rate_table", "routing_plan"]

KINDS: dict[Kind, tuple[str, str]] = {
    "client": ("client", "clients"),
    "gateway": ("gateway", "gateways"),
    "rate_table": ("rate table", "rate_tables"),
    "routing_plan": ("routing plan", "routing_plans"),
}
"""Kind -> how people say it, and its table."""


class Option(msgspec.Struct, frozen=True):
    """One that can be chosen. `detail`: what else tells it apart, such as `archived`; may be empty."""

    id: int
    name: str
    detail: str = ""

    @property
    def value(self) -> str:
        """What a form sends for it."""
        return f"#{self.id}"


class Options(msgspec.Struct, frozen=True):
    """All of a kind, in order of names; `more`: there are others, so let people type the name instead."""

    options: tuple[Option, ...] = ()
    more: bool = False


class References(msgspec.Struct, frozen=True):
    """The answers to all texts that were typed: `ids` by (kind, text); `nearest` names where there is none.

    `names` by (kind, id) of everything that was found.
    """

    ids: Mapping[tuple[Kind, str], int] = {}
    nearest: Mapping[tuple[Kind, str], tuple[str, ...]] = {}
    names: Mapping[tuple[Kind, int], str] = {}


NO_REFERENCES = References()


def missing(kind: Kind, text: str, nearest: tuple[str, ...]) -> str:
    """The sentence for a text that means none of this kind."""
    said = f"There is no {KINDS[kind][0]} {text[:80]!r}"
    if nearest:
        return f"{said}: did you mean {' or '.join(repr(name) for name in nearest)}?"
    return f"{said}: choose one that is there, by name or as #id, or create it first"
