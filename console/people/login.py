"""Logging in and out, links and passwords, as one does them: delay, proof, session, and what the audit log says.

The same answer and the same work, whether a name exists, is blocked, or has no password yet. No HTTP here.
"""

import msgspec

from console.context import Console
from console.database import Database
from console.database import Session as Connection
from console.door import Actor
from console.errors import FieldErrors, NotFoundError
from console.people.delays import (
    forgive_attempt,
    forgive_own_attempt,
    remember_site,
    take_attempt,
    take_own_attempt,
)
from console.people.entries import write_entry
from console.people.passwords import check_password, hash_password, verify_password
from console.people.second_factor import open_secret, seal_secret, step_of
from console.people.sessions import Session, end_sessions, forget_sessions, open_session
from console.people.tokens import TOKEN_CHARACTERS_MAX, hash_token

WRONG = "Name, password or code is wrong."
NOT_YOURS = "This is not your password."
WRONG_CODE = "This code is wrong or was used before: type the one that the app shows now."
NAME_CHARACTERS_MAX = 255


class WaitError(Exception):
    """Too many wrong logins: nothing was looked at. `seconds`: when to try again."""

    def __init__(self, seconds: float) -> None:
        self.seconds = max(1, round(seconds + 0.5))
        super().__init__(f"wait {self.seconds} s")


class Visitor(msgspec.Struct, frozen=True):
    """Where somebody sits: for the delay, the list of sessions and the audit log."""

    address: str
    agent: str


_PROOF = """
SELECT id, name, status, password_hash, totp_secret FROM console_users
WHERE lower(name COLLATE "C") = lower($1::text COLLATE "C")
"""

_STILL_SO = """
SELECT true FROM console_users WHERE id = $1 AND status = 'active' AND password_hash = $2
    AND totp_secret IS NOT DISTINCT FROM $3 FOR SHARE
"""


async def log_in(console: Console, name: str, password: str, code: str, visitor: Visitor) -> Session:
    """A new session. FieldErrors, always the same one, where it was not proved; `WaitError`."""
    database, now = console.database, console.wall()
    name = name.strip()[:NAME_CHARACTERS_MAX]
    if seconds := await take_attempt(database, name, visitor.address, now):
        raise WaitError(seconds)
    row = await database.row(_PROOF, name.replace("\0", ""))
    is_proved = await verify_password(row["password_hash"] if row else None, password)
    is_proved &= row is not None and row["status"] == "active"
    if is_proved and row is not None and row["totp_secret"] is not None:
        is_proved = await _use_code(console, database, row["id"], row["totp_secret"], code)
    if not is_proved or row is None:
        async with database.transaction("nobody" if row is None else row["name"]) as transaction:
            after = {"address": visitor.address}  # not the name as typed: it may be a password in the wrong field
            await write_entry(transaction, "login_failed", row["id"] if row else None, after)
        raise FieldErrors({"": WRONG})
    await forgive_attempt(database, name, visitor.address)
    await forget_sessions(database, now, console.settings.console)
    async with database.transaction(row["name"]) as transaction:
        # the proof took a while: who was blocked or got another password in it does not get in by the old one
        if not await transaction.value(_STILL_SO, row["id"], row["password_hash"], row["totp_secret"]):
            raise FieldErrors({"": WRONG})
        after = {"address": visitor.address}
        await write_entry(transaction, "login", row["id"], after)
        await remember_site(transaction, row["id"], visitor.address, now)
        return await open_session(transaction, row["id"], now, address=visitor.address, agent=visitor.agent)


async def log_out(console: Console, actor: Actor, session_id: int) -> None:
    """End this session."""
    async with console.database.transaction(actor.name) as transaction:
        await transaction.execute("DELETE FROM console_sessions WHERE id = $1 AND user_id = $2", session_id, actor.id)
        await write_entry(transaction, "logout", actor.id, None)


async def link_is_for(console: Console, token: str) -> str | None:
    """The name of whom a one-time link is for; None where it is no link, or used, or too old."""
    if len(token) > TOKEN_CHARACTERS_MAX:
        return None
    name: str | None = await console.database.value(
        "SELECT u.name FROM console_links AS l JOIN console_users AS u ON u.id = l.user_id "
        "WHERE l.link_hash = $1 AND l.expires_at > to_timestamp($2) AND u.status = 'active'",
        hash_token(token),
        console.wall(),
    )
    return name


