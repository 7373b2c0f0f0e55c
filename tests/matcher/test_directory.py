"""What the directory shows of itself; how it changes is in `test_update.py`."""

import pytest

from matcher.account import Account, Client, Gateway, OrigSide, Reseller
from matcher.change import AccountPut, ChangeSet, ClientPut, GatewayPut, ResellerPut, RowQuarantined
from matcher.directory import Directory
from tests.matcher import oracle


@pytest.mark.rule("M1.2", "M1.3")
def test_rows_of_every_table_are_found_by_id_and_gateways_by_name() -> None:
    directory = Directory(oracle.proves)
    account = Account(id=1, client_id=2, name="rose_orig", ident_by="ani", ani="*", orig=OrigSide())
    client, reseller, gateway = (
        Client(id=2, name="Rose", reseller_id=3),
        Reseller(id=3, name="Flora"),
        Gateway(id=4, name="gw"),
    )
    changes = (AccountPut(account), ClientPut(client), ResellerPut(reseller), GatewayPut(gateway))
    directory.apply(ChangeSet(changes, full=True))
    assert directory.accounts == {1: account}
    assert directory.clients == {2: client}
    assert directory.resellers == {3: reseller}
    assert directory.gateways == {4: gateway}
    assert directory.gateways_by_name == {"gw": gateway}


@pytest.mark.rule("M1.12")
def test_statistics_count_rows_quarantine_and_the_index() -> None:
    directory = Directory(oracle.proves)
    rows = [
        Account(id=number, client_id=number, name="a", ident_by="ani", ani="44", orig=OrigSide()) for number in (1, 2)
    ]
    bad = RowQuarantined("clients", 7, "name", "is longer than 255 bytes")
    directory.apply(ChangeSet((*(AccountPut(account) for account in rows), bad), full=True))
    figures = directory.statistics()
    assert (figures["accounts"], figures["quarantined"], figures["generation"]) == (2, 1, 1)
    assert (figures["orig_anis"], figures["ambiguous_pairs"], figures["hidden"]) == (1, 1, 0)
