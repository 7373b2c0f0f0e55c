"""Starting the daemon as a process, and what is said when it does not start."""

import pytest

from demo.daemon import DaemonFailedError, running_daemon
from protocol.messages import Ping, PongAnswer


def test_the_daemon_is_ready_inside_and_gone_afterwards(tmp_path_factory, database):
    folder = tmp_path_factory.mktemp("d")
    with running_daemon(folder, database) as client:
        assert isinstance(client.call(Ping(id=1)), PongAnswer)
    assert not (folder / "run" / "identd.sock").exists()


def test_a_daemon_that_ends_at_once_is_reported_with_its_last_words(tmp_path_factory):
    folder = tmp_path_factory.mktemp("d")
    with pytest.raises(DaemonFailedError, match=r"(?s)ended with status 2.*database\.dsn|ended with status 2.*DSN"):  # noqa: SIM117
        with running_daemon(folder, "mysql://nowhere"):
            pass


def test_a_folder_too_deep_for_a_socket_is_said_in_words(tmp_path):
    with pytest.raises(DaemonFailedError, match="choose a shorter --state"):  # noqa: SIM117
        with running_daemon(tmp_path / ("x" * 100), "postgresql:///none"):
            pass
