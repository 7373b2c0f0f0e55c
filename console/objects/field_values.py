"""One value of one field: what an operator types, or JSON holds, to what the column takes; and back. Pure.

The bounds are the CHECKs of loader/schema/0001_tables.sql. `BadValueError` carries a sentence that says what to do;
texts arrive without blanks at their ends, "" never does.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TypeAlias

from console.objects import row_id
from console.objects.divided import divided
from matcher.address import AddressError, canonical_network, network_text

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

TEXT_BYTES_MAX = 255
NOTES_BYTES_MAX = 65_536
NETWORKS_MAX = 4096
TAGS_MAX = 64
CPS_MAX = 1_000_000
INTEGER_MAX = 2_147_483_647
ID_MAX = row_id.ID_MAX
FAULTS_SHOWN_MAX = 5
"""Of several wrong addresses in one field, so many are quoted."""
_SHOWN_MAX = 60

_TECH_PREFIX = re.compile(r"[0-9A-Za-z#*+]{1,255}")
_NUMBER = re.compile(r"[0-9]{1,19}")
_RATE = re.compile(r"[0-9]{1,10}(\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?")
_DOTTED_MASK = re.compile(r"([0-9.]+)/([0-9]{1,3}(?:\.[0-9]{1,3}){3})")
_BETWEEN_NETWORKS = re.compile(r"[;,\s]+")
_ON = frozenset({"on", "yes", "true", "1", "y", "x"})
_OFF = frozenset({"off", "no", "false", "0", "n"})


class BadValueError(ValueError):
    """This value cannot be taken; the message is a sentence that says what to do."""


def shown(value: object) -> str:
    """A value as a sentence quotes it: short, and without characters that do not print."""
    text = "".join(c if c.isprintable() else "�" for c in str(value)[: _SHOWN_MAX + 1])
    return f"“{text[:_SHOWN_MAX]}{'…' if len(text) > _SHOWN_MAX else ''}”"


def line(text: str, bytes_max: int = TEXT_BYTES_MAX) -> str:
    """A text of one line."""
    size = _size(text)
    if size > bytes_max:
        raise BadValueError(f"Shorten it to {bytes_max} bytes: it has {size}")
    if not text.isprintable() and any(unicodedata.category(c) == "Cc" for c in text):
        raise BadValueError("Write it on one line, without tabs or other control characters")
    return text


def notes(text: str) -> str:
    """A text of any number of lines; they are divided by a newline alone, however they were typed."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    size = _size(text)
    if size > NOTES_BYTES_MAX:
        raise BadValueError(f"Shorten it to {NOTES_BYTES_MAX:,} bytes: it has {size:,}")
    return text


def _size(text: str) -> int:
    if "\0" in text:
        raise BadValueError("Take out the character NUL: the database cannot hold it")
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise BadValueError("Take out the half characters (lone surrogates): they are no text") from None


def tech_prefix(text: str) -> str:
    """Characters that a called number can begin with."""
    if not _TECH_PREFIX.fullmatch(text):
        raise BadValueError(f"{shown(text)} is no tech prefix: write up to 255 of 0-9 A-Z a-z # * +, without blanks")
    return text


def ani(text: str) -> str:
    """A number, or a prefix that ends in `*`. A leading + does not count, so it cannot be all."""
    line(text)
    if any(c.isspace() for c in text):
        raise BadValueError(f"Take the blanks out of {shown(text)}: numbers are compared character by character")
    if text.removeprefix("+") == "":
        raise BadValueError("Write a number such as 442079460000, or a prefix such as 4420*: a + alone is none")
    return text


def whole(least: int, most: int, example: str) -> Callable[[str], int]:
    """A reader of whole numbers from `least` to `most`."""
    wanted = f"write a whole number from {least:,} to {most:,}{example}"

    def read(text: str) -> int:
        if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
            raise BadValueError(f"{shown(text)} does not do: {wanted}")
        return int(text)

    return read


