"""The copy of a configuration that Kamailio is started with."""

import pytest

from lab.doors import DOORS
from lab.places import RADIUS_SECRET, Places
from lab.play import SWITCHES
from lab.processes import LabFailedError
from lab.switch import copied


def test_edits_are_made_in_the_copy_only(tmp_path):
    configuration = tmp_path / "switch"
    configuration.mkdir()
    (configuration / "servers").write_text("127.0.0.1 change-this\n")
    copy = copied(configuration, tmp_path / "copy", (("servers", "change-this", "secret"),))
    assert (copy / "servers").read_text() == "127.0.0.1 secret\n"
    assert (configuration / "servers").read_text() == "127.0.0.1 change-this\n"


def test_an_edit_that_finds_nothing_is_told(tmp_path):
    configuration = tmp_path / "switch"
    configuration.mkdir()
    (configuration / "servers").write_text("127.0.0.1 other\n")
    with pytest.raises(LabFailedError, match="no longer the line that the lab changes: change-this"):
        copied(configuration, tmp_path / "copy", (("servers", "change-this", "secret"),))


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_the_lab_s_edits_fit_the_configurations_as_they_stand(door, tmp_path):
    folder = tmp_path / "copy"
    copy = copied(SWITCHES / door.switch, folder, door.edits(Places(), folder))
    text = (copy / "kamailio.cfg").read_text(encoding="utf-8")
    absent = [name for name in door.defines(Places(), copy) if f"#!trydef {name} " not in text]
    assert absent == [], "names that the lab gives a value are defined with #!trydef"


def test_the_radius_client_of_the_copy_has_the_lab_s_ports_paths_and_secret(tmp_path):
    (door,) = (door for door in DOORS if door.name == "radius")
    folder = tmp_path / "copy"
    copied(SWITCHES / door.switch, folder, door.edits(Places(), folder))
    text = (folder / "radius.conf").read_text()
    assert f"127.0.0.1:{Places().radius_auth}" in text
    assert f"127.0.0.1:{Places().radius_accounting}" in text
    assert "/etc/kamailio" not in text
    assert RADIUS_SECRET in (folder / "servers").read_text()
