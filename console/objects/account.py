"""An account as operators edit it: the columns of identd.accounts under their own names. Values only.

`AccountDraft` is what may be written, valid by construction when it comes from `account_fields.py`; `Account` is what
is there, with the names of what it refers to. A password is in neither: it has a change of its own.
"""

from datetime import datetime
from typing import Literal

import msgspec

from matcher.account import IdentType

Status = Literal["active", "blocked"]


class AccountDraft(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of an account that can be written, but its password.

    `ip`: canonical networks as text (`10.0.0.0/24`, `192.0.2.1`), set exactly when `ident_by` is `ip`, and likewise
    `ident_name` and `ani`. `gateway_ids` in rising order; () is any gateway. Capacities in
    calls, cps in calls a second.
    """

    client_id: int
    name: str
    ident_by: IdentType
    ip: tuple[str, ...] = ()
    ident_name: str | None = None
    ani: str | None = None
    tech_prefix: str | None = None
    strip_tech_prefix: bool = True
    protocol: str | None = None
    port: int | None = None
    proxy: str | None = None
    notes: str = ""
    status: Status = "active"
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    gateway_ids: tuple[int, ...] = ()
    orig_enabled: bool = False
    orig_rate_table_id: int | None = None
    routing_plan_id: int | None = None
    orig_tags: tuple[str, ...] = ()
    orig_capacity: int | None = None
    orig_cps: float | None = None
    term_enabled: bool = False
    term_rate_table_id: int | None = None
    term_tags: tuple[str, ...] = ()
    term_capacity: int | None = None
    term_cps: float | None = None
    cps_burst: float | None = None


class Account(AccountDraft, frozen=True, kw_only=True):
    """An account that is there. `etag` is the same exactly when everything that can be edited is the same."""

    id: int
    client: str
    client_type: str
    client_status: Literal["active", "blocked", "archived"]
    gateways: tuple[str, ...] = ()
    orig_rate_table: str | None = None
    routing_plan: str | None = None
    term_rate_table: str | None = None
    has_password: bool = False
    etag: str = ""

    @property
    def is_off(self) -> bool:
        """Deactivated as operators do it: both directions are unchecked."""
        return not (self.orig_enabled or self.term_enabled)


class KeepPassword(msgspec.Struct, frozen=True):
    """The password stays what it is."""


class RemovePassword(msgspec.Struct, frozen=True):
    """From now on no password is asked for."""


class SetPassword(msgspec.Struct, frozen=True):
    """A new password. `sealed`: it can be shown again, and proves CHAP and any digest realm; needs the key.

    `realms`: kept as HA1 for these, which is enough for digest there and cannot be read back.
    """

    text: str
    sealed: bool = True
    realms: tuple[str, ...] = ()

    def __repr__(self) -> str:  # the password must not reach a log through a repr
        return f"SetPassword(text=***, sealed={self.sealed}, realms={self.realms!r})"


PasswordChange = KeepPassword | RemovePassword | SetPassword
