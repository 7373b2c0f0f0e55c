"""What can happen to accounts and to what they refer to, as values: the language between loader and matcher.

A change names the whole new row, never a difference, so applying it twice is applying it once.
"""

from typing import Literal

import msgspec

from matcher.account import Account, Client, Gateway, Reseller

Table = Literal["resellers", "clients", "gateways", "accounts"]


class AccountPut(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="a"):
    account: Account


class ClientPut(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="c"):
    client: Client


class ResellerPut(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="r"):
    reseller: Reseller


class GatewayPut(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="g"):
    gateway: Gateway


class RowRemoved(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="x"):
    """The row is gone from its table. Unknown ids are no error: a delete may be told twice."""

    table: Table
    id: int


class RowQuarantined(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="q"):
    """The row cannot be used: `column` says where and `reason` why, in words for an operator.

    Its last good version stays in force, except that what the row plainly says is obeyed: `blocked` blocks it,
    `orig_off`/`term_off` take an account out of that direction.
    """

    table: Table
    id: int
    column: str
    reason: str
    blocked: bool = False
    orig_off: bool = False
    term_off: bool = False


Change = AccountPut | ClientPut | ResellerPut | GatewayPut | RowRemoved | RowQuarantined


class ChangeSet(msgspec.Struct, frozen=True, array_like=True):
    """Changes that take effect together. `full`: this is all there is, so every row that it does not name is gone."""

    changes: tuple[Change, ...]
    full: bool = False
