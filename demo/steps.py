"""What the tour asks, and what must come back: one table, a row a step, in the order in which they run.

A step says only the keys that it is about; `ANY` wants the key to be there, None wants it absent. The accounts are
those of `accounts.sql`, the rules those of docs/matching.md.
"""

import hashlib
from typing import Any

import msgspec

ANY = ...


class Ask(msgspec.Struct, frozen=True):
    """One request over the socket. `keys` are those of docs/protocol.md without `id`."""

    title: str
    op: str
    keys: dict[str, Any]
    expected: dict[str, Any]


class Change(msgspec.Struct, frozen=True):
    """SQL that billing might run; the tour waits until the daemon answers by it."""

    title: str
    sql: str


class Look(msgspec.Struct, frozen=True):
    """One value read from the database."""

    title: str
    sql: str
    expected: str


Step = Ask | Change | Look


class Chapter(msgspec.Struct, frozen=True):
    title: str
    steps: tuple[Step, ...]


LONDON = "442071234567"
PHONE, PHONE_ID = "fir_phone", 224
PASSWORD = "correct horse"  # noqa: S105 - of that account; tour.py writes it
REALM = "voice.example"


def _who(title: str, expected: dict[str, Any], **keys: Any) -> Ask:
    keys.setdefault("dnis", LONDON)
    return Ask(title, "identify", keys, expected)


def _is(account: str, **more: Any) -> dict[str, Any]:
    return {"decision": "grant", "account": account, **more}


def _no(reason: str, **more: Any) -> dict[str, Any]:
    return {"decision": "refuse", "reason": reason, **more}


def _digest(password: str) -> dict[str, str]:
    """What a phone answers to a challenge: RFC 7616 §3.4, with SHA-256 and without qop."""
    method, uri, nonce = "INVITE", f"sip:{LONDON}@{REALM}", "f84f1cec41e6cbe5aea9c8e88d359"
    ha1, ha2 = _sha256(f"{PHONE}:{REALM}:{password}"), _sha256(f"{method}:{uri}")
    response = _sha256(f"{ha1}:{nonce}:{ha2}")
    return {
        "username": PHONE,
        "realm": REALM,
        "nonce": nonce,
        "uri": uri,
        "method": method,
        "algorithm": "SHA-256",
        "response": response,
    }


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _call(title: str, call_id: str, ip: str, expected: dict[str, Any]) -> Ask:
    return Ask(title, "authorize", {"ip": ip, "dnis": LONDON, "call_id": call_id}, expected)


def _on(op: str, title: str, call_id: str, result: str, **more: Any) -> Ask:
    return Ask(title, op, {"call_id": call_id}, {"result": result, **more})


