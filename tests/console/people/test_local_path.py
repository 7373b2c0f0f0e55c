"""Where a login leads: a path of ours, or home."""

import pytest

from console.people.local_path import CHARACTERS_MAX, HOME, local_path


@pytest.mark.parametrize(
    "text", ["/", "/accounts", "/accounts?name=%2F%2Fx&sort=id", "/accounts/1/edit", "/a//b", "/?u=http://x.example/"]
)
def test_a_path_of_ours_stays(text: str):
    assert local_path(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "accounts", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/a\\b",
        "http://evil.example", "https:/evil", "javascript:alert(1)", "data:text/html,x", " /accounts", "/ accounts",
        "/\t/evil.example", "/\n/evil.example", "/a\r\nSet-Cookie: x=1", "/\x00", "/é", "/" + "a" * CHARACTERS_MAX,
    ],
)  # fmt: skip
def test_anything_else_is_home(text: str):
    assert local_path(text) == HOME