async def use_link(console: Console, token: str, password: str, again: str, visitor: Visitor) -> Session:
    """Set a password by a one-time link and log in. The second factor goes: a new link is how one without it gets in.

    FieldErrors leave the link as it is; NotFoundError where it is none (any more). Of two at once one gets in.
    """
    name = await link_is_for(console, token)
    if name is None:
        raise NotFoundError("link", "of this address")
    check_password(password, again, name)
    password_hash = await hash_password(password)
    now = console.wall()
    async with console.database.transaction(name) as transaction:
        person_id: int | None = await transaction.value(
            "DELETE FROM console_links WHERE link_hash = $1 AND expires_at > to_timestamp($2) RETURNING user_id",
            hash_token(token),
            now,
        )
        if person_id is None:
            raise NotFoundError("link", "of this address")
        await transaction.execute(
            "UPDATE console_users SET password_hash = $2, totp_secret = NULL WHERE id = $1", person_id, password_hash
        )
        await end_sessions(transaction, person_id)
        await write_entry(transaction, "login", person_id, {"address": visitor.address})
        await remember_site(transaction, person_id, visitor.address, now)
        session = await open_session(transaction, person_id, now, address=visitor.address, agent=visitor.agent)
    await forgive_attempt(console.database, name, visitor.address)
    return session


async def change_password(
    console: Console, actor: Actor, old: str, password: str, again: str, visitor: Visitor
) -> Session:
    """Another password; all sessions end, this one goes on under a new token. FieldErrors; `WaitError`."""
    check_password(password, again, actor.name)
    await prove_again(console, actor, old)
    password_hash = await hash_password(password)
    async with console.database.transaction(actor.name) as transaction:
        await transaction.execute(
            "UPDATE console_users SET password_hash = $2 WHERE id = $1", actor.id, password_hash
        )
        await transaction.execute("DELETE FROM console_links WHERE user_id = $1", actor.id)
        return await _only_session(console, transaction, actor, visitor)


async def add_second_factor(
    console: Console, actor: Actor, secret: str, code: str, old: str, visitor: Visitor
) -> Session:
    """From now on a code is asked for; proved with a first one. Sessions and errors as in `change_password`."""
    step = step_of(secret, code, console.wall())
    if step is None:
        raise FieldErrors({"code": WRONG_CODE})
    await prove_again(console, actor, old)
    async with console.database.transaction(actor.name) as transaction:
        await transaction.execute(
            "UPDATE console_users SET totp_secret = $2 WHERE id = $1",
            actor.id,
            seal_secret(secret, actor.id, console.keys),
        )
        await _note_step(transaction, actor.id, step)
        return await _only_session(console, transaction, actor, visitor)


async def remove_second_factor(console: Console, actor: Actor, old: str) -> None:
    """From now on the password is enough. FieldErrors; `WaitError`."""
    await prove_again(console, actor, old)
    async with console.database.transaction(actor.name) as transaction:
        await transaction.execute("UPDATE console_users SET totp_secret = NULL WHERE id = $1", actor.id)


async def prove_again(console: Console, actor: Actor, password: str) -> None:
    """That it is the person and not somebody at their desk. FieldErrors at `old`; `WaitError`."""
    database = console.database
    if seconds := await take_own_attempt(database, actor.name, console.wall()):
        raise WaitError(seconds)
    password_hash = await database.value("SELECT password_hash FROM console_users WHERE id = $1", actor.id)
    if not await verify_password(password_hash, password):
        raise FieldErrors({"old": NOT_YOURS})
    await forgive_own_attempt(database, actor.name)


async def _use_code(
    console: Console, connection: Database | Connection, person_id: int, sealed: bytes, code: str
) -> bool:
    secret = open_secret(sealed, person_id, console.keys)
    step = None if secret is None else step_of(secret, code, console.wall())
    return step is not None and await _note_step(connection, person_id, step)


async def _note_step(connection: Database | Connection, person_id: int, step: int) -> bool:
    """Whether it is later than every step whose code was used; then it is noted, in the same statement."""
    tag = await connection.execute(
        "INSERT INTO console_codes AS c (user_id, time_step) VALUES ($1, $2) "
        "ON CONFLICT (user_id) DO UPDATE SET time_step = excluded.time_step WHERE c.time_step < excluded.time_step",
        person_id,
        step,
    )
    return tag == "INSERT 0 1"


async def _only_session(console: Console, connection: Connection, actor: Actor, visitor: Visitor) -> Session:
    await end_sessions(connection, actor.id)
    return await open_session(connection, actor.id, console.wall(), address=visitor.address, agent=visitor.agent)
