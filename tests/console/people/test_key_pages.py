"""What an admin does about keys of the API, as clicked."""

import re

import pytest

from console.context import Console
from console.errors import FieldErrors
from console.people.key_pages import end_of_day
from console.people.keys import find_key
from tests.console.conftest import Browser


async def test_a_key_is_shown_once_and_opens_until_it_is_revoked(console: Console, browser_of: Browser):
    admin = await browser_of("admin")
    page = await admin.post("/people/keys", data={"name": "billing", "role": "operator", "expires_at": "2099-12-31"})
    (key,) = re.findall(r'value="(idk_[\w-]{43})"', page.text)
    found = await find_key(console.database, key, console.wall())
    assert found.created_by == "admin0"
    listed = (await admin.get("/people/keys")).text
    assert key not in listed
    assert key[:10] in listed
    assert "2100-01-01 00:00:00" in listed
    await admin.post(f"/people/keys/{found.id}/revoke")
    assert await find_key(console.database, key, console.wall()) is None
    assert "Revoked" in (await admin.get("/people/keys")).text


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": "", "role": "viewer"}, "name"),
        ({"name": "k", "role": "root"}, "role"),
        ({"name": "k", "role": "viewer", "expires_at": "tomorrow"}, "expires_at"),
        ({"name": "k", "role": "viewer", "expires_at": "9999-12-31"}, "expires_at"),
        ({"name": "k", "role": "viewer", "expires_at": "2001-01-01"}, "expires_at"),
    ],
)
async def test_what_will_not_do_is_said_at_its_field(browser_of: Browser, typed: dict[str, str], field: str):
    answer = await (await browser_of("admin")).post("/people/keys", data=typed)
    assert answer.status_code == 422
    assert f'id="e-{field}"' in answer.text
    assert "idk_" not in answer.text.replace("key:NAME", "")


def test_a_key_is_good_to_the_end_of_its_last_day():
    assert end_of_day("") is None
    assert end_of_day("1970-01-01") == 86_400
    with pytest.raises(FieldErrors):
        end_of_day("1970-13-01")
