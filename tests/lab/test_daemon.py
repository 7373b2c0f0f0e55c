"""The lab's daemon, beside what `bin/lab` shows of it (ready, killed, started again)."""

import pytest

from lab.daemon import running_daemon
from lab.places import Places
from lab.processes import LabFailedError


def test_a_folder_too_deep_for_a_socket_is_said_in_words(tmp_path):
    with pytest.raises(LabFailedError, match="choose a shorter --state"):  # noqa: SIM117
        with running_daemon(tmp_path / ("x" * 100), "postgresql:///none", Places(), ""):
            pass


def test_a_daemon_that_ends_at_once_is_reported_with_its_last_words(tmp_path_factory):
    folder = tmp_path_factory.mktemp("d")
    with pytest.raises(LabFailedError, match=r"(?s)the daemon ended with status 2.*nonsense"):  # noqa: SIM117
        with running_daemon(folder / "identd", "postgresql:///none", Places(), "[nonsense]\n"):
            pass
