"""What people do that changes no row of theirs, in the audit log: logins, logouts, links."""

from typing import Any, Literal

from console.database import Transaction
from console.store.audit import write_audit

Action = Literal["login", "login_failed", "logout", "link"]


async def write_entry(
    transaction: Transaction, action: Action, person_id: int | None, after: dict[str, Any] | None = None
) -> None:
    """One entry about this person, by the actor of the transaction. `person_id` None: a name that nobody has."""
    await write_audit(transaction, action, "console_users", person_id, None, after)
