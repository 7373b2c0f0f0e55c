"""The growing delay on wrong logins, by name and by address, kept in the database.

An attempt is counted before its password is looked at, in one statement a subject: a hundred at once get no more
tries than one after the other, also across several consoles and restarts. Whoever is told to wait is answered at
once; nothing sleeps. The delay is capped, so nobody can shut out somebody else for longer than a minute at a time.
"""

import hashlib
import ipaddress
from typing import Literal

from console.database import Database, Transaction

Kind = Literal["name", "address"]

FREE: dict[Kind, int] = {"name": 3, "address": 10}
"""Wrong logins without a delay. More for an address: an office behind one is many people."""
DELAY_SECONDS_MAX = 60.0
FORGOTTEN_SECONDS = 3600.0
"""After so long without a wrong login everything is forgotten."""

_FORGET = """
DELETE FROM console_delays WHERE (kind, subject) IN (
    -- what somebody holds is no longer old, and waiting for each other would be a deadlock
    SELECT kind, subject FROM console_delays WHERE last_at < to_timestamp($1) LIMIT 100 FOR UPDATE SKIP LOCKED)
"""


class _DelayedError(Exception):
    """Ends the transaction, so that a refused attempt counts nowhere."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


def delay_seconds(kind: Kind, wrongs: int) -> float:
    """How long after the last of so many wrong logins the next may be tried: 0, …, 0, 1, 2, 4 up to 60 seconds."""
    doublings = wrongs - FREE[kind]
    return 0.0 if doublings < 0 else min(DELAY_SECONDS_MAX, 2.0 ** min(doublings, 10))


async def take_attempt(database: Database, name: str, address: str, now: float) -> float:
    """Count one attempt as wrong beforehand: 0.0. Or the seconds to wait before there may be one; it counts not."""
    try:
        async with database.transaction("login") as transaction:
            for kind, subject in _subjects(name, address):
                await _take(transaction, kind, subject, now)
            await transaction.execute(_FORGET, now - FORGOTTEN_SECONDS)
    except _DelayedError as delayed:
        return delayed.seconds
    return 0.0


async def forgive_attempt(database: Database, name: str, address: str) -> None:
    """The attempt was right: the name starts afresh; of the address only this one attempt is taken back."""
    (_, of_name), (_, of_address) = _subjects(name, address)
    await database.execute("DELETE FROM console_delays WHERE kind = 'name' AND subject = $1", of_name)
    await database.execute(
        "UPDATE console_delays SET wrongs = greatest(wrongs - 1, 0) WHERE kind = 'address' AND subject = $1",
        of_address,
    )


async def _take(transaction: Transaction, kind: Kind, subject: bytes, now: float) -> None:
    row = await transaction.row(
        "INSERT INTO console_delays (kind, subject, wrongs, last_at) VALUES ($1, $2, 0, to_timestamp($3)) "
        "ON CONFLICT (kind, subject) DO UPDATE SET wrongs = console_delays.wrongs "  # changes nothing, but locks
        "RETURNING wrongs, extract(epoch FROM last_at)::float8 AS last_at",
        kind,
        subject,
        now,
    )
    assert row is not None, "it was inserted or was there"
    wrongs = 0 if now - row["last_at"] > FORGOTTEN_SECONDS else row["wrongs"]
    # a clock that was set back must not make anybody wait longer than the delay
    left = min(delay_seconds(kind, wrongs), row["last_at"] + delay_seconds(kind, wrongs) - now)
    if left > 0:
        raise _DelayedError(left)
    await transaction.execute(
        "UPDATE console_delays SET wrongs = $3, last_at = to_timestamp($4) WHERE kind = $1 AND subject = $2",
        kind,
        subject,
        wrongs + 1,
        now,
    )


def _subjects(name: str, address: str) -> tuple[tuple[Kind, bytes], tuple[Kind, bytes]]:
    return ("name", _digest(name.lower())), ("address", _digest(_site(address)))


def _site(address: str) -> str:
    """The address, or the /64 of an IPv6 one: whoever has one of those has all of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
