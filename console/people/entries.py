"""What people do that changes no row of theirs, in the audit log: logins, logouts, links."""

from typing import Any, Literal

import msgspec

from console.database import Transaction

Action = Literal["login", "login_failed", "logout", "link"]


async def write_entry(
    transaction: Transaction, action: Action, person_id: int | None, after: dict[str, Any] | None = None
) -> None:
    """One entry about this person, by the actor of the transaction. `person_id` None: a name that nobody has."""
    await transaction.execute(
        "INSERT INTO audit_log (actor, action, entity, entity_id, after) "
        "VALUES (current_setting('identd.actor'), $1, 'console_users', $2, $3::text::jsonb)",
        action,
        person_id,
        None if after is None else msgspec.json.encode(after).decode(),
    )
