"""The answer to `identify` and `authorize` without building it twice: a head with id and op, joined to a body.

A decision is a flat struct whose names are the keys of the answer. Copying its two dozen fields into another struct
would cost more than deciding did, so it is encoded as it stands and the head is put before it, in bytes. Both
encodings allow that: a JSON object after its `{`, a MessagePack map with its count raised.
"""

from collections.abc import Callable
from struct import Struct

import msgspec

from protocol.framing import Encoding

JoinDecision = Callable[[int, str, bool, msgspec.Struct], bytes]
"""(request id, op, existing, decision with at least one field) -> the framed answer."""

_encode_json = msgspec.json.Encoder().encode
_encode_msgpack = msgspec.msgpack.Encoder().encode

_JSON_HEADS = {
    (op, existing): b'{"id":%%d,"op":"%s",%s' % (op.encode(), b'"existing":true,' if existing else b"")
    for op in ("identify", "authorize")
    for existing in (False, True)
}


def _string(text: str) -> bytes:
    return msgspec.msgpack.encode(text)


# frame length, map16, key count, "id", uint64 marker, id: 4 + 1 + 2 + 3 + 1 + 8 bytes
_MSGPACK_HEAD = Struct(">IBH3sBQ")
_ID_KEY = _string("id")
_MAP16, _UINT64 = 0xDE, 0xCF
_MSGPACK_MIDDLES = {
    (op, existing): _string("op") + _string(op) + (_string("existing") + b"\xc3" if existing else b"")
    for op in ("identify", "authorize")
    for existing in (False, True)
}


def _join_json(request_id: int, op: str, existing: bool, decision: msgspec.Struct) -> bytes:
    return _JSON_HEADS[op, existing] % request_id + _encode_json(decision)[1:] + b"\n"


def _join_msgpack(request_id: int, op: str, existing: bool, decision: msgspec.Struct) -> bytes:
    body = _encode_msgpack(decision)
    if body[0] == _MAP16:
        keys, body = body[1] << 8 | body[2], body[3:]
    else:  # fixmap: up to 15 keys
        keys, body = body[0] & 0x0F, body[1:]
    middle = _MSGPACK_MIDDLES[op, existing]
    length = _MSGPACK_HEAD.size - 4 + len(middle) + len(body)
    return (
        _MSGPACK_HEAD.pack(length, _MAP16, keys + (3 if existing else 2), _ID_KEY, _UINT64, request_id)
        + middle
        + body
    )


JOIN_DECISION: dict[Encoding, JoinDecision] = {"json": _join_json, "msgpack": _join_msgpack}
