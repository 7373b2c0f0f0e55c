"""The ways in that the lab tries, a row each: what identd's configuration says, and what is changed in the switch's.

A switch's configuration is played as it stands in config/switches/; the lab gives values to the names at its top and
replaces the lines that the page in docs/switches/ tells an operator to replace.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from lab.places import HOST, RADCLIENT_ADDRESS, RADIUS_SECRET, REALM, Places

Edits = tuple[tuple[str, str, str], ...]
"""(file, text that stands there, what the lab needs instead)."""


class Door(msgspec.Struct, frozen=True):
    """`configuration`: tables for identd.toml. The other two get the folder of the switch's copy as well: `defines`
    are names of kamailio.cfg (`-A NAME=VALUE`, strings in their quotes), `edits` are for the files beside it."""

    name: str
    configuration: Callable[[Places], str]
    defines: Callable[[Places, Path], Mapping[str, str]]
    edits: Callable[[Places, Path], Edits]

    @property
    def switch(self) -> str:
        """The folder under config/switches/, and the gateway's name in the database."""
        return f"kamailio-{self.name}"


def _defines(places: Places) -> dict[str, str]:
    """What both configurations need."""
    return {
        "LISTEN": f"udp:{HOST}:{places.switch}",
        "FAR_SIDE": f'"{HOST}:{places.far_side.sip}"',
        "REALM": f'"{REALM}"',
    }


def _radius_configuration(places: Places) -> str:
    return f"""\
[radius]
auth_listen = "{HOST}:{places.radius_auth}"
accounting_listen = "{HOST}:{places.radius_accounting}"

[[radius.clients]]
network = "{HOST}"
secret = "{RADIUS_SECRET}"
gateway = "kamailio-radius"
preset = "kamailio"

[[radius.clients]]
network = "{RADCLIENT_ADDRESS}"
secret = "{RADIUS_SECRET}"
gateway = "radclient"
preset = "generic"
require_message_authenticator = "yes"
"""


def _radius_defines(places: Places, copy: Path) -> dict[str, str]:
    return {**_defines(places), "RADIUS_CONFIG": f'"{copy}/radius.conf"'}


def _radius_edits(places: Places, copy: Path) -> Edits:
    return (
        ("radius.conf", f"{HOST}:1812", f"{HOST}:{places.radius_auth}"),
        ("radius.conf", f"{HOST}:1813", f"{HOST}:{places.radius_accounting}"),
        ("radius.conf", "/etc/kamailio/identd/", f"{copy}/"),
        ("servers", "change-this-secret", RADIUS_SECRET),
    )


def _evapi_configuration(places: Places) -> str:
    return f"""\
[[evapi.kamailios]]
address = "{HOST}:{places.evapi}"
gateway = "kamailio-evapi"
"""


def _evapi_defines(places: Places, _copy: Path) -> dict[str, str]:
    # identd ends a call that two lists in a row do not name, so that a restart of the switch takes two of them
    return {**_defines(places), "EVAPI_LISTEN": f'"{HOST}:{places.evapi}"', "SYNC_SECONDS": "1"}


def _no_edits(_places: Places, _copy: Path) -> Edits:
    return ()


DOORS: tuple[Door, ...] = (
    Door("radius", _radius_configuration, _radius_defines, _radius_edits),
    Door("evapi", _evapi_configuration, _evapi_defines, _no_edits),
)
