"""Idempotency keys: a POST that is sent again, because its answer was lost, is done once and answered twice.

The answer is kept in the transaction of the change, so there is never one without the other; what was refused is not
kept, and may be tried again. Of the request only a keyed hash is kept, the key being the caller's own API key, of
which the database has but a hash: no password that was in a body can be found out from a dump.
"""

import hmac
import json
import re
from typing import NamedTuple

from console.api.answers import Shown
from console.api.errors import ApiError
from console.database import Transaction
from console.errors import BusyError

KEPT_HOURS = 24
KEY_PATTERN = r"^[\x21-\x7e]{1,255}$"
WAIT_MS_MAX = 3_000
"""For the first of two that are the same: longer than any change takes but for a lock that somebody holds."""
PRUNED_MAX = 100
"""Old answers that one request removes: more than the one it adds, so they never pile up."""


class Kept(NamedTuple):
    """The answer that was given, and the transaction that it was about."""

    answer: Shown
    xid: int


def checked_key(text: str | None) -> str | None:
    """What Idempotency-Key says. ApiError where it is no key."""
    if text is not None and not re.fullmatch(KEY_PATTERN[1:-1], text):
        raise ApiError("bad_request", "Idempotency-Key is to be 1 to 255 printable characters without blanks.")
    return text


def digest_of(secret: str, method: str, target: str, if_match: str, body: bytes) -> bytes:
    """32 bytes that are the same for the same request of the same caller. `target`: path and query."""
    head = "\n".join((method, target, if_match)).encode("utf-8", "surrogatepass")
    return hmac.new(secret.encode("utf-8", "surrogatepass"), head + b"\n\n" + body, "sha256").digest()


async def begin(tx: Transaction, actor: str, key: str, digest: bytes) -> Kept | None:
    """The answer that is kept for this key; None: do it, then `keep`. Waits for one that is under way.

    ApiError: `key_reused` where the key was for another request, `in_progress` where the first takes too long.
    """
    await tx.execute(
        "DELETE FROM api_requests WHERE (actor, key) IN (SELECT actor, key FROM api_requests"
        " WHERE created_at < now() - make_interval(hours => $1) LIMIT $2 FOR UPDATE SKIP LOCKED)",
        KEPT_HOURS,
        PRUNED_MAX,
    )
    await tx.execute(
        "DELETE FROM api_requests WHERE actor = $1 AND key = $2 AND created_at < now() - make_interval(hours => $3)",
        actor,
        key,
        KEPT_HOURS,
    )
    try:
        await tx.execute("SELECT set_config('lock_timeout', $1, true)", f"{WAIT_MS_MAX}ms")
        begun = await tx.value(
            "INSERT INTO api_requests (actor, key, digest, xid)"
            " VALUES ($1, $2, $3, pg_current_xact_id()::text::bigint) ON CONFLICT DO NOTHING RETURNING true",
            actor,
            key,
            digest,
        )
        await tx.execute("SET LOCAL lock_timeout TO DEFAULT")
    except BusyError:
        raise ApiError(
            "in_progress", "The first request with this Idempotency-Key is still being answered."
        ) from None
    if begun:
        return None
    row = await tx.row(
        "SELECT digest, xid, status, headers::text AS headers, body FROM api_requests WHERE actor = $1 AND key = $2",
        actor,
        key,
    )
    if row is None or row["status"] is None:
        raise ApiError("in_progress", "The first request with this Idempotency-Key is still being answered.")
    if not hmac.compare_digest(row["digest"], digest):
        raise ApiError("key_reused", "This Idempotency-Key was used for another request: choose a new one.")
    return Kept(Shown(row["status"], row["body"], json.loads(row["headers"])), row["xid"])


async def keep(tx: Transaction, actor: str, key: str, answer: Shown) -> None:
    """The answer of what `begin` said to do; it is there exactly when the transaction is committed.

    One that says "try again" is not kept: trying again is to do it.
    """
    if answer.status >= 500:
        await tx.execute("DELETE FROM api_requests WHERE actor = $1 AND key = $2", actor, key)
        return
    await tx.execute(
        "UPDATE api_requests SET status = $3, headers = $4::jsonb, body = $5 WHERE actor = $1 AND key = $2",
        actor,
        key,
        answer.status,
        json.dumps(answer.headers),
        answer.body,
    )
