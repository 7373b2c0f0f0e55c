"""The tables of the other doors: each problem names the key, and the secret of a client is in no text."""

import tomllib
from pathlib import Path
from textwrap import dedent

import pytest

from identd.door_settings import RADIUS_SECRET_BYTES_MAX, RadiusClient
from identd.settings import load_settings, read_tables

GOOD = """
    [radius]
    auth_listen = "127.0.0.1:1812"
    accounting_listen = "127.0.0.1:1813"
    [[radius.clients]]
    network = "192.0.2.0/24"
    secret = "a secret of theirs"
    gateway = "gw1"
    [radius.clients.request]
    ani = ["Calling-Station-Id", "User-Name"]
    [http]
    listen = "127.0.0.1:1812"
    [[evapi.kamailios]]
    address = "127.0.0.1:8448"
    gateway = "kam1"
"""


def problems(text: str) -> list[str]:
    _, found = read_tables(tomllib.loads(dedent(text)), {})
    return [key for key, _ in found]


def test_a_tcp_port_and_a_udp_port_of_one_number_are_two():
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("good", "bad", "key"),
    [
        ("192.0.2.0/24", "192.0.2.1/24", "radius.clients[0].network"),
        ("192.0.2.0/24", "a switch", "radius.clients[0].network"),
        ('secret = "a secret of theirs"', "", "radius.clients[0].secret"),
        ('gateway = "gw1"', 'secret_file = "s"', "radius.clients[0].secret"),
        ("a secret of theirs", "ü" * (RADIUS_SECRET_BYTES_MAX // 2 + 1), "radius.clients[0].secret"),
        ('gateway = "gw1"', 'preset = "openser"', "radius.clients[0].preset"),
        (
            'gateway = "gw1"',
            'require_message_authenticator = "maybe"',
            "radius.clients[0].require_message_authenticator",
        ),
        ('gateway = "gw1"', "retries = 1", "radius.clients[0]"),
        ('gateway = "gw1"', 'digest_realm = "ü' + "x" * 252 + '"', "radius.clients[0].digest_realm"),
        ('gateway = "gw1"', "digest_realm = 'the \"house\"'", "radius.clients[0].digest_realm"),
        ('gateway = "gw1"', 'digest_realm = "a\\tb"', "radius.clients[0].digest_realm"),
        ('auth_listen = "127.0.0.1:1812"', 'auth_listen = "127.0.0.1:1813"', "radius.accounting_listen"),
        ('auth_listen = "127.0.0.1:1812"', 'auth_listen = ":1812"', "radius.auth_listen"),
        ("127.0.0.1:8448", "127.0.0.1:0", "evapi.kamailios[0].address"),
        ("127.0.0.1:8448", ":8448", "evapi.kamailios[0].address"),
        ("127.0.0.1:8448", "kamailio", "evapi.kamailios[0].address"),
        ('gateway = "kam1"', 'gateway = ""', "evapi.kamailios[0].gateway"),
    ],
)
def test_what_is_wrong_names_its_key(good: str, bad: str, key: str):
    assert good in GOOD
    assert key in problems(GOOD.replace(good, bad))


def test_the_same_network_or_kamailio_twice_is_wrong():
    twice = GOOD + '[[radius.clients]]\n    network = "192.0.2.0/24"\n    secret = "x"\n'
    assert problems(twice) == ["radius.clients[1].network"]
    assert problems(GOOD + '[[evapi.kamailios]]\n    address = "127.0.0.1:8448"\n    gateway = "kam2"\n') == [
        "evapi.kamailios[1].address"
    ]


def test_listening_without_clients_is_wrong():
    assert problems('[radius]\nauth_listen = "127.0.0.1:1812"') == ["radius.clients"]


def test_the_line_of_a_client_that_is_wrong_is_told(tmp_path: Path):
    path = tmp_path / "identd.toml"
    path.write_text(dedent(GOOD).replace('"gw1"', "5"))
    with pytest.raises(Exception, match=r"line 8: radius\.clients\[0\]\.gateway: Expected str, got int"):
        load_settings(path, {})


def test_the_secret_is_in_no_repr():
    assert "theirs" not in repr(RadiusClient(network="192.0.2.1", secret="theirs"))
