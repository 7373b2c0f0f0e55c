"""The tables of the configuration for the doors beside the socket protocol: RADIUS, HTTP and Kamailio's evapi.

Types, bounds and what is wrong across their keys; what a key is for stands in `config/identd.toml`. Secrets may stand
in files of their own and appear in no message.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, field

from identd.endpoint import Endpoint, parse_endpoint
from identd.section import PathText, Section
from matcher.account import Network
from matcher.address import AddressError, canonical_network

NAME_MAX = 255
CLIENTS_MAX = 1000
"""RADIUS clients are switches, or networks of them; more is a list of customers in the wrong place."""

KAMAILIOS_MAX = 64
"""Connections that we make and keep."""

RADIUS_SECRET_BYTES_MAX = 255
DIGEST_REALM_BYTES_MAX = 253
"""As many as one attribute has."""

GatewayName = Annotated[str, Meta(max_length=NAME_MAX)]
AttributeName = Annotated[str, Meta(min_length=1, max_length=64)]
Preset = Literal["generic", "kamailio", "cisco-h323"]
Mode = Literal["authorize", "identify"]
Requirement = Literal["yes", "auto", "no"]


class RadiusClient(Section, frozen=True, kw_only=True):
    """One network whose RADIUS packets are answered. `request` and `answer` overrule the preset's attributes."""

    network: Annotated[str, Meta(max_length=64)]
    secret: Annotated[str, Meta(max_length=RADIUS_SECRET_BYTES_MAX)] = ""
    secret_file: PathText = ""
    gateway: GatewayName = ""
    mode: Mode = "authorize"
    preset: Preset = "generic"
    require_message_authenticator: Requirement = "auto"
    digest_realm: Annotated[str, Meta(max_length=DIGEST_REALM_BYTES_MAX)] = ""
    request: dict[str, tuple[AttributeName, ...]] = field(default_factory=dict)
    answer: dict[str, AttributeName] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"RadiusClient(network={self.network!r}, gateway={self.gateway!r}, preset={self.preset!r}, secret=***)"


class RadiusSection(Section, frozen=True, kw_only=True):
    auth_listen: str = ""
    accounting_listen: str = ""
    allow_any: bool = False
    clients: Annotated[tuple[RadiusClient, ...], Meta(max_length=CLIENTS_MAX)] = ()


class HttpSection(Section, frozen=True, kw_only=True):
    listen: str = ""
    allow_any: bool = False


class Kamailio(Section, frozen=True, kw_only=True):
    """One Kamailio whose evapi we connect to, and the gateway that it is in the database."""

    address: str
    gateway: Annotated[str, Meta(min_length=1, max_length=NAME_MAX)]

    @property
    def endpoint(self) -> Endpoint:
        return parse_endpoint(self.address)


class EvapiSection(Section, frozen=True, kw_only=True):
    kamailios: Annotated[tuple[Kamailio, ...], Meta(max_length=KAMAILIOS_MAX)] = ()


def radius_problems(radius: RadiusSection) -> Iterator[tuple[str, str]]:
    """What is wrong across the keys of [radius], as (key path, reason)."""
    if (radius.auth_listen or radius.accounting_listen) and not radius.clients:
        yield "radius.clients", "is empty: nobody would be answered"
    seen: dict[Network, int] = {}
    for place, client in enumerate(radius.clients):
        where = f"radius.clients[{place}]"
        try:
            network, had_host_bits = canonical_network(client.network)
        except AddressError as error:
            yield f"{where}.network", str(error)
        else:
            if had_host_bits:
                yield f"{where}.network", "has bits set below its mask: which hosts are meant?"
            same = seen.setdefault(network, place)
            if same != place:
                yield f"{where}.network", f"is that of radius.clients[{same}]"
        if bool(client.secret) == bool(client.secret_file):
            yield f"{where}.secret", "or secret_file must be set, and not both"
        if len(client.secret.encode()) > RADIUS_SECRET_BYTES_MAX:
            yield f"{where}.secret", f"is longer than {RADIUS_SECRET_BYTES_MAX} bytes"
        if len(client.digest_realm.encode()) > DIGEST_REALM_BYTES_MAX:
            yield f"{where}.digest_realm", f"is longer than {DIGEST_REALM_BYTES_MAX} bytes"
        if not client.digest_realm.isprintable() or set(client.digest_realm) & set('"\\'):
            yield f"{where}.digest_realm", "has a character that needs quoting in a header"


def evapi_problems(evapi: EvapiSection) -> Iterator[tuple[str, str]]:
    """What is wrong across the keys of [evapi], as (key path, reason)."""
    seen: dict[Endpoint, int] = {}
    for place, kamailio in enumerate(evapi.kamailios):
        where = f"evapi.kamailios[{place}].address"
        try:
            endpoint = kamailio.endpoint
        except ValueError as error:
            yield where, str(error)
            continue
        if endpoint.is_wildcard or not endpoint.port:
            yield where, "must name the address and port that Kamailio's evapi listens on"
        same = seen.setdefault(endpoint, place)
        if same != place:
            yield where, f"is that of evapi.kamailios[{same}]: both would be answered"
