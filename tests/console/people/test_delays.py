"""The delay on wrong logins grows, is capped, counts beforehand, and outlives the process."""

import pytest
import trio

from console.context import Console
from console.people.delays import (
    DELAY_SECONDS_MAX,
    FORGOTTEN_SECONDS,
    FREE,
    SITES_MAX,
    Kind,
    delay_seconds,
    forgive_attempt,
    forgive_own_attempt,
    remember_site,
    take_attempt,
    take_own_attempt,
)
from console.people.store import add_person

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("kind", "delays"),
    [("pair", [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60]), ("address", [0] * 10 + [1, 2, 4, 8, 16, 32, 60, 60])],
)
def test_it_doubles_up_to_a_minute(kind: Kind, delays: list[float]):
    assert [delay_seconds(kind, wrongs) for wrongs in range(len(delays))] == delays
    assert delay_seconds(kind, 10**9) == DELAY_SECONDS_MAX


async def test_a_name_is_delayed_where_it_is_tried_and_not_elsewhere(console: Console):
    for _ in range(FREE["pair"]):
        assert await take_attempt(console.database, "anna", "192.0.2.1", NOW) == 0
    assert await take_attempt(console.database, "ANNA", "192.0.2.1", NOW) == pytest.approx(1)
    assert await take_attempt(console.database, "berta", "192.0.2.1", NOW) == 0
    assert await take_attempt(console.database, "anna", "198.51.100.1", NOW) == 0
    assert await take_attempt(console.database, "anna", "192.0.2.1", NOW + 1) == 0
    assert await take_attempt(console.database, "anna", "192.0.2.1", NOW + 1.5) == pytest.approx(1.5)


async def test_a_name_tried_from_everywhere_waits_but_not_where_its_owner_has_logged_in(console: Console):
    person_id = await add_person(console.database, "anna", "viewer", actor="test")
    async with console.database.transaction("test") as transaction:
        await remember_site(transaction, person_id, "2001:db8::5", NOW)
    for number in range(FREE["name"]):
        assert await take_attempt(console.database, "anna", f"192.0.2.{number}", NOW) == 0
    assert await take_attempt(console.database, "anna", "198.51.100.1", NOW) == pytest.approx(1)
    assert await take_attempt(console.database, "Anna", "2001:db8::7", NOW) == 0
    assert await take_own_attempt(console.database, "anna", NOW) == 0
    for _ in range(2):
        await take_attempt(console.database, "anna", "2001:db8::7", NOW)
    assert await take_attempt(console.database, "anna", "2001:db8::7", NOW) == pytest.approx(1), "theirs still count"


async def test_the_addresses_of_the_latest_logins_are_remembered(console: Console):
    person_id = await add_person(console.database, "anna", "viewer", actor="test")
    async with console.database.transaction("test") as transaction:
        for number in range(SITES_MAX + 5):
            await remember_site(transaction, person_id, f"192.0.2.{number}", NOW + number)
        await remember_site(transaction, person_id, "192.0.2.24", NOW + 100)
    rows = await console.database.fetch("SELECT extract(epoch FROM last_at)::int - 1800000000 FROM console_sites")
    assert sorted(row[0] for row in rows) == [*range(5, SITES_MAX + 4), 100]


async def test_wrong_tries_on_one_s_own_page_are_delayed_too_and_forgotten_by_a_right_one(console: Console):
    for _ in range(FREE["own"]):
        assert await take_own_attempt(console.database, "anna", NOW) == 0
    assert await take_own_attempt(console.database, "anna", NOW) == pytest.approx(1)
    assert await take_attempt(console.database, "anna", "192.0.2.1", NOW) == 0
    await forgive_own_attempt(console.database, "anna")
    assert await take_own_attempt(console.database, "anna", NOW) == 0


async def test_an_address_is_delayed_whatever_name_it_tries(console: Console):
    for number in range(FREE["address"]):
        assert await take_attempt(console.database, f"name{number}", "2001:db8::1", NOW) == 0
    assert await take_attempt(console.database, "anna", "2001:db8::ffff:1", NOW) == pytest.approx(1)
    assert await take_attempt(console.database, "anna", "2001:db8:0:1::1", NOW) == 0


async def test_an_attempt_during_the_delay_makes_it_no_longer(console: Console):
    """Nobody can be kept out for ever by whoever keeps knocking."""
    for _ in range(FREE["pair"]):
        await take_attempt(console.database, "anna", "a", NOW)
    for _ in range(50):
        assert await take_attempt(console.database, "anna", "a", NOW + 0.9) > 0
    assert await take_attempt(console.database, "anna", "a", NOW + 1.0) == 0


async def test_many_at_once_get_no_more_tries_than_one_after_the_other(console: Console):
    granted = []

    async def attempt(number: int) -> None:
        if await take_attempt(console.database, "anna", "192.0.2.1", NOW) == 0:
            granted.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(30):
            nursery.start_soon(attempt, number)
    assert len(granted) == FREE["pair"]


async def test_a_right_login_starts_the_name_afresh_but_not_the_address(console: Console):
    for number in range(FREE["address"]):
        await take_attempt(console.database, f"name{number}", "a", NOW)
    await forgive_attempt(console.database, "name0", "a")
    assert await take_attempt(console.database, "name0", "a", NOW) == 0
    assert await take_attempt(console.database, "name0", "a", NOW) > 0


async def test_after_an_hour_of_quiet_all_is_forgotten_and_the_rows_go(console: Console):
    for _ in range(8):
        await take_attempt(console.database, "anna", "a", NOW)
    later = NOW + FORGOTTEN_SECONDS + 61
    assert await take_attempt(console.database, "berta", "b", later) == 0
    assert await console.database.value("SELECT count(*) FROM console_delays") == 3


async def test_a_clock_that_was_set_back_makes_nobody_wait_longer(console: Console):
    for _ in range(FREE["pair"]):
        await take_attempt(console.database, "anna", "a", NOW)
    assert await take_attempt(console.database, "anna", "a", NOW - 86_400) == pytest.approx(1)


async def test_no_name_or_address_is_kept_in_clear(console: Console):
    await take_attempt(console.database, "my password in the wrong field", "192.0.2.77", NOW)
    kept = await console.database.value("SELECT string_agg(d::text, ' ') FROM console_delays AS d")
    assert "password" not in kept
    assert "192.0.2" not in kept
