"""A database of our own: schema, accounts out of a file, one of them with a password. The tour's and the lab's."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from demo import sql
from demo.postgres import PostgresServer
from identd.sealing import sealed_column
from loader.migrate import init_db


class Phone(msgspec.Struct, frozen=True):
    """An account of the file that proves its name by digest in one realm: a sealed value is not for a file."""

    account_id: int
    name: str
    password: str
    realm: str


@contextlib.contextmanager
def database_with(postgres: PostgresServer, purpose: str, accounts: Path, phone: Phone) -> Iterator[str]:
    """The name of a database whose name begins as `purpose` says, filled; dropped afterwards."""
    name = postgres.create_database(purpose)
    try:
        init_db(postgres.dsn(name))
        column = sealed_column(phone.account_id, phone.name, phone.password, [phone.realm])
        password = f"UPDATE identd.accounts SET password = '{column}' WHERE id = {phone.account_id}"  # noqa: S608 - ours
        sql.execute(postgres.dsn(name), accounts.read_text(encoding="utf-8") + password)
        yield name
    finally:
        postgres.drop_database(name)
