"""An answer joined from head and body reads like one that was built whole."""

import msgspec
import pytest

from identd.decision import Grant, Refuse, Unavailable
from protocol.framing import Encoding
from protocol.joining import JOIN_DECISION
from protocol.messages import REQUEST_ID_MAX
from protocol.reason import Reason

BODIES = [
    Unavailable(0, Reason.NOT_READY, 500, 41),
    Refuse(1, Reason.CPS_ACCOUNT, 503, 42, 1, 2, retry_after_ms=5),
    Grant(7, 1, "a", 2, "b", "ip", "10.0.0.1", "44", "44", ("t",)),
    Grant(
        7, 1, "ä\n", 2, "b", "ip", "m", "44", "44", (), "9#", 1, "account", 2, "client", 3, "r", "p", "sip", 5060,
        1, 2, "account", 120,
    ),
]  # fmt: skip


@pytest.mark.rule("P0.8", "P0.11", "P2.5")
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize("request_id", [0, 127, 2**32, REQUEST_ID_MAX])
@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_a_joined_answer_is_the_answer_built_whole(
    body: msgspec.Struct, existing: bool, request_id: int, encoding: Encoding
) -> None:
    for op in ("identify", "authorize"):
        data = JOIN_DECISION[encoding](request_id, op, existing, body)
        if encoding == "json":
            assert data.endswith(b"\n")
            read = msgspec.json.decode(data)
        else:
            assert int.from_bytes(data[:4], "big") == len(data) - 4
            read = msgspec.msgpack.decode(data[4:])
        expected = {"id": request_id, "op": op, **({"existing": True} if existing else {})}
        assert read == expected | msgspec.json.decode(msgspec.json.encode(body))
