"""Accounts through the API: every field, two programs at once, what a change would do, deactivate, delete."""

import httpx
import pytest

from console.database import Database
from console.objects.account_fields import COLUMN
from tests.console.api.conftest import NEW_ACCOUNT, version

PATH = "/api/v1/accounts"
ONE = f"{PATH}/176"


async def test_an_account_is_created_read_changed_and_deleted(operator: httpx.AsyncClient):
    created = await operator.post(PATH, json=NEW_ACCOUNT)
    assert created.status_code == 201, created.text
    where = created.headers["location"]
    assert created.json()["ip"] == ["192.0.2.1", "10.0.0.0/24"]
    read = await operator.get(where)
    assert read.json() == created.json()
    assert read.headers["etag"] == created.headers["etag"]
    changed = await operator.patch(where, json={"tech_prefix": "77#"}, headers={"if-match": read.headers["etag"]})
    assert changed.status_code == 200, changed.text
    assert changed.json() == read.json() | {"tech_prefix": "77#", "etag": changed.json()["etag"]}
    gone = await operator.delete(where, headers={"if-match": changed.headers["etag"]})
    assert gone.status_code == 200
    assert (await operator.get(where)).status_code == 404


async def test_without_a_daemon_a_change_is_saved_and_not_said_to_be_in_force(operator: httpx.AsyncClient):
    created = await operator.post(PATH, json=NEW_ACCOUNT)
    assert created.headers["identd-in-force"] == "false"
