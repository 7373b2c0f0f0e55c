"""What the lab writes into identd's configuration."""

import tomllib

import pytest

from identd.settings import load_settings
from lab.doors import DOORS
from lab.places import Places


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_identd_takes_the_tables_of_every_door(door, tmp_path):
    file = tmp_path / "identd.toml"
    file.write_text(door.configuration(Places()))
    settings = load_settings(file, {})
    assert settings.radius.clients or settings.evapi.kamailios


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_a_door_opens_nothing_beside_itself(door):
    assert list(tomllib.loads(door.configuration(Places()))) == [door.name]


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_the_gateway_is_a_row_of_the_accounts(door):
    from lab.play import ACCOUNTS

    assert f"'{door.switch}'" in ACCOUNTS.read_text(encoding="utf-8")
    assert f'gateway = "{door.switch}"' in door.configuration(Places())
