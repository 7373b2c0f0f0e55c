"""A daemon for pages that ask one: it is there to be started, or runs with a few accounts."""

from collections.abc import Iterator

import pytest

from demo import sql
from identd.settings import ConsoleSection, Settings, Socket
from tests.end_to_end.daemon import DaemonProcess

SAMPLE = """
INSERT INTO identd.rate_tables (id, name) VALUES (5, 'Gold'), (6, 'Silver');
INSERT INTO identd.routing_plans (id, name) VALUES (3, 'LCR');
INSERT INTO identd.gateways (id, name, reserve_seconds) VALUES (1, 'gw1', 120), (2, 'gw2', 60);
INSERT INTO identd.clients (id, name, routing_plan_id, orig_rate_table_id, balance, credit_limit) VALUES
    (12, 'Rose', 3, NULL, 10, NULL), (13, 'Iris <b>', NULL, 6, 10, NULL), (14, 'Poor', NULL, NULL, 0, 0);
INSERT INTO identd.accounts
    (id, client_id, name, ident_by, ip, tech_prefix, orig_enabled, orig_rate_table_id, orig_tags, orig_capacity)
VALUES
    (176, 12, 'rose_orig', 'ip', '{10.0.0.0/24}', '1234#', true, 5, '{wholesale}', 30),
    (178, 13, 'iris_wide', 'ip', '{10.0.0.0/8}', NULL, true, NULL, '{}', NULL),
    (180, 14, 'poor_orig', 'ip', '{192.0.2.14}', NULL, true, NULL, '{}', NULL);
INSERT INTO identd.accounts (id, client_id, name, ident_by, ident_name, orig_enabled, term_enabled, proxy) VALUES
    (177, 12, 'rose_login', 'name', 'rose', true, true, 'sip:proxy.example');
"""


@pytest.fixture
def daemon(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A daemon as a process of its own, on the test's database, that the console asks. A test starts it."""
    process = DaemonProcess(tmp_path_factory.mktemp("d"), database)
    yield process
    process.end()


@pytest.fixture
def console_settings(daemon: DaemonProcess) -> Settings:
    """The console's configuration, with that daemon's socket."""
    return Settings(socket=Socket(unix=daemon.unix, tcp=""), console=ConsoleSection())


@pytest.fixture
def sampled(database: str, daemon: DaemonProcess) -> DaemonProcess:
    """The daemon, running, with the sample in its database."""
    sql.execute(database, SAMPLE)
    return daemon.start()