def rate(least: int) -> Callable[[str], float]:
    """A reader of calls a second from `least` to a million."""

    def read(text: str) -> float:
        if not _RATE.fullmatch(text.lower()) or not least <= float(text) <= CPS_MAX:
            raise BadValueError(f"{shown(text)} does not do: write a number from {least} to {CPS_MAX:,}, such as 2.5")
        return float(text)

    return read


def flag(text: str) -> bool:
    """A check box, or a word of a file."""
    word = text.lower()
    if word in _ON or word in _OFF:
        return word in _ON
    raise BadValueError(f"{shown(text)} is neither yes nor no: write yes or no")


def choice(allowed: Iterable[str]) -> Callable[[str], str]:
    """A reader of one of these words, in any case."""
    words = tuple(allowed)

    def read(text: str) -> str:
        word = text.lower()
        if word not in words:
            raise BadValueError(f"{shown(text)} is none of them: choose {', '.join(words[:-1])} or {words[-1]}")
        return word

    return read


def tags(text: str) -> tuple[str, ...]:
    """Tags divided by `,` or `;`, each once."""
    return tag_list(divided(text))


def tag_list(values: Iterable[str]) -> tuple[str, ...]:
    """The same for tags that are divided already."""
    found = tuple(dict.fromkeys(values))
    if len(found) > TAGS_MAX:
        raise BadValueError(f"Take {len(found) - TAGS_MAX} out: at most {TAGS_MAX} tags fit, these are {len(found)}")
    for tag in found:
        if not tag:
            raise BadValueError("Leave out the empty tag")
        try:
            line(tag)
        except BadValueError as fault:
            raise BadValueError(f"The tag {shown(tag)}: {fault}") from None
    return found


def networks(text: str) -> tuple[str, ...]:
    """Addresses and networks divided by `;`, `,`, blanks or new lines -> canonical texts, each once."""
    return network_list(part for part in _BETWEEN_NETWORKS.split(text) if part)


def network_list(values: Iterable[str]) -> tuple[str, ...]:
    """The same for networks that are divided already."""
    found: dict[str, None] = {}
    faults: list[str] = []
    for text in values:
        try:
            found[network_text(canonical_network(text)[0])] = None
        except AddressError:
            faults.append(_why_no_network(text))
    if faults:
        more = f"; and {len(faults) - FAULTS_SHOWN_MAX:,} more" if len(faults) > FAULTS_SHOWN_MAX else ""
        how = ": write 192.0.2.1, or a network such as 10.0.0.0/24; divide several with ;"
        raise BadValueError("; ".join(faults[:FAULTS_SHOWN_MAX]) + more + how)
    if not found:
        raise BadValueError("Write at least one address, such as 192.0.2.1, or a network such as 10.0.0.0/24")
    if len(found) > NETWORKS_MAX:
        raise BadValueError(
            f"Use wider networks or a second account: at most {NETWORKS_MAX:,} fit, these are {len(found):,}"
        )
    return tuple(found)


def _why_no_network(text: str) -> str:
    address, slash, length = text.partition("/")
    try:
        canonical_network(address)
    except AddressError:
        return f"{shown(address)} is no IP address"
    masked = _DOTTED_MASK.fullmatch(text)
    if masked is not None and (bits := _mask_length(masked[2])) is not None:
        return f"{shown(text)} has its mask in the long form, which here is {address}/{bits}"
    return f"{shown(slash + length)} is no length of a network: 0 to {128 if ':' in address else 32}"


def _mask_length(mask: str) -> int | None:
    octets = [int(octet) for octet in mask.split(".")]
    if max(octets) > 255:
        return None
    bits = "".join(f"{octet:08b}" for octet in octets)
    return None if "01" in bits else bits.count("1")


def masked_bits(values: Iterable[str]) -> list[tuple[str, str]]:
    """(as written, the network that it means) for each valid text with bits below its mask."""
    found = []
    for text in values:
        try:
            network, masked = canonical_network(text)
        except AddressError:
            continue
        if masked:
            found.append((text, network_text(network)))
    return found