CHAPTERS: tuple[Chapter, ...] = (
    Chapter(
        "Rose orig and Rose term, as in the article",
        (
            _who(
                "the switch vouches for the name rose_orig",
                _is("rose_orig", account_id=176, client="Rose orig", rate_table_id=5, rate_table_from="account"),
                name="rose_orig",
                name_verified=True,
            ),
            _who("nobody vouches for it", _no("unknown_source", sip_code=403), name="rose_orig"),
            _who("a gateway whose names are trusted", _is("rose_orig"), name="rose_orig", gateway="GW Trunks"),
            _who(
                "11.11.20.33 through GW Calls",
                _is("New account", account_id=178, routing_plan_id=3, routing_plan_from="account"),
                ip="11.11.20.33",
                gateway="GW Calls",
            ),
            _who("11.11.20.33 through no gateway", _no("unknown_source"), ip="11.11.20.33"),
            _who(
                "a call that goes to rose_term",
                _is("rose_term", account_id=177, proxy="1"),
                direction="term",
                name="rose_term",
                name_verified=True,
            ),
        ),
    ),
    Chapter(
        "Four clients behind one address",
        (
            _who(
                "192.0.2.10 dials 1234#4420712345",
                _is("alder_premium", tech_prefix="1234#", dnis="4420712345"),
                ip="192.0.2.10",
                dnis="1234#4420712345",
            ),
            _who("… 124420712345", _is("birch_shared", dnis="4420712345"), ip="192.0.2.10", dnis="124420712345"),
            _who("… 4420712345", _is("cedar_shared", dnis="4420712345"), ip="192.0.2.10", dnis="4420712345"),
            _who(
                "… 774420712345, prefix kept",
                _is("dogwood_keeps", dnis="774420712345"),
                ip="192.0.2.10",
                dnis="774420712345",
            ),
            _who("… 1234# and nothing more", _no("empty_dnis", sip_code=484), ip="192.0.2.10", dnis="1234#"),
        ),
    ),
    Chapter(
        "Networks, IPv6, calling numbers",
        (
            _who("an address in a /24", _is("alder_network", matched="198.51.100.0/24"), ip="198.51.100.7"),
            _who(
                "in the /28 inside it, its prefix dialled", _is("birch_corner"), ip="198.51.100.70", dnis="9" + LONDON
            ),
            _who("… not dialled: back to the /24", _is("alder_network"), ip="198.51.100.70"),
            _who("an IPv6 address", _is("cedar_six", matched="2001:db8:5::/48"), ip="2001:db8:5::99"),
            _who("IPv4 written as IPv6", _is("cedar_shared"), ip="::ffff:192.0.2.10", dnis="4420712345"),
            _who("the calling number, exactly", _is("elm_desk", ident_by="ani"), ani="+442071230000"),
            _who("… by its first digits", _is("fir_block", matched="44207*"), ani="442071239999"),
            _who("anonymous", _no("unknown_source"), ani="anonymous"),
            _who("an address before a number", _is("cedar_shared"), ip="192.0.2.10", ani="442071230000"),
            _who(
                "… unless the gateway looks at numbers only",
                _is("elm_desk"),
                ip="192.0.2.10",
                ani="442071230000",
                gateway="GW Calling Card",
            ),
            _who("an address of nobody", _no("unknown_source", q850=21), ip="192.0.2.250"),
        ),
    ),
    Chapter(
        "Who asks, how the far end speaks, where calls go",
        (
            _who("192.0.2.45 through GW Trunks", _is("birch_trunk"), ip="192.0.2.45", gateway="GW Trunks"),
            _who("… through GW Calls", _is("cedar_any"), ip="192.0.2.45", gateway="GW Calls"),
            _who(
                "192.0.2.47 with TLS from port 5061", _is("birch_secure"), ip="192.0.2.47", protocol="tls", port=5061
            ),
            _who("… any other way", _is("cedar_plain"), ip="192.0.2.47", protocol="udp", port=5060),
            _who("two clients that only the id tells apart", _is("alder_twin"), ip="192.0.2.50"),
            _who("… through a gateway that will not guess", _no("ambiguous"), ip="192.0.2.50", gateway="GW Strict"),
            _who(
                "a call that goes to a vendor",
                _is("rose_vendor", proxy="192.0.2.254", rate_table_id=7, tags=["wholesale"]),
                direction="term",
                ip="198.51.100.200",
                protocol="sip",
                port=5060,
            ),
            _who(
                "a gateway that nobody knows",
                {"op": "error", "code": "forbidden"},
                ip="192.0.2.10",
                gateway="GW Else",
            ),
            _who("neither address, name nor number", {"op": "error", "code": "bad_request", "field": "ip"}),
        ),
    ),
    Chapter(
        "Those that may not: refused, and never handed to the account of the network around them",
        (
            _who("account blocked", _no("account_blocked", account_id=230), ip="203.0.113.1"),
            _who("account expired", _no("account_expired"), ip="203.0.113.2"),
            _who("client blocked", _no("client_blocked"), ip="203.0.113.3"),
            _who("reseller blocked", _no("reseller_blocked"), ip="203.0.113.4"),
            _who("client without credit", _no("no_credit", sip_code=402), ip="203.0.113.5"),
            _who("account off: it is not there", _is("alder_wide"), ip="203.0.113.6"),
        ),
    ),
    Chapter(
        "Passwords: an account that has one never matches by an unproven name",
        (
            _who("the right password", _is(PHONE, ident_by="name"), name=PHONE, password=PASSWORD),
            _who("a wrong one", _no("bad_password"), name=PHONE, password=PASSWORD.upper()),
            _who("SIP digest", _is(PHONE), name=PHONE, digest=_digest(PASSWORD)),
            _who("… of a wrong password", _no("bad_password"), name=PHONE, digest=_digest(PASSWORD.upper())),
            _who("none, though the switch vouches", _no("unknown_source"), name=PHONE, name_verified=True),
        ),
    ),
    Chapter(
        "Capacity: two calls at once",
        (
            _call("first call", "a1", "192.0.2.40", _is("cedar_two", calls=1, capacity=2, lease_seconds=120)),
            _call("second call", "a2", "192.0.2.40", _is("cedar_two", calls=2)),
            _call("third call", "a3", "192.0.2.40", _no("capacity_account", sip_code=503, capacity=2)),
            _call(
                "the second asked again takes nothing", "a2", "192.0.2.40", _is("cedar_two", existing=True, calls=2)
            ),
            _on("start", "the first is answered", "a1", "started"),
            Ask("both live", "touch", {"calls": [["a1", ""], ["a2", ""]]}, {"result": "touched", "unknown": []}),
            _on("release", "the first ends", "a1", "released", calls=1),
            _on("release", "… told twice", "a1", "already_released"),
            _call("… a late retry of it", "a1", "192.0.2.40", _no("already_released", sip_code=481)),
            _call("now there is room", "a3", "192.0.2.40", _is("cedar_two", calls=2)),
            _on("release", "a call that nobody knows", "zz", "unknown"),
        ),
    ),
    Chapter(
        "Low balance, calls per second, a reseller's limit",
        (
            _call("low balance: one call instead of ten", "b1", "192.0.2.41", _is("juniper", capacity=1)),
            _call("… not two", "b2", "192.0.2.41", _no("capacity_client", capacity_scope="client")),
            _call("one call in 100 seconds", "c1", "192.0.2.42", _is("cedar_slow")),
            _call("… not two", "c2", "192.0.2.42", _no("cps_account", retry_after_ms=ANY)),
            _call("the reseller's only call", "d1", "192.0.2.43", _is("kapok", capacity_scope="reseller")),
            _call("… is taken for its other client", "d2", "192.0.2.44", _no("capacity_reseller")),
        ),
    ),
    Chapter(
        "Billing changes accounts with plain SQL",
        (
            Change("block a client", "UPDATE identd.clients SET status = 'blocked' WHERE name = 'Rose orig'"),
            _who("its next call", _no("client_blocked"), ip="11.11.20.33", gateway="GW Calls"),
            Change("and let it again", "UPDATE identd.clients SET status = 'active' WHERE name = 'Rose orig'"),
            _who("its next call", _is("New account"), ip="11.11.20.33", gateway="GW Calls"),
            Change("a third call for cedar_two", "UPDATE identd.accounts SET orig_capacity = 3 WHERE id = 240"),
            _call("its third call", "a4", "192.0.2.40", _is("cedar_two", calls=3, capacity=3)),
            Change(
                "two accounts trade their addresses in one step",
                "UPDATE identd.accounts SET ip = CASE id WHEN 243 THEN '{192.0.2.44}'::inet[] ELSE '{192.0.2.43}' "
                "END WHERE id IN (243, 244)",
            ),
            _who("the address that was kapok's", _is("larch"), ip="192.0.2.43"),
            Change("delete an account", "DELETE FROM identd.accounts WHERE id = 240"),
            _who("its address", _no("unknown_source"), ip="192.0.2.40"),
            Look("what it was charged is back", "SELECT balance FROM identd.clients WHERE id = 22", "1.750000"),
        ),
    ),
)
