"""The population that every measurement uses: accounts, clients, gateways, and the calls that they send.

The mix is that of docs/performance.md: 70 % known by address (four fifths exact, the rest /28 to /16, a tenth of the
addresses shared by 2 to 20 accounts told apart by tech prefix), 20 % by name, 10 % by ANI; 95 % of calls hit. The
same seed gives the same population and the same calls, on every machine.
"""

import random
from collections.abc import Iterator
from typing import Literal, NamedTuple

from matcher.account import Account, Client, Gateway, Network, OrigSide, TermSide
from matcher.attempt import CallAttempt

ACCOUNTS_A_CLIENT = 4
GATEWAYS = 20
HIT_SHARE = 0.95
SHARED_EVERY = 20  # one address in so many is shared: about a tenth to a third of the accounts by exact address
_FIRST_HOST = 0x0B000000  # 11.0.0.0: hosts count up from here
_FIRST_NETWORK = 0x50000000  # 80.0.0.0: networks never cover a host, so that which account a call hits is known
_NOBODY = 0xDF000000  # 223.0.0.0: addresses of nobody

Kind = Literal["host", "shared", "network", "name", "ani", "ani_prefix", "nobody"]


class Caller(NamedTuple):
    """How one account's calls look, and which account they must hit."""

    kind: Kind
    account_id: int
    known_by: int | str
    dialled: str


class Population(NamedTuple):
    """`accounts` in order of id, from 1; `callers` one an account."""

    accounts: list[Account]
    clients: list[Client]
    gateways: list[Gateway]
    callers: list[Caller]


def population(accounts: int, seed: int = 1) -> Population:
    """So many accounts of the mix, their clients, the gateways, and how to call as each of them."""
    made = list(_accounts(accounts, random.Random(seed)))
    clients = [
        Client(id=number, name=f"client {number}", balance_micros=100_000_000, orig_rate_table_id=1 + number % 50)
        for number in range(1, accounts // ACCOUNTS_A_CLIENT + 2)
    ]
    gateways = [Gateway(id=number, name=f"gw{number}") for number in range(1, GATEWAYS + 1)]
    return Population([account for account, _ in made], clients, gateways, [caller for _, caller in made])


def _accounts(count: int, rng: random.Random) -> Iterator[tuple[Account, Caller]]:
    side = OrigSide(capacity=10_000)
    term = TermSide()
    host, network, number = _FIRST_HOST, _FIRST_NETWORK, 0
    account_id = 1
    while account_id <= count:
        share = rng.random()
        # A shared address brings about eleven accounts at once, so it is drawn that much more rarely.
        if share < 0.70 * 0.8 / 1.5:
            host += rng.randrange(1, 4)
            packed = host.to_bytes(4, "big")
            sharers = rng.randrange(2, 21) if rng.randrange(SHARED_EVERY) == 0 else 1
            for prefix in range(min(sharers, count - account_id + 1)):
                tech_prefix = "" if sharers == 1 else f"{1000 + prefix}#"
                known = Network(packed, 32)
                yield (
                    _by_ip(account_id, known, tech_prefix, side, term),
                    Caller(
                        "host" if sharers == 1 else "shared", account_id, host, f"{tech_prefix}4420{account_id:08}"
                    ),
                )
                account_id += 1
        elif share < 0.70 * 0.8 / 1.5 + 0.14:
            length = rng.randrange(20, 29) if rng.random() < 0.99 else rng.randrange(16, 20)
            step = 1 << (32 - length)
            network = (network + step - 1) // step * step
            known = Network(network.to_bytes(4, "big"), length)
            caller = Caller("network", account_id, network + rng.randrange(step), f"4420{account_id:08}")
            yield _by_ip(account_id, known, "", side, term), caller
            network += step
            account_id += 1
        elif share < 0.70 * 0.8 / 1.5 + 0.34:
            name = f"login{account_id}"
            account = Account(
                id=account_id, client_id=_client(account_id), name=name, ident_by="name", ident_name=name, orig=side
            )
            yield account, Caller("name", account_id, name, f"4420{account_id:08}")
            account_id += 1
        elif share < 0.70 * 0.8 / 1.5 + 0.44:
            number += 1
            digits = f"{3 + number % 7}{number:07}"
            is_prefix = rng.random() < 0.2
            account = Account(
                id=account_id,
                client_id=_client(account_id),
                name=f"caller{account_id}",
                ident_by="ani",
                ani=f"{digits}*" if is_prefix else digits,
                orig=side,
            )
            shown = f"{digits}{rng.randrange(1000):03}" if is_prefix else digits
            yield account, Caller("ani_prefix" if is_prefix else "ani", account_id, shown, f"4420{account_id:08}")
            account_id += 1


def _by_ip(account_id: int, network: Network, tech_prefix: str, side: OrigSide, term: TermSide) -> Account:
    return Account(
        id=account_id,
        client_id=_client(account_id),
        name=f"trunk{account_id}",
        ident_by="ip",
        networks=(network,),
        tech_prefix=tech_prefix,
        orig=side,
        term=term if account_id % 20 == 0 else None,
    )


def _client(account_id: int) -> int:
    return 1 + account_id // ACCOUNTS_A_CLIENT


def attempts(people: Population, count: int, seed: int = 2) -> list[tuple[Kind, CallAttempt, int | None]]:
    """So many calls of random accounts: the kind, the call, and the account that must be found (None: nobody)."""
    rng = random.Random(seed)
    calls: list[tuple[Kind, CallAttempt, int | None]] = []
    for _ in range(count):
        caller = people.callers[rng.randrange(len(people.callers))]
        if rng.random() >= HIT_SHARE:
            nobody = _NOBODY + rng.randrange(1 << 24)
            calls.append(("nobody", CallAttempt("orig", caller.dialled, nobody.to_bytes(4, "big"), 5060), None))
        else:
            calls.append((caller.kind, as_attempt(caller), caller.account_id))
    return calls


def as_attempt(caller: Caller) -> CallAttempt:
    """A call as this account sends it; by name and ANI it comes from an address that is nobody's."""
    if isinstance(caller.known_by, int):
        return CallAttempt("orig", caller.dialled, caller.known_by.to_bytes(4, "big"), 5060)
    elsewhere = (_NOBODY + caller.account_id % (1 << 24)).to_bytes(4, "big")
    if caller.kind == "name":
        return CallAttempt("orig", caller.dialled, elsewhere, 5060, name=caller.known_by, name_verified=True)
    return CallAttempt("orig", caller.dialled, elsewhere, 5060, ani=caller.known_by)