def written_networks(text: str) -> list[str]:
    """The parts of a typed list of networks, valid or not."""
    return [part for part in _BETWEEN_NETWORKS.split(text) if part]


def moment(text: str) -> datetime:
    """ISO 8601; a time without a zone is UTC."""
    try:
        when = datetime.fromisoformat(text)
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadValueError(
            f"{shown(text)} is no time: write 2026-01-31T18:00, in UTC, or with a zone: +02:00"
        ) from None


def moment_text(when: datetime, *, zone: bool = True) -> str:
    """What `moment` reads back; `zone` False: as `datetime-local` inputs want it. A time without a zone is UTC."""
    if when.tzinfo is None:  # the ends of time are in no zone of this machine
        when = when.replace(tzinfo=UTC)
    text = when.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="auto")
    return f"{text}Z" if zone else text


def rate_text(value: float) -> str:
    """The shortest text that reads back as the same number."""
    return f"{value:.0f}" if value.is_integer() else repr(value)


# JSON: the type is asked for here, the rest by the reader of the text's kind


def json_text(read: Callable[[str], str]) -> Callable[[Json], str]:
    """A JSON string that the reader of texts takes. It is kept exactly, blanks and all."""

    def typed(value: Json) -> str:
        if not isinstance(value, str):
            raise BadValueError(f"Send a string: this is {_kind_of(value)}")
        if not value:
            raise BadValueError("Send null, or leave it out, where nothing is set: this is an empty string")
        return read(value)

    return typed


def json_whole(least: int, most: int) -> Callable[[Json], int]:
    """A JSON whole number."""

    def typed(value: Json) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise BadValueError(f"Send a whole number: this is {_kind_of(value)}")
        if not least <= value <= most:
            raise BadValueError(f"Send a whole number from {least:,} to {most:,}")
        return value

    return typed


def json_rate(least: int) -> Callable[[Json], float]:
    """A JSON number."""

    def typed(value: Json) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadValueError(f"Send a number: this is {_kind_of(value)}")
        if not least <= value <= CPS_MAX or not math.isfinite(value):
            raise BadValueError(f"Send a number from {least} to {CPS_MAX:,}")
        return float(value) + 0.0  # no minus zero

    return typed


def json_flag(value: Json) -> bool:
    """A JSON boolean."""
    if not isinstance(value, bool):
        raise BadValueError(f"Send true or false: this is {_kind_of(value)}")
    return value


def json_texts(read: Callable[[Iterable[str]], tuple[str, ...]]) -> Callable[[Json], tuple[str, ...]]:
    """A JSON array of strings."""

    def typed(value: Json) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise BadValueError(f"Send an array of strings: this is {_kind_of(value)}")
        for one in value:
            if not isinstance(one, str):
                raise BadValueError(f"Send strings only in the array: one is {_kind_of(one)}")
        return read([one for one in value if isinstance(one, str)])

    return typed


def json_ids(value: Json) -> tuple[int, ...]:
    """A JSON array of ids, in rising order, each once."""
    if not isinstance(value, list):
        raise BadValueError(f"Send an array of ids: this is {_kind_of(value)}")
    read = json_whole(1, ID_MAX)
    return tuple(sorted({read(one) for one in value}))


def json_moment(value: Json) -> datetime:
    """A JSON string that is a time."""
    if not isinstance(value, str):
        raise BadValueError(f"Send a string such as 2026-01-31T18:00:00Z: this is {_kind_of(value)}")
    return moment(value)


def _kind_of(value: Json) -> str:
    for kind, name in _JSON_KINDS:
        if isinstance(value, kind):
            return name
    return "null"


_JSON_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "true or false"),
    (int, "a number"),
    (float, "a number"),
    (str, "a string"),
    (list, "an array"),
    (dict, "an object"),
)
