"""SQL from synchronous code."""

import asyncpg
import pytest

from demo import sql


def test_statements_run_together_or_not_at_all(empty_database):
    with pytest.raises(asyncpg.UndefinedTableError):
        sql.execute(empty_database, "CREATE TABLE a (n int); INSERT INTO b VALUES (1)")
    assert sql.query(empty_database, "SELECT to_regclass('a')") == [(None,)]


def test_arguments_are_values_not_text(empty_database):
    assert sql.query(empty_database, "SELECT $1::text", "'; DROP TABLE x") == [("'; DROP TABLE x",)]
