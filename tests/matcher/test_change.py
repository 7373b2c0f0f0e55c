"""Every kind of change travels between processes and comes out as the same kind."""

import msgspec
import pytest

from matcher.account import Account, Client, Gateway, OrigSide, Reseller
from matcher.change import (
    AccountPut,
    Change,
    ChangeSet,
    ClientPut,
    GatewayPut,
    ResellerPut,
    RowQuarantined,
    RowRemoved,
)

CHANGES: list[Change] = [
    AccountPut(Account(id=1, client_id=1, name="a", ident_by="ani", ani="*", orig=OrigSide(tags=("x",)))),
    ClientPut(Client(id=1, name="Rose", balance_micros=-5)),
    ResellerPut(Reseller(id=1, name="Flora")),
    GatewayPut(Gateway(id=1, name="gw", sip_codes={"no_credit": 403})),
    RowRemoved("accounts", 1),
    RowQuarantined("accounts", 1, "port", "is 70000", blocked=True),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: type(change).__name__)
def test_a_change_travels_and_arrives_the_same(change: Change) -> None:
    sent = ChangeSet((change,), full=True)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=ChangeSet) == sent
