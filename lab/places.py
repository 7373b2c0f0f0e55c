"""Where everything in the lab is: addresses of loopback, and ports from one number upwards."""

import msgspec

HOST = "127.0.0.1"
FIRST_PORT = 23_000
PORTS = 200
"""So many from the first one: nothing else of the lab listens anywhere."""

REALM = "voice.example"
RADIUS_SECRET = "the-secret-of-the-lab-32-bytes-x"  # noqa: S105 - of a server that lives for a minute

RADCLIENT_ADDRESS = "127.0.0.20"
"""A RADIUS client of its own: what signs its packets once has to go on signing, which Kamailio's radcli cannot."""

_CALLER = 100


class Places(msgspec.Struct, frozen=True):
    """Ports, by what listens on them."""

    first: int = FIRST_PORT

    @property
    def metrics(self) -> int:
        return self.first + 10

    @property
    def radius_auth(self) -> int:
        return self.first + 12

    @property
    def radius_accounting(self) -> int:
        return self.first + 13

    @property
    def evapi(self) -> int:
        return self.first + 48

    @property
    def switch(self) -> int:
        return self.first + 60

    @property
    def far_side(self) -> "SippPorts":
        return self._sipp(80)

    def caller(self, number: int) -> "SippPorts":
        """Those of a calling SIPp; `number` counts them. More than ten never run at once."""
        return self._sipp(_CALLER + 10 * (number % 10))

    def _sipp(self, offset: int) -> "SippPorts":
        return SippPorts(self.first + offset, self.first + offset + 1, self.first + offset + 2)


class SippPorts(msgspec.Struct, frozen=True):
    """What one SIPp binds. It takes a control and some media ports whether it needs them or not."""

    sip: int
    control: int
    media: int
