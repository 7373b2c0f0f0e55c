"""Waiting has an end."""

import itertools

from lab.waiting import until


def test_it_says_how_long_it_took():
    asked = itertools.count()
    seconds = until(lambda: next(asked) == 2, 5.0)
    assert seconds is not None
    assert 0.0 < seconds < 5.0


def test_what_never_comes_true_is_none():
    assert until(lambda: False, 0.05) is None


def test_what_is_so_already_is_not_waited_for():
    assert until(lambda: True, 0.0) == 0.0 or until(lambda: True, 0.0) < 0.01
