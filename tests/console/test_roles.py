"""Roles and permissions: what each may, as one reads it aloud."""

import pytest

from console.roles import PERMISSIONS, ROLES, Permission, Role, may


@pytest.mark.parametrize(
    ("role", "permissions"),
    [
        ("viewer", {"own", "read"}),
        ("auditor", {"own", "read", "audit"}),
        ("operator", {"own", "read", "audit", "edit", "delete", "reveal", "release"}),
        ("admin", {"own", "read", "audit", "edit", "delete", "reveal", "release", "people"}),
    ],
)
def test_each_role_may_what_its_name_promises(role: Role, permissions: set[Permission]):
    assert {permission for permission in PERMISSIONS if may(role, permission)} == permissions


def test_an_admin_may_everything_that_anybody_may():
    for _, roles in PERMISSIONS.values():
        assert "admin" in roles
        assert set(roles) <= set(ROLES)
