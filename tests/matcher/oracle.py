"""Whose call is it, by reading docs/matching.md §2 and §3 aloud over a plain list of accounts.

Slow and obvious on purpose, and shares no code with the index: only the values. `ipaddress` does the networks.
"""

import ipaddress
from typing import NamedTuple

from matcher.account import Account, Gateway
from matcher.attempt import CallAttempt, ClearPassword


class Answer(NamedTuple):
    """`outcome`: match, ambiguous, unknown_source or bad_password; the others where there is a winner."""

    outcome: str
    account_id: int | None = None
    ident_by: str | None = None
    specific: int = 0
    tied: bool = False


def proves(account: Account | None, attempt: CallAttempt) -> bool:
    """A password is proven by saying it: the credentials room has its own tests."""
    said = attempt.credentials
    return account is not None and isinstance(said, ClearPassword) and said.password.encode() == account.password


def how_specific(account: Account, attempt: CallAttempt) -> int | None:
    """None if the account is not known by what the call shows; else larger is more specific."""
    if account.ident_by == "ip":
        if attempt.address is None:
            return None
        far_end = ipaddress.ip_address(attempt.address)
        lengths = [
            network.length
            for network in account.networks
            if len(network.address) == len(attempt.address)
            and far_end in ipaddress.ip_network((network.address, network.length))
        ]
        return max(lengths) if lengths else None
    if account.ident_by == "name":
        return 0 if attempt.name is not None and attempt.name == account.ident_name else None
    shown = (attempt.ani or "") if attempt.direction == "orig" else attempt.dnis
    shown = shown.removeprefix("+")
    if shown == "" or shown.lower() in ("anonymous", "unknown", "restricted", "private", "unavailable"):
        return None
    ours = (account.ani or "").removeprefix("+")
    if ours.endswith("*"):
        return len(ours) - 1 if shown.startswith(ours[:-1]) else None
    return 10_000 if shown == ours else None


def other_conditions(account: Account, attempt: CallAttempt, gateway: Gateway | None) -> bool:
    if not attempt.dnis.startswith(account.tech_prefix):
        return False
    if account.gateway_ids and (gateway is None or gateway.id not in account.gateway_ids):
        return False
    if account.protocol is not None and account.protocol.lower() != (attempt.protocol or "").lower():
        return False
    if account.port is not None:
        return attempt.port != 0 and attempt.port == account.port
    return True


def name_counts(account: Account, attempt: CallAttempt, gateway: Gateway | None) -> bool:
    if account.password is not None:
        return attempt.credentials is not None and proves(account, attempt)
    return attempt.name_verified or (gateway is not None and gateway.trusts_name)


def order_without_id(account: Account, specific: int) -> tuple[int, ...]:
    return (
        -specific,
        -len(account.tech_prefix),
        0 if account.port is not None else 1,
        0 if account.protocol is not None else 1,
        0 if account.gateway_ids else 1,
    )


def answer(accounts: list[Account], attempt: CallAttempt, gateway: Gateway | None) -> Answer:
    """What the index must say."""
    in_direction = [a for a in accounts if (a.orig if attempt.direction == "orig" else a.term) is not None]
    order = ("name", "ip", "ani") if gateway is None else gateway.ident_order
    bad_password = False
    for ident_type in order:
        eligible = []
        for account in in_direction:
            if account.ident_by != ident_type:
                continue
            specific = how_specific(account, attempt)
            if specific is None or not other_conditions(account, attempt, gateway):
                continue
            if ident_type == "name" and not name_counts(account, attempt, gateway):
                bad_password = bad_password or attempt.credentials is not None
                continue
            eligible.append((order_without_id(account, specific), account.id, account, specific))
        if eligible:
            eligible.sort(key=lambda row: row[:2])
            first, _, winner, specific = eligible[0]
            tied = any(row[0] == first and row[2].client_id != winner.client_id for row in eligible)
            refused = tied and gateway is not None and gateway.refuses_ambiguous
            return Answer("ambiguous" if refused else "match", winner.id, ident_type, specific, tied)
    return Answer("bad_password" if bad_password else "unknown_source")


def looked_at(accounts: list[Account], attempt: CallAttempt) -> set[int]:
    """The accounts that `explain` speaks of: on in the direction, and known by what the call shows."""
    return {
        account.id
        for account in accounts
        if (account.orig if attempt.direction == "orig" else account.term) is not None
        and how_specific(account, attempt) is not None
    }
