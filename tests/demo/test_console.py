"""The console of the demo answers, and the link that it prints lets a first person in."""

import urllib.request

import pytest

from demo.console import one_time_link, running_console
from demo.daemon import DaemonFailedError, write_configuration


def test_the_link_leads_to_a_page_that_asks_for_a_password(tmp_path_factory, database):
    folder = tmp_path_factory.mktemp("d")
    write_configuration(folder)
    with running_console(folder, database) as url:
        link = one_time_link(folder, database)
        assert link.startswith(f"{url}/welcome/")
        with urllib.request.urlopen(link, timeout=10) as page:
            assert b"Choose a password" in page.read()


def test_a_console_that_ends_at_once_is_reported_with_its_last_words(tmp_path_factory):
    folder = tmp_path_factory.mktemp("d")
    write_configuration(folder)
    (folder / "credentials.key").write_text("no key")
    with pytest.raises(DaemonFailedError, match=r"(?s)the console ended with status 2.*a key is 32 bytes"):  # noqa: SIM117
        with running_console(folder, "postgresql:///none"):
            pass
