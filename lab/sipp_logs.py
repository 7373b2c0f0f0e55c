"""What SIPp writes, read: the lines that our scenarios log, and its table of response times.

Pure. A line that SIPp has not finished writing is left for the next reading.
"""

import msgspec


class Reached(msgspec.Struct, frozen=True):
    """An INVITE as it reached the far side: the user of its R-URI, and what the switch wrote into its headers."""

    call_id: str
    dnis: str
    account: str
    rate_table: str
    routing_plan: str


def finals(text: str) -> dict[str, str]:
    """Call id -> the last word to the caller: a SIP code, or `unchallenged` (scenarios/uac_digest.xml)."""
    return {fields[1]: fields[2] for fields in _lines(text, "final", 3)}


def reached(text: str) -> dict[str, Reached]:
    """Call id -> the INVITE that arrived (scenarios/uas.xml)."""
    return {fields[1]: Reached(*fields[1:]) for fields in _lines(text, "reached", 6)}


def again(text: str) -> dict[str, str]:
    """Call id -> the account that a re-INVITE bore when it arrived, empty where it bore none (scenarios/uas.xml)."""
    return {fields[1]: fields[2] for fields in _lines(text, "again", 3)}


def ended(text: str) -> frozenset[str]:
    """Call ids of which a BYE has arrived at the far side (scenarios/uas.xml)."""
    return frozenset(fields[1] for fields in _lines(text, "ended", 2))


def response_milliseconds(text: str) -> list[float]:
    """The column of that name in what -trace_rtt writes: `Date_ms;response_time_ms;rtd_no`, a line a call."""
    rows = [line.split(";") for line in _whole_lines(text)]
    return [float(row[1]) for row in rows if len(row) == 3 and row[2] == "final"]


def _lines(text: str, first: str, length: int) -> list[list[str]]:
    split = [line.split("|") for line in _whole_lines(text)]
    return [fields for fields in split if len(fields) == length and fields[0] == first]


def _whole_lines(text: str) -> list[str]:
    return text[: text.rfind("\n") + 1].splitlines()
