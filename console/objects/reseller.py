"""A reseller as operators edit it: the columns of identd.resellers under their own names. Values only."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from console.objects import field as f

FIELDS: tuple[f.Field, ...] = (
    f.Field(name="name", label="Name", kind=f.TEXT, required=True),
    f.Field(
        name="status",
        label="Status",
        kind=f.choice("active", "blocked"),
        choices=(("active", "Active"), ("blocked", "Blocked")),
        help="While it is blocked, every call of its clients is refused.",
    ),
    f.Field(
        name="orig_capacity",
        label="Orig Capacity",
        kind=f.CAPACITY,
        empty="no limit",
        help="Calls up at once from all its clients together; 0 lets no call in.",
    ),
    f.Field(
        name="term_capacity",
        label="Term Capacity",
        kind=f.CAPACITY,
        empty="no limit",
        help="Calls up at once to all its clients together; 0 lets no call in.",
    ),
)


class ResellerDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What can be written. Capacities in calls, None is no limit."""

    name: str
    status: Literal["active", "blocked"] = "active"
    orig_capacity: int | None = None
    term_capacity: int | None = None


class Reseller(ResellerDraft, frozen=True, kw_only=True):
    """One that is there, with how many clients it has. `etag` is the same exactly when all that can be edited is."""

    id: int
    clients: int = 0
    etag: str = ""


def read_text(entered: Mapping[str, str]) -> ResellerDraft:
    """From a form. Raises FieldErrors."""
    return ResellerDraft(**f.read_text(FIELDS, entered))


def read_values(entered: Mapping[str, Any]) -> ResellerDraft:
    """From JSON. Raises FieldErrors."""
    return ResellerDraft(**f.read_values(FIELDS, entered))


def to_text(draft: ResellerDraft) -> dict[str, str]:
    """What a form shows."""
    return f.to_text(FIELDS, draft)


def to_values(draft: ResellerDraft) -> dict[str, Any]:
    """What the API shows."""
    return f.to_values(FIELDS, draft)
