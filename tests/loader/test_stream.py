"""The stream between loader and daemon: whole, byte by byte, and broken."""

import msgspec
import pytest

from loader import stream
from matcher.account import Account, Client, Gateway, Network, OrigSide, Reseller
from matcher.change import AccountPut, ClientPut, GatewayPut, ResellerPut, RowQuarantined, RowRemoved

ACCOUNT = Account(
    id=176,
    client_id=12,
    name="rose_orig",
    ident_by="ip",
    networks=(Network(b"\x0b\x0b\x14\x21", 32), Network(b"\x20\x01" + bytes(14), 16)),
    tech_prefix="1234#",
    password=b"\x00\xff",
    orig=OrigSide(rate_table_id=5, tags=("wholesale",), capacity=30, cps=2.5),
)
MESSAGES: list[stream.LoaderMessage] = [
    stream.LogLine("info", "connected", {"backend": 7, "again": True, "host": None}),
    stream.UpdateBegin(full=True, source="database"),
    stream.UpdateSlice(
        (
            AccountPut(ACCOUNT),
            ClientPut(Client(id=12, name="Rose", balance_micros=10**15)),
            ResellerPut(Reseller(id=1, name="R", blocked=True)),
            GatewayPut(Gateway(id=3, name="GW Calls", sip_codes={"no_credit": 403})),
            RowRemoved("gateways", 4),
            RowQuarantined("accounts", 9, "tech_prefix", "holds a space", orig_off=True),
        )
    ),
    stream.UpdateCommit(recorded_at=1700000000.25),
    stream.UpdateAbandon("the connection was lost"),
    stream.DatabaseState(connected=False, error="refused", as_of=None),
    stream.DatabaseState(connected=True, as_of=1.5, seen=stream.Seen(2**63, 2**64 - 1, (2**63, 2**64 - 9))),
    stream.Alive(),
]


def test_every_message_comes_out_as_it_went_in_whole_and_byte_by_byte() -> None:
    wire = b"".join(map(stream.encode, MESSAGES))
    assert stream.from_loader().feed(wire) == MESSAGES
    decoder = stream.from_loader()
    heard = [message for i in range(len(wire)) for message in decoder.feed(wire[i : i + 1])]
    assert heard == MESSAGES
    assert decoder.pending == 0


def test_the_daemon_s_messages_come_out_as_they_went_in() -> None:
    messages: list[stream.DaemonMessage] = [
        stream.Configure("postgresql://x", 0.5, 2.0, "state", daemon_ready=True),
        stream.Ack(3),
        stream.Reconcile(),
        stream.Stop(),
    ]
    assert stream.from_daemon().feed(b"".join(map(stream.encode, messages))) == messages


def test_an_unfinished_frame_waits_for_its_rest() -> None:
    wire = stream.encode(MESSAGES[0])
    decoder = stream.from_loader()
    assert decoder.feed(wire + wire[:5]) == [MESSAGES[0]]
    assert decoder.pending == 5
    assert decoder.feed(wire[5:]) == [MESSAGES[0]]


@pytest.mark.parametrize(
    "wire",
    [
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x01\xc1",
        b"\x00\x00\x00\x00",
        b"\x00\x00\x00\x04\xa3abc",
        b"\x00\x00\x00\x02\x91\xa9",
        b"\x00\x00\x00\x0b\x92\xa7abandon\xa1\xff",
        stream.encode(stream.Stop()),
    ],
)
def test_what_is_no_message_is_a_stream_error(wire: bytes) -> None:
    with pytest.raises(stream.StreamError):
        stream.from_loader().feed(wire)


def test_a_message_larger_than_a_frame_is_refused_by_its_sender() -> None:
    with pytest.raises(stream.StreamError, match="does not fit"):
        stream.encode(stream.UpdateAbandon("x" * (stream.FRAME_BYTES_MAX + 1)))


def test_a_slice_of_the_largest_accounts_fits_a_frame() -> None:
    networks = tuple(Network(bytes([32, *([255] * 15)]), 128) for _ in range(4096))
    biggest = msgspec.structs.replace(
        ACCOUNT,
        networks=networks,
        orig=OrigSide(tags=("é" * 127,) * 64),
        proxy="x" * 255,
        gateway_ids=tuple(range(2**63 - 5000, 2**63 - 1)),
    )
    changes = (AccountPut(biggest),) * (stream.SLICE_WEIGHT_MAX // 4097 + 1)
    assert len(stream.encode(stream.UpdateSlice(changes))) < stream.FRAME_BYTES_MAX


def test_the_dsn_is_in_no_repr() -> None:
    assert "secret" not in repr(stream.Configure("postgresql://u:secret@h/db"))
