"""What rows that cannot be used said before: found in one pass over the snapshot on disk.

A daemon that starts has nothing in memory that could stay in force for a bad row, and without it a broader account
of another client would take its calls (docs/matching.md §8, §3). The file is the only place that still knows.
"""

import asyncio
from collections.abc import Container, Iterable
from pathlib import Path

import msgspec

from loader import stream
from loader.snapshot import SnapshotError, SnapshotReader
from matcher.change import AccountPut, Change, ClientPut, GatewayPut, ResellerPut, RowQuarantined, RowRemoved, Table

BAD_ROWS_MAX = 100_000
"""Rows of a full read whose last good versions are looked for: some 100 MB. What broke more than that broke all."""

Put = AccountPut | ClientPut | ResellerPut | GatewayPut
RowKey = tuple[Table, int]


def _key(change: Change) -> RowKey:
    match change:
        case AccountPut(account=account):
            return "accounts", account.id
        case ClientPut(client=client):
            return "clients", client.id
        case ResellerPut(reseller=reseller):
            return "resellers", reseller.id
        case GatewayPut(gateway=gateway):
            return "gateways", gateway.id
        case RowRemoved(table=table, id=row_id) | RowQuarantined(table=table, id=row_id):
            return table, row_id


def keep_aside(told: Iterable[Change], aside: dict[RowKey, RowQuarantined]) -> list[Change]:
    """Puts the bad rows into `aside` while there is room, and returns what is to be told now."""
    now: list[Change] = []
    for change in told:
        if isinstance(change, RowQuarantined) and len(aside) < BAD_ROWS_MAX:
            aside[change.table, change.id] = change
        else:
            now.append(change)
    return now


async def last_good(directory: Path, wanted: Container[RowKey]) -> dict[RowKey, Put]:
    """The newest usable versions of the wanted rows, of those that have one. Raises `SnapshotError`.

    Gives the thread back between slices: a million rows take seconds, and the daemon goes on acknowledging.
    """
    found: dict[RowKey, Put] = {}
    decoder = msgspec.msgpack.Decoder(stream.UpdateSlice)
    try:
        for frame in SnapshotReader(directory).frames():
            if frame is None:
                continue
            for change in decoder.decode(memoryview(frame)[4:]).changes:
                key = _key(change)
                if key not in wanted or isinstance(change, RowQuarantined):
                    continue
                if isinstance(change, RowRemoved):
                    found.pop(key, None)
                else:
                    found[key] = change
            await asyncio.sleep(0)
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise SnapshotError(f"the snapshot cannot be read: {error}") from error
    return found
