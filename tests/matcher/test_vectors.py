"""The matching vectors of `vectors.txt`, which operators can extend, one test a case."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from matcher.account import Account, Gateway, OrigSide, TermSide
from matcher.address import canonical_address, canonical_network
from matcher.attempt import CallAttempt, ClearPassword
from matcher.change import AccountPut, ChangeSet, GatewayPut
from matcher.conditions import stripped_dnis
from matcher.directory import Directory
from matcher.index import Ambiguous, NoMatch
from tests.matcher import oracle

VECTORS = Path(__file__).with_name("vectors.txt")


class Case(NamedTuple):
    title: str
    rules: tuple[str, ...]
    lines: list[tuple[int, str]]


def cases() -> list[Case]:
    found: list[Case] = []
    for number, line in enumerate(VECTORS.read_text().splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "case":
            found.append(Case(" ".join(words[2:]), tuple(words[1].split(",")), []))
        else:
            found[-1].lines.append((number, line))
    return found


def values(words: list[str], allowed: str) -> dict[str, str]:
    pairs = dict(word.split("=", 1) for word in words)
    assert set(pairs) <= set(allowed.split()), f"unknown key: {set(pairs) - set(allowed.split())}"
    return pairs


def account(words: list[str]) -> Account:
    keys = "ip name ani client prefix strip password protocol port gateways on blocked"
    given = values(words[1:], keys)
    known: dict[str, Any] = {}
    if "ip" in given:
        known = {"ident_by": "ip", "networks": tuple(canonical_network(text)[0] for text in given["ip"].split(","))}
    elif "name" in given:
        known = {"ident_by": "name", "ident_name": given["name"]}
    else:
        known = {"ident_by": "ani", "ani": given["ani"]}
    directions = given.get("on", "orig").split(",")
    return Account(
        id=int(words[0]),
        client_id=int(given.get("client", "1")),
        name=f"account {words[0]}",
        tech_prefix=given.get("prefix", ""),
        strip_tech_prefix=given.get("strip") != "no",
        password=given["password"].encode() if "password" in given else None,
        protocol=given.get("protocol"),
        port=int(given["port"]) if "port" in given else None,
        gateway_ids=tuple(int(text) for text in given.get("gateways", "").split(",") if text),
        blocked=given.get("blocked") == "yes",
        orig=OrigSide() if "orig" in directions else None,
        term=TermSide() if "term" in directions else None,
        **known,
    )


def gateway(words: list[str]) -> Gateway:
    given = values(words[1:], "ident_order trusts_name on_ambiguous")
    order: Any = tuple(given.get("ident_order", "name,ip,ani").split(","))
    return Gateway(
        id=int(words[0]),
        name=f"gw{words[0]}",
        ident_order=order,
        trusts_name=given.get("trusts_name") == "yes",
        refuses_ambiguous=given.get("on_ambiguous") == "refuse",
    )


def answer(directory: Directory, words: list[str]) -> dict[str, str]:
    given = values(words, "direction gateway ip port protocol name verified password ani dnis")
    direction: Any = given.get("direction", "orig")
    attempt = CallAttempt(
        direction=direction,
        dnis=given["dnis"],
        address=canonical_address(given["ip"]) if "ip" in given else None,
        port=int(given.get("port", "0")),
        protocol=given.get("protocol"),
        name=given.get("name"),
        name_verified=given.get("verified") == "yes",
        credentials=ClearPassword(given["password"]) if "password" in given else None,
        ani=given.get("ani"),
    )
    asker = directory.gateways[int(given["gateway"])] if "gateway" in given else None
    found = directory.index.identify(attempt, asker)
    if isinstance(found, NoMatch):
        return {"who": "nobody" if found.reason == "unknown_source" else found.reason}
    if isinstance(found, Ambiguous):
        return {"who": "ambiguous"}
    return {
        "who": str(found.account.id),
        "by": found.ident_by,
        "matched": found.matched_text,
        "dnis": stripped_dnis(found.account, attempt.direction, attempt.dnis) or "-",
        "tied": "yes" if found.ambiguous else "no",
    }


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.title, marks=pytest.mark.rule(*case.rules)) for case in cases()],
)
def test_every_call_of_the_vectors_is_whose_they_say(case: Case) -> None:
    directory = Directory(oracle.proves)
    directory.apply(ChangeSet((), full=True))
    asked = 0
    for number, line in case.lines:
        kind, *words = line.split()
        if kind == "account":
            directory.apply(ChangeSet((AccountPut(account(words)),)))
        elif kind == "gateway":
            directory.apply(ChangeSet((GatewayPut(gateway(words)),)))
        else:
            assert kind == "call", f"line {number}: {kind!r} is no kind of line"
            arrow = words.index("->")
            expected = {"who": words[arrow + 1]} | values(words[arrow + 2 :], "by matched dnis tied")
            if expected["who"].isdigit():
                expected.setdefault("tied", "no")
            found = answer(directory, words[:arrow])
            assert {key: found.get(key) for key in expected} == expected, f"line {number}: {line}"
            asked += 1
    assert asked, "a case without a call shows nothing"
