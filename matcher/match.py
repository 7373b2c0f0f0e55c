"""What comes out of asking whose call it is: three values, made on the path of every call and so kept small."""

from typing import Literal

import msgspec

from matcher.account import Account, IdentType, Network
from matcher.address import address_text, masked_address, network_text

NoMatchReason = Literal["unknown_source", "bad_password"]


class Match(msgspec.Struct, frozen=True, gc=False):
    """The call is this account's.

    `specificity` is the length of the matched network in bits (ip), `precedence.ANI_EXACT` or the length of the
    prefix (ani), 0 (name). `address` is the far end where `ident_by` is `ip`. `ambiguous`: only its lower id put
    it before an eligible account of another client.
    """

    account: Account
    ident_by: IdentType
    specificity: int = 0
    address: bytes | None = None
    ambiguous: bool = False

    @property
    def tech_prefix(self) -> str:
        """The tech prefix that matched; "" where the account sets none."""
        return self.account.tech_prefix

    @property
    def network(self) -> Network | None:
        """The network that matched, where the account is known by address."""
        if self.address is None:
            return None
        return Network(masked_address(self.address, self.specificity), self.specificity)

    @property
    def matched_text(self) -> str:
        """The value that matched as an operator wrote it: the network, the name, or the ANI with its `*`."""
        if self.address is not None:
            if self.specificity == len(self.address) * 8:  # most accounts are known by one address
                return address_text(self.address)
            return network_text(Network(masked_address(self.address, self.specificity), self.specificity))
        return (self.account.ident_name if self.ident_by == "name" else self.account.ani) or ""


class Ambiguous(msgspec.Struct, frozen=True, gc=False):
    """Accounts of different clients tie, and the gateway wants such a call refused. `match` is the lowest id."""

    match: Match

    @property
    def account(self) -> Account:
        """The account that would have won by its id."""
        return self.match.account


class NoMatch(msgspec.Struct, frozen=True, gc=False):
    """Nobody's call. `bad_password` only where a password was all that was missing."""

    reason: NoMatchReason


UNKNOWN_SOURCE = NoMatch("unknown_source")
BAD_PASSWORD = NoMatch("bad_password")


class Explained(msgspec.Struct, frozen=True, gc=False):
    """One account that was looked at, and what became of it (docs/protocol.md, `explain`).

    `on`: for `lost` the key of precedence that decided, for `failed` the condition that does not hold.
    """

    account: Account
    ident_by: IdentType
    matched: str
    verdict: Literal["won", "lost", "failed"]
    on: str | None = None
    expected: str | None = None
    seen: str | None = None
