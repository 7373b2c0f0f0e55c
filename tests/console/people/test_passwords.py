"""What a password must be, how it is kept, and that looking at one stops nobody else."""

import time

import pytest
import trio

from console.errors import FieldErrors
from console.people.passwords import BYTES_MAX, check_password, hash_password, verify_password

PASSWORD = "correct horse battery"


@pytest.mark.parametrize(
    ("password", "name"),
    [
        (PASSWORD, "anna"),
        ("12characters", "anna"),
        ("ééééééüüüüüüöööß", "anna"),
        ("a1b2" * 256, "x"),
        ("anna likes horses a lot", "anna"),
    ],
)
def test_long_is_enough(password: str, name: str):
    check_password(password, password, name)


@pytest.mark.parametrize("password", ["", "11character", "x" * (BYTES_MAX + 1), "é" * 513, "anna", "AnnaAnnaAnna"])
def test_short_endless_and_ones_own_name_are_refused(password: str):
    with pytest.raises(FieldErrors) as caught:
        check_password(password, password, "anna")
    assert list(caught.value.errors) == ["password"]
    assert password == "" or password not in str(caught.value)


def test_both_must_be_the_same():
    with pytest.raises(FieldErrors) as caught:
        check_password(PASSWORD, PASSWORD + " ", "anna")
    assert list(caught.value.errors) == ["again"]


async def test_it_is_kept_as_argon2id_with_our_parameters_and_a_salt():
    first, second = await hash_password(PASSWORD), await hash_password(PASSWORD)
    assert first.startswith("$argon2id$v=19$m=32768,t=2,p=1$")
    assert first != second
    assert await verify_password(first, PASSWORD)
    assert not await verify_password(first, PASSWORD + "x")


@pytest.mark.parametrize("kept", [None, "", "hunter2", "$argon2id$", "$argon2id$v=19$m=1,t=1,p=1$AA$AA"])
async def test_without_a_whole_hash_no_password_is_right_not_even_the_decoys(kept: str | None):
    assert not await verify_password(kept, "nobody's password")


async def test_a_name_that_nobody_has_costs_what_a_known_one_costs():
    """Coarse, because the machine is shared: the shortest of some, within a factor of two."""
    kept = await hash_password(PASSWORD)
    shortest = {}
    for known in (None, kept):
        times = []
        for _ in range(5):
            began = time.perf_counter()
            await verify_password(known, "wrong password")
            times.append(time.perf_counter() - began)
        shortest[known] = min(times)
    assert 0.5 < shortest[None] / shortest[kept] < 2


async def test_pages_go_on_while_passwords_are_looked_at():
    """One hash holds a core for some 60 ms; the loop may lose a turn to the machine, not to each of twenty."""
    kept = await hash_password(PASSWORD)
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await trio.sleep(0.005)
            turns += 1

    async with trio.open_nursery() as outer:
        outer.start_soon(turn)
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(verify_password, kept, "wrong password")
        outer.cancel_scope.cancel()
    assert turns > 20
