"""Every socket of the configuration is opened, or none is left open and the one in the way is named."""

import socket
from pathlib import Path

import msgspec
import pytest

from identd.doors import open_doors
from identd.listener import ListenError
from identd.settings import Settings


def settings(**sections: dict[str, object]) -> Settings:
    return msgspec.convert(sections, Settings)


def test_all_doors_are_opened_and_named(tmp_path: Path):
    doors = open_doors(
        settings(
            socket={"unix": str(tmp_path / "s"), "tcp": "127.0.0.1:0"},
            http={"listen": "127.0.0.1:0"},
            radius={"auth_listen": "127.0.0.1:0", "accounting_listen": "[::1]:0"},
        ),
        {},
    )
    try:
        assert [one.transport for one in doors.listeners] == ["unix", "tcp", "http"]
        assert doors.radius_auth is not None
        assert doors.radius_accounting is not None
        assert doors.radius_auth.type == socket.SOCK_DGRAM
        assert [word for word in doors.names.split() if word.startswith("radius")] == [
            "radius-auth",
            "radius-accounting",
        ]
        assert "[::1]:" in doors.names
    finally:
        doors.close()
    assert not (tmp_path / "s").exists()


def test_a_door_that_is_off_is_not_opened(tmp_path: Path):
    doors = open_doors(settings(socket={"unix": str(tmp_path / "s"), "tcp": ""}), {})
    assert [one.transport for one in doors.listeners] == ["unix"]
    assert doors.radius_auth is None
    assert doors.radius_accounting is None
    doors.close()


@pytest.mark.parametrize("door", ["http", "radius"])
def test_one_that_cannot_be_opened_leaves_none_open(tmp_path: Path, door: str):
    kind = socket.SOCK_DGRAM if door == "radius" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if door == "http":
            other.listen()
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        section = {"http": {"listen": taken}, "radius": {"auth_listen": "127.0.0.1:0", "accounting_listen": taken}}[
            door
        ]
        with pytest.raises(ListenError, match=taken):
            open_doors(settings(socket={"unix": str(tmp_path / "s"), "tcp": "127.0.0.1:0"}, **{door: section}), {})
    assert not (tmp_path / "s").exists()
