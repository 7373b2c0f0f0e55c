"""Whose packets are answered, and how: the tables of `[[radius.clients]]` made ready, found by a packet's address.

The longest network counts. Clients are few, so one dict a length of network is enough.
"""

from collections.abc import Mapping, Sequence

from identd.door_settings import RadiusClient, Requirement
from identd.radius.answering import AnswerWriter
from identd.radius.naming import NamedAttribute, UnknownAttributeError, named
from identd.radius.presets import ANSWER_FIELDS, PRESETS, REQUEST_FIELDS
from identd.radius.reading import call_tables
from matcher.account import Network
from matcher.address import canonical_network, masked_address
from protocol.radius.secret import Secret
from protocol.radius.value import Kind

ADDRESS_KINDS = frozenset({Kind.TEXT, Kind.ADDRESS4, Kind.ADDRESS6})
LEFT_OUT = "none"
"""Written instead of an attribute's name: the field is not told."""


class RadiusClientsError(ValueError):
    """A table of `[[radius.clients]]` cannot be used; the text names its place and key, and never a secret."""


class ReadyClient:
    """One table, ready for packets. `is_one_switch`: nobody else asks as its gateway, as far as tables can say."""

    __slots__ = (
        "authorizes",
        "digest_realm",
        "gateway",
        "is_one_switch",
        "network",
        "requirement",
        "secret",
        "tables",
        "writer",
    )

    def __init__(self, settings: RadiusClient, secret: bytes, is_one_switch: bool) -> None:
        """Raises ValueError whose text begins with the key."""
        if not secret:
            raise ValueError("secret: is empty, and RFC 2865 §3 wants one byte at least")
        preset = PRESETS[settings.preset]
        self.network: Network = canonical_network(settings.network)[0]
        self.secret = Secret(secret)
        self.gateway = settings.gateway
        self.authorizes = settings.mode == "authorize"
        self.digest_realm = settings.digest_realm
        self.requirement: Requirement = settings.require_message_authenticator
        self.tables = call_tables(_request(preset.request, settings.request), preset.legs)
        told = _answer(preset.answer, settings.answer)
        try:
            self.writer = AnswerWriter(told)
        except ValueError as error:
            raise ValueError(f"answer.{error}") from None
        self.is_one_switch = is_one_switch


class RadiusClients:
    """All of them, by network."""

    __slots__ = ("_by_length",)

    def __init__(self, clients: Sequence[ReadyClient]) -> None:
        by_length: dict[tuple[int, int], dict[bytes, ReadyClient]] = {}
        for client in clients:
            address, length = client.network.address, client.network.length
            by_length.setdefault((len(address), length), {})[address] = client
        self._by_length = {
            family: tuple(
                (length, by_length[family, length]) for _, length in sorted(by_length, reverse=True) if _ == family
            )
            for family in (4, 16)
        }

    def find(self, source: bytes) -> ReadyClient | None:
        """The client of this canonical packed address, whose network is the longest that has it."""
        for length, clients in self._by_length[len(source)]:
            client = clients.get(masked_address(source, length))
            if client is not None:
                return client
        return None

    def statistics(self) -> dict[str, int]:
        """Sizes, for tests and for the page of figures. `accounts_kept`: whose part of an answer is made already."""
        known = [
            client for lengths in self._by_length.values() for _, clients in lengths for client in clients.values()
        ]
        return {"clients": len(known), "accounts_kept": sum(client.writer.accounts_kept for client in known)}


def make_clients(tables: Sequence[RadiusClient], secrets: Sequence[bytes]) -> RadiusClients:
    """The clients of the configuration, with their secrets in the same order. Raises `RadiusClientsError`."""
    named_by: dict[str, int] = {}
    for table in tables:
        named_by[table.gateway] = named_by.get(table.gateway, 0) + 1
    clients = []
    for place, (table, secret) in enumerate(zip(tables, secrets, strict=True)):
        try:
            is_host = canonical_network(table.network)[0].is_host
            is_one_switch = not table.gateway or (is_host and named_by[table.gateway] == 1)
            clients.append(ReadyClient(table, secret, is_one_switch))
        except ValueError as error:
            raise RadiusClientsError(f"radius.clients[{place}].{error}") from None
    return RadiusClients(clients)


def _request(
    preset: Mapping[str, tuple[str, ...]], overrides: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[NamedAttribute, ...]]:
    for field in overrides:
        if field not in REQUEST_FIELDS:
            raise ValueError(f"request.{field}: is no field of a call: {', '.join(REQUEST_FIELDS)}")
    sources = {
        field: tuple(_named(f"request.{field}", name) for name in names)
        for field, names in {**preset, **overrides}.items()
    }
    for source in sources["address"]:
        if source.kind not in ADDRESS_KINDS:  # four bytes of a number would be taken for an address
            raise ValueError(f"request.address: an attribute that is {source.kind.value} holds no address")
    return sources


def _answer(preset: Mapping[str, str], overrides: Mapping[str, str]) -> dict[str, NamedAttribute]:
    for field in overrides:
        if field not in ANSWER_FIELDS:
            raise ValueError(f"answer.{field}: is no field of an answer: {', '.join(ANSWER_FIELDS)}")
    told = {**preset, **overrides}
    return {field: _named(f"answer.{field}", name) for field, name in told.items() if name != LEFT_OUT}


def _named(where: str, name: str) -> NamedAttribute:
    try:
        return named(name)
    except UnknownAttributeError as error:
        raise ValueError(f"{where}: {error}") from None
