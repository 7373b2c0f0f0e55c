"""The growing delay on wrong logins, kept in the database: by address, by name at an address, and by name alone.

An attempt is counted before its password is looked at, in one statement a subject: a hundred at once get no more
tries than one after the other, also across several consoles and restarts. Whoever is told to wait is answered at
once; nothing sleeps. Names are known, and strangers who try one could keep its owner waiting: of the name alone far
more is let pass, and where its owner has logged in before it does not count, nor on one's own page, where somebody
logged in is asked for the password again.
"""

import hashlib
from collections.abc import Sequence
from typing import Literal

from console.database import Database, Transaction
from console.people.origin_address import site_of

Kind = Literal["address", "pair", "name", "own"]
"""`pair`: a name at an address. `own`: of somebody logged in."""
Subject = tuple[Kind, bytes]

FREE: dict[Kind, int] = {"address": 10, "pair": 3, "name": 100, "own": 3}
"""Wrong tries without a delay. More for an address: an office behind one is many people. For a name alone as many as
thirty addresses have; then they share one try a minute."""
DELAY_SECONDS_MAX = 60.0
FORGOTTEN_SECONDS = 3600.0
"""After so long without a wrong login everything is forgotten."""
SITES_MAX = 20
"""Addresses that are remembered for a person, those of the latest logins."""

_FORGET = """
DELETE FROM console_delays WHERE (kind, subject) IN (
    -- what somebody holds is no longer old, and waiting for each other would be a deadlock
    SELECT kind, subject FROM console_delays WHERE last_at < to_timestamp($1) LIMIT 100 FOR UPDATE SKIP LOCKED)
"""

_IS_AT_HOME = """
SELECT EXISTS (SELECT FROM console_sites AS s JOIN console_users AS u ON u.id = s.user_id
    WHERE lower(u.name COLLATE "C") = lower($1::text COLLATE "C") AND s.subject = $2)
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
    of_address, of_pair, of_name = _subjects(name, address)
    is_at_home = await database.value(_IS_AT_HOME, name.replace("\0", ""), of_address[1])
    return await _take_all(database, (of_address, of_pair) if is_at_home else (of_address, of_pair, of_name), now)


async def take_own_attempt(database: Database, name: str, now: float) -> float:
    """The same for somebody logged in who is asked for the password again: nobody else's tries count."""
    return await _take_all(database, (_own(name),), now)


async def forgive_attempt(database: Database, name: str, address: str) -> None:
    """It was right: the name starts afresh at this address; of address and name alone this attempt is taken back."""
    of_address, of_pair, of_name = _subjects(name, address)
    await database.execute("DELETE FROM console_delays WHERE kind = $1 AND subject = $2", *of_pair)
    for subject in (of_address, of_name):
        await database.execute(
            "UPDATE console_delays SET wrongs = greatest(wrongs - 1, 0) WHERE kind = $1 AND subject = $2", *subject
        )


async def forgive_own_attempt(database: Database, name: str) -> None:
    """It was right: what was wrong before is forgotten."""
    await database.execute("DELETE FROM console_delays WHERE kind = $1 AND subject = $2", *_own(name))


async def remember_site(transaction: Transaction, person_id: int, address: str, now: float) -> None:
    """This person has logged in from this address: tries elsewhere do not delay them here any more."""
    await transaction.execute(
        "INSERT INTO console_sites (user_id, subject, last_at) VALUES ($1, $2, to_timestamp($3)) "
        "ON CONFLICT (user_id, subject) DO UPDATE SET last_at = excluded.last_at",
        person_id,
        _digest(site_of(address)),
        now,
    )
    await transaction.execute(
        "DELETE FROM console_sites WHERE user_id = $1 AND subject NOT IN "
        "(SELECT subject FROM console_sites WHERE user_id = $1 ORDER BY last_at DESC, subject LIMIT $2)",
        person_id,
        SITES_MAX,
    )


async def _take_all(database: Database, subjects: Sequence[Subject], now: float) -> float:
    """All of them or none, always in the same order of kinds: two attempts never wait for each other."""
    try:
        async with database.transaction("login") as transaction:
            for kind, subject in subjects:
                await _take(transaction, kind, subject, now)
            await transaction.execute(_FORGET, now - FORGOTTEN_SECONDS)
    except _DelayedError as delayed:
        return delayed.seconds
    return 0.0


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


def _subjects(name: str, address: str) -> tuple[Subject, Subject, Subject]:
    site = site_of(address)
    return (
        ("address", _digest(site)),
        ("pair", _digest(f"{name.lower()}\n{site}")),
        ("name", _digest(name.lower())),
    )


def _own(name: str) -> Subject:
    return "own", _digest(name.lower())


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
