"""Doors and who goes through them."""

import pytest
from starlette.requests import Request
from starlette.responses import Response

from console.door import Actor, Door, actor_of, form_text


async def handler(_request: Request) -> Response:
    return Response()


def test_a_door_of_programs_is_known_by_its_path():
    assert Door("GET", "/api/v1/accounts", "read", handler).is_api
    assert not Door("GET", "/accounts", "read", handler).is_api
    assert not Door("GET", "/apiary", "read", handler).is_api


def test_an_actor_may_what_the_role_may():
    anna = Actor(name="anna", role="viewer", kind="person")
    assert anna.may("read")
    assert not anna.may("edit")


def test_behind_a_door_without_a_guard_there_is_nobody_to_ask_for():
    request = Request({"type": "http", "state": {"actor": None}})
    with pytest.raises(AssertionError):
        actor_of(request)
    request.state.actor = Actor(name="anna", role="viewer", kind="person")
    assert actor_of(request).name == "anna"


def test_a_field_that_is_missing_or_a_file_is_no_text():
    assert form_text({"name": "anna"}, "name") == "anna"
    assert form_text({}, "name") == ""
    assert form_text({"name": object()}, "name") == ""
