"""What the lab sees of live calls and decisions, with a real daemon and without a switch."""

import pytest

from demo import sql
from lab.daemon import running_daemon
from lab.doors import DOORS
from lab.places import Places
from lab.play import ACCOUNTS
from lab.sipp import FarSide
from lab.stage import Stage
from lab.steps import MANY, MANY_LINES, ONE
from protocol.client_blocking import BlockingClient
from protocol.messages import Authorize, Release, Start

PLACES = Places(first=23_400)  # beside a lab that may run now


@pytest.fixture
def asked(database, tmp_path_factory):
    """A stage, and a client that asks as a switch would."""
    sql.execute(database, ACCOUNTS.read_text(encoding="utf-8"))
    folder = tmp_path_factory.mktemp("s")
    (door,) = (door for door in DOORS if door.name == "evapi")  # whose Kamailio is away, and nobody minds
    with running_daemon(folder / "identd", database, PLACES, door.configuration(PLACES)) as daemon:
        stage = Stage(PLACES, folder, daemon, None, FarSide(None, folder))
        with BlockingClient(str(folder / "identd" / "identd.sock"), gateway=door.switch) as client:
            yield stage, client


def _authorize(client, call_id):
    client.call(Authorize(id=client.next_id(), call_id=call_id, ip=MANY_LINES, dnis="442071234567"))


def test_calls_are_counted_by_account_and_state_and_decisions_since_the_start(asked):
    stage, client = asked
    assert stage.becomes(MANY, 0) == "0"
    assert stage.decided() == 0
    _authorize(client, "a")
    _authorize(client, "b")
    assert stage.becomes(MANY, 2, "reserved") == "2 reserved"
    assert stage.becomes(ONE, 0) == "0"
    assert stage.decided() == 2
    client.call(Start(id=client.next_id(), call_id="a"))
    assert stage.becomes(MANY, 2, "active", seconds=0.05) == "2 active reserved", "it says what there is instead"
    client.call(Release(id=client.next_id(), call_id="b"))
    assert stage.becomes(MANY, 1, "active") == "1 active"
