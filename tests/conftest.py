"""What many tests share: a real PostgreSQL and databases on it.

`postgres` is one server for the whole run; whoever stops it starts it again before the test ends. `database` and
`empty_database` are the DSNs of fresh databases that are dropped after the test.
"""

import os
from collections.abc import Iterator

import pytest

from demo.memory import memory_folder
from demo.postgres import NamedServer, OwnServer, running_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[NamedServer | OwnServer]:
    """The server that `bin/test` finds: named by IDENTD_DATABASE_DSN, Debian's, or the wheel's.

    Our own lies in memory where there is enough of it.
    """
    with memory_folder() as memory, running_postgres(os.environ, memory and memory / "pg") as server:
        yield server


@pytest.fixture
def own_postgres(postgres: NamedServer | OwnServer) -> Iterator[OwnServer]:
    """The server as one that may be stopped and killed; it runs again afterwards."""
    if not isinstance(postgres, OwnServer):
        pytest.skip("the server named by IDENTD_DATABASE_DSN is not ours to stop")
    yield postgres
    postgres.start()


@pytest.fixture(scope="session")
def database_template(postgres: NamedServer | OwnServer) -> Iterator[str]:
    """The name of a database with our schema and no rows: copying it is faster than migrating."""
    from loader.migrate import init_db

    name = postgres.create_database("template")
    init_db(postgres.dsn(name))
    yield name
    postgres.drop_database(name)


@pytest.fixture
def database(postgres: NamedServer | OwnServer, database_template: str) -> Iterator[str]:
    """The DSN of a fresh database with our schema."""
    name = postgres.create_database("test", template=database_template)
    yield postgres.dsn(name)
    postgres.drop_database(name)


@pytest.fixture
def empty_database(postgres: NamedServer | OwnServer) -> Iterator[str]:
    """The DSN of a fresh database with nothing in it."""
    name = postgres.create_database("test")
    yield postgres.dsn(name)
    postgres.drop_database(name)
