"""The actor of a command is who runs it, not who the environment says."""

import os
import pwd

import pytest

from identd.cli.acting import acting_user


def test_the_environment_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody else")
    assert acting_user() == f"cli:{pwd.getpwuid(os.getuid()).pw_name}"


def test_a_user_without_a_name_is_a_number() -> None:
    assert acting_user(3_999_999_999) == "cli:3999999999"
