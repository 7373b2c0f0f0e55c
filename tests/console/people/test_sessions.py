"""Sessions by the clock, by the dozen, and as their owner sees them."""

from console.context import Console
from console.people.sessions import (
    SESSIONS_MAX,
    Session,
    end_session,
    end_sessions,
    find_session,
    forget_sessions,
    open_session,
    sessions_of,
)
from console.people.store import add_person, change_person
from console.people.tokens import csrf_of, hash_token
from identd.settings import ConsoleSection

LIMITS = ConsoleSection(session_idle_seconds=600, session_absolute_seconds=3600)
NOW = 1_800_000_000.0


async def opened(console: Console, person_id: int, now: float = NOW) -> Session:
    return await open_session(console.database, person_id, now, address="192.0.2.1", agent="Browser/1.0")


async def test_a_session_is_found_by_its_token_and_kept_as_a_hash(console: Console):
    person_id = await add_person(console.database, "anna", "viewer", actor="test")
    session = await opened(console, person_id)
    found = await find_session(console.database, session.token, NOW, LIMITS)
    assert found is not None
    assert (found.user_id, found.name, found.role, found.address) == (person_id, "anna", "viewer", "192.0.2.1")
    assert session.csrf == csrf_of(session.token)
    assert await console.database.value("SELECT session_hash FROM console_sessions") == hash_token(session.token)
    for wrong in ("", "x", session.token[:-1], session.token + "x", "x" * 10_000, hash_token(session.token).hex()):
        assert await find_session(console.database, wrong, NOW, LIMITS) is None


async def test_a_token_is_not_shown_by_accident(console: Console):
    session = await opened(console, await add_person(console.database, "anna", "viewer", actor="test"))
    assert session.token not in repr(session)


async def test_idle_and_absolute_limits_by_the_second(console: Console):
    person_id = await add_person(console.database, "anna", "viewer", actor="test")
    idle = await opened(console, person_id)
    assert await find_session(console.database, idle.token, NOW + 600, LIMITS)
    assert await find_session(console.database, idle.token, NOW + 600 + 601, LIMITS) is None
    assert await find_session(console.database, idle.token, NOW + 600, LIMITS) is None, "what is over stays over"
    busy = await opened(console, person_id)
    for moment in range(0, 3601, 600):
        assert await find_session(console.database, busy.token, NOW + moment, LIMITS)
    assert await find_session(console.database, busy.token, NOW + 3601, LIMITS) is None


async def test_a_use_is_written_once_a_minute(console: Console):
    session = await opened(console, await add_person(console.database, "anna", "viewer", actor="test"))
    for moment, seen in ((1, 0), (59, 0), (60, 60), (119, 60), (121, 121)):
        await find_session(console.database, session.token, NOW + moment, LIMITS)
        at = await console.database.value("SELECT extract(epoch FROM seen_at)::float8 FROM console_sessions")
        assert at == NOW + seen


async def test_a_page_that_stands_open_and_asks_ends_with_its_session(console: Console):
    session = await opened(console, await add_person(console.database, "anna", "viewer", actor="test"))
    for moment in range(0, LIMITS.session_idle_seconds, 60):
        assert await find_session(console.database, session.token, NOW + moment, LIMITS, by_itself=True)
    later = NOW + LIMITS.session_idle_seconds + 1
    assert await find_session(console.database, session.token, later, LIMITS, by_itself=True) is None


async def test_who_is_blocked_is_out_at_once(console: Console):
    person_id = await add_person(console.database, "anna", "viewer", actor="test")
    session = await opened(console, person_id)
    await console.database.execute("UPDATE console_users SET status = 'blocked' WHERE id = $1", person_id)
    assert await find_session(console.database, session.token, NOW, LIMITS) is None
    await change_person(console.database, person_id, actor="test", status="active")
    assert await find_session(console.database, session.token, NOW, LIMITS) is None


async def test_one_has_so_many_sessions_and_the_longest_idle_goes(console: Console):
    person_id = await add_person(console.database, "anna", "viewer", actor="test")
    sessions = [await opened(console, person_id, NOW + number) for number in range(SESSIONS_MAX + 1)]
    assert await find_session(console.database, sessions[0].token, NOW + 30, LIMITS) is None
    assert await find_session(console.database, sessions[1].token, NOW + 30, LIMITS)
    assert len(await sessions_of(console.database, person_id, NOW + 30, LIMITS)) == SESSIONS_MAX


async def test_one_ends_ones_own_sessions_and_nobody_elses(console: Console):
    anna = await add_person(console.database, "anna", "viewer", actor="test")
    berta = await add_person(console.database, "berta", "viewer", actor="test")
    hers, other, others = await opened(console, anna), await opened(console, anna), await opened(console, berta)
    found = await find_session(console.database, others.token, NOW, LIMITS)
    assert not await end_session(console.database, anna, found.id)
    kept = await find_session(console.database, hers.token, NOW, LIMITS)
    assert await end_sessions(console.database, anna, but=kept.id) == 1
    assert await find_session(console.database, other.token, NOW, LIMITS) is None
    assert await end_session(console.database, anna, kept.id)
    assert [session.id for session in await sessions_of(console.database, berta, NOW, LIMITS)] == [found.id]


async def test_what_is_over_is_forgotten(console: Console):
    person_id = await add_person(console.database, "anna", "viewer", actor="test")
    await opened(console, person_id, NOW - 700)
    await opened(console, person_id, NOW)
    await forget_sessions(console.database, NOW, LIMITS)
    assert await console.database.value("SELECT count(*) FROM console_sessions") == 1


async def test_what_a_browser_says_of_itself_is_cut_and_cleaned(console: Console):
    person_id = await add_person(console.database, "anna", "viewer", actor="test")
    await open_session(console.database, person_id, NOW, address="a" * 500, agent="x\r\n\0é" + "y" * 500)
    (found,) = await sessions_of(console.database, person_id, NOW, LIMITS)
    assert len(found.address) == 64
    assert found.agent == ("x" + "y" * 500)[:255]
