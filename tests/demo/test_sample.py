"""A filled database: there while it is wanted, with the one password sealed, and gone afterwards."""

from demo import sql
from demo.postgres import PostgresServer
from demo.sample import Phone, database_with
from demo.steps import PASSWORD, PHONE, PHONE_ID, REALM
from demo.tour import SAMPLE


def test_the_sample_is_there_with_a_sealed_password_and_gone_afterwards(postgres: PostgresServer):
    with database_with(postgres, "sample", SAMPLE, Phone(PHONE_ID, PHONE, PASSWORD, REALM)) as name:
        dsn = postgres.dsn(name)
        ((stored,),) = sql.query(dsn, f"SELECT password FROM identd.accounts WHERE id = {PHONE_ID}")
        assert bytes(stored).startswith(b"idp1")
        assert PASSWORD.encode() not in bytes(stored)
    there = f"SELECT count(*) FROM pg_database WHERE datname = '{name}'"
    other = postgres.create_database("other")
    assert sql.query(postgres.dsn(other), there) == [(0,)]
    postgres.drop_database(other)
