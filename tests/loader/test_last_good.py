"""What bad rows said before, out of a file that was written as the loader writes it."""

import asyncio
from pathlib import Path

import pytest

from loader import last_good as rules
from loader import stream
from loader.last_good import RowKey, last_good
from loader.snapshot import FILE_NAME, SnapshotError, SnapshotRecorder
from matcher.account import Client, Gateway, Reseller
from matcher.change import Change, ClientPut, GatewayPut, ResellerPut, RowQuarantined, RowRemoved


def _written(directory: Path, *updates: list[Change]) -> None:
    recorder = SnapshotRecorder(directory)
    for number, changes in enumerate(updates):
        recorder.begin(full=number == 0)
        for change in changes:
            recorder.write(stream.encode(stream.UpdateSlice((change,))))
        recorder.commit(1.0)
    recorder.close()


def rose(name: str) -> ClientPut:
    return ClientPut(Client(id=12, name=name))


BAD = RowQuarantined("clients", 12, "balance", "is NaN")
HISTORIES: list[tuple[str, list[list[Change]], Change | None]] = [
    ("once", [[rose("Rose")]], rose("Rose")),
    ("the newest", [[rose("Rose")], [rose("Rosa")]], rose("Rosa")),
    ("good before it was bad", [[rose("Rose")], [BAD], [BAD]], rose("Rose")),
    ("told with the bad row", [[rose("Rose"), BAD]], rose("Rose")),
    ("removed", [[rose("Rose")], [RowRemoved("clients", 12)], [BAD]], None),
    ("never good", [[BAD]], None),
]


@pytest.mark.rule("M8.10")
@pytest.mark.parametrize(("updates", "expected"), [row[1:] for row in HISTORIES], ids=[row[0] for row in HISTORIES])
def test_the_newest_usable_version_is_found(
    tmp_path: Path, updates: list[list[Change]], expected: Change | None
) -> None:
    _written(tmp_path, [ResellerPut(Reseller(id=12, name="North")), GatewayPut(Gateway(id=12, name="g"))], *updates)
    key: RowKey = ("clients", 12)
    assert asyncio.run(last_good(tmp_path, {key})) == ({} if expected is None else {key: expected})
    assert asyncio.run(last_good(tmp_path, set())) == {}


def test_a_file_that_is_missing_or_not_ours_is_said(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="No such file"):
        asyncio.run(last_good(tmp_path, {("clients", 12)}))
    (tmp_path / FILE_NAME).write_bytes(b"something else")
    with pytest.raises(SnapshotError, match="another version"):
        asyncio.run(last_good(tmp_path, {("clients", 12)}))


def test_bad_rows_beyond_the_bound_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "BAD_ROWS_MAX", 2)
    bad = [RowQuarantined("clients", number, "name", "is empty") for number in range(1, 4)]
    aside: dict[RowKey, RowQuarantined] = {}
    assert rules.keep_aside([bad[0], rose("Rose"), *bad[1:]], aside) == [rose("Rose"), bad[2]]
    assert list(aside.values()) == bad[:2]
