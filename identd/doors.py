"""Every socket that switches ask on, opened as the configuration says: nothing is half open when one cannot be.

And who may ask through the one door whose peers stand in the configuration, with secrets in files: RADIUS.
"""

import socket
from collections.abc import Mapping
from pathlib import Path

import msgspec

from identd.datagrams import bind_udp
from identd.door_settings import RadiusSection
from identd.endpoint import Endpoint, parse_endpoint
from identd.listener import Listener, ListenError, adopted, listen_tcp, listen_unix
from identd.radius.clients import RadiusClients, make_clients
from identd.sealing import read_secret
from identd.settings import Settings
from identd.systemd import inherited_sockets


class Doors(msgspec.Struct, frozen=True):
    """Listening sockets, and the two of RADIUS, each None where it is off."""

    listeners: tuple[Listener, ...]
    radius_auth: socket.socket | None = None
    radius_accounting: socket.socket | None = None

    @property
    def names(self) -> str:
        """For the log line of the start."""
        told = [one.name for one in self.listeners]
        for kind, sock in (("radius-auth", self.radius_auth), ("radius-accounting", self.radius_accounting)):
            if sock is not None:
                host, port = sock.getsockname()[:2]
                told.append(f"{kind} {Endpoint(host, port)}")
        return " ".join(told)

    def close(self) -> None:
        """All of them, where the daemon does not come up."""
        for listener in self.listeners:
            listener.close()
        for sock in (self.radius_auth, self.radius_accounting):
            if sock is not None:
                sock.close()


def open_doors(settings: Settings, environ: Mapping[str, str]) -> Doors:
    """Open all. Raises ListenError, with everything closed again. Also ActivationError, before anything is opened.

    The service manager's sockets, where it hands any over, stand for those of [socket].
    """
    inherited = inherited_sockets(environ)
    listeners = [adopted(sock) for sock in inherited]
    radius: list[socket.socket | None] = []
    try:
        if settings.socket.unix and not inherited:
            listeners.append(listen_unix(Path(settings.socket.unix), settings.socket.unix_mode_bits))
        if settings.socket.tcp and not inherited:
            listeners.append(listen_tcp(parse_endpoint(settings.socket.tcp)))
        if settings.http.listen:
            listeners.append(listen_tcp(parse_endpoint(settings.http.listen), "http"))
        for text in (settings.radius.auth_listen, settings.radius.accounting_listen):
            # not `extend`: the first must be known when the second cannot be opened
            radius.append(bind_udp(parse_endpoint(text)) if text else None)  # noqa: PERF401
    except ListenError:
        Doors(tuple(listeners), *radius).close()
        raise
    return Doors(tuple(listeners), *radius)


def radius_clients(section: RadiusSection) -> RadiusClients:
    """The clients of the configuration with their secrets. Raises CredentialsError, RadiusClientsError."""
    return make_clients(
        section.clients,
        [
            read_secret(Path(client.secret_file)) if client.secret_file else client.secret.encode()
            for client in section.clients
        ],
    )
