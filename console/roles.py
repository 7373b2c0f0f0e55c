"""Who may do what: four roles, a few permissions, one table. Pure.

Every door of the console (`door.py`) names the one permission that opens it; the test of the permission table goes
through every role and every door.
"""

from typing import Literal, get_args

Role = Literal["viewer", "operator", "admin", "auditor"]
Permission = Literal["read", "edit", "delete", "reveal", "release", "audit", "people", "own"]

ROLES: tuple[Role, ...] = get_args(Role)

PERMISSIONS: dict[Permission, tuple[str, tuple[Role, ...]]] = {
    "own": ("one's own session: log out, password, second factor", ("viewer", "operator", "admin", "auditor")),
    "read": ("accounts, clients, live calls, whose call it is", ("viewer", "operator", "admin", "auditor")),
    "audit": ("the audit log", ("operator", "admin", "auditor")),
    "edit": ("create and change accounts and what they refer to, import", ("operator", "admin")),
    "delete": ("delete accounts (a refund) and what they refer to", ("operator", "admin")),
    "reveal": ("show the password of an account; each time is in the audit log", ("operator", "admin")),
    "release": ("end a live call by hand", ("operator", "admin")),
    "people": ("the console's people and keys of the API", ("admin",)),
}
"""Permission -> what it is for, and the roles that have it."""


def may(role: Role, permission: Permission) -> bool:
    """Whether the role has the permission."""
    return role in PERMISSIONS[permission][1]
