"""The switch that keeps calling says what it is told, and says it once."""

import pytest

from demo import sql
from demo.daemon import running_daemon
from demo.switch import ADDRESS, keep_calling
from protocol.messages import Status


def test_an_account_that_is_made_is_answered_and_told_once(tmp_path_factory, database, capsys: pytest.CaptureFixture):
    with running_daemon(tmp_path_factory.mktemp("d"), database) as client:
        keep_calling(client, 2)
        before = client.call(Status(id=client.next_id())).generation
        sql.execute(
            database,
            "INSERT INTO identd.clients (id, name) VALUES (12, 'Rose');"
            "INSERT INTO identd.accounts (client_id, name, ident_by, ip, orig_enabled) "
            f"VALUES (12, 'new', 'ip', '{{{ADDRESS}}}', true)",
        )
        while client.call(Status(id=client.next_id())).generation == before:
            pass
        keep_calling(client, 2)
    told = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[2] for line in told] == [
        "refused: unknown_source",
        "granted: account new of Rose, number 442071234567",
    ]
