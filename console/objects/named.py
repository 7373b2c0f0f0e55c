"""Rate tables and routing plans: to us each is an id and a name; what is in them is billing's. Values only."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from console.objects import field as f

NamedKind = Literal["rate_tables", "routing_plans"]

WORDS: dict[NamedKind, str] = {"rate_tables": "rate table", "routing_plans": "routing plan"}
"""Kind (the table) -> what people call one."""

FIELDS: tuple[f.Field, ...] = (
    f.Field(name="name", label="Name", kind=f.TEXT, required=True, help="As billing calls it."),
)


class NamedDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What can be written of a rate table or a routing plan."""

    name: str


class Named(NamedDraft, frozen=True, kw_only=True):
    """One that is there. `etag` is the same exactly when everything that can be edited is the same."""

    id: int
    etag: str = ""


def read_text(entered: Mapping[str, str]) -> NamedDraft:
    """From a form. Raises FieldErrors."""
    return NamedDraft(**f.read_text(FIELDS, entered))


def read_values(entered: Mapping[str, Any]) -> NamedDraft:
    """From JSON. Raises FieldErrors."""
    return NamedDraft(**f.read_values(FIELDS, entered))


def to_text(draft: NamedDraft) -> dict[str, str]:
    """What a form shows."""
    return f.to_text(FIELDS, draft)


def to_values(draft: NamedDraft) -> dict[str, Any]:
    """What the API shows."""
    return f.to_values(FIELDS, draft)
