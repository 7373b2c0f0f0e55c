"""The population is the mix that the marks speak of, the same every time, and every call hits whom it should."""

from collections import Counter

from bench.population import HIT_SHARE, attempts, population
from matcher.change import AccountPut, ChangeSet
from matcher.directory import Directory
from matcher.index import Match

SIZE = 5_000
PEOPLE = population(SIZE)


def test_the_shares_of_the_mix_are_those_of_the_marks() -> None:
    kinds = Counter(account.ident_by for account in PEOPLE.accounts)
    assert len(PEOPLE.accounts) == SIZE
    assert abs(kinds["ip"] / SIZE - 0.70) < 0.04
    assert abs(kinds["name"] / SIZE - 0.20) < 0.03
    assert abs(kinds["ani"] / SIZE - 0.10) < 0.02
    lengths = [account.networks[0].length for account in PEOPLE.accounts if account.networks]
    assert abs(lengths.count(32) / len(lengths) - 0.8) < 0.04
    assert all(16 <= length <= 28 or length == 32 for length in lengths)
    sharers = Counter(account.networks[0] for account in PEOPLE.accounts if account.networks)
    assert max(sharers.values()) <= 20
    assert sum(1 for count in sharers.values() if count > 1) > 20


def test_the_same_seed_gives_the_same_people_and_calls() -> None:
    assert population(SIZE) == PEOPLE
    assert attempts(PEOPLE, 200) == attempts(PEOPLE, 200)
    assert population(SIZE, seed=2) != PEOPLE


def test_every_call_finds_the_account_that_sent_it_and_one_in_twenty_finds_nobody() -> None:
    directory = Directory(lambda account, attempt: False)
    directory.apply(ChangeSet(tuple(AccountPut(account) for account in PEOPLE.accounts), full=True))
    calls = attempts(PEOPLE, 2_000)
    for _, attempt, expected in calls:
        found = directory.index.identify(attempt, None)
        assert (found.account.id if isinstance(found, Match) else None) == expected
    hits = sum(1 for _, _, expected in calls if expected is not None)
    assert abs(hits / len(calls) - HIT_SHARE) < 0.02
