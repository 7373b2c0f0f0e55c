"""Which attribute carries what, for the switches that ask: tables, and nothing else (docs/radius.md).

A request's field is looked for in each attribute named, and the first that is there counts. An answer's field is one
attribute. `[[radius.clients]]` may overrule either, a field at a time.
"""

import msgspec

from matcher.account import Direction
from protocol.reason import Reason

REQUEST_FIELDS = ("address", "port", "protocol", "name", "ani", "dnis", "call_id", "leg", "direction")
"""What is read of a call, named as in `CallAttempt`."""

GRANT_FIELDS = (
    *("account_id", "account", "client_id", "client", "reseller_id", "rate_table_id", "rate_table_from"),
    *("routing_plan_id", "routing_plan_from", "tags", "ident_by", "matched", "tech_prefix", "dnis", "dnis_received"),
    *("proxy", "protocol", "port", "calls", "capacity", "capacity_scope", "lease_seconds"),
)
"""What a grant may say, named as the keys of the socket protocol's answers."""

REFUSAL_FIELDS = (
    *("reason", "sip_code", "q850", "account_id", "client_id"),
    *("calls", "capacity", "capacity_scope", "retry_after_ms"),
)
"""What a refusal may say."""

MADE_FIELDS = ("decision", "message", "h323_return_code")
"""What is made for RADIUS alone: `grant` or `refuse`; the reason or error in words; a code of Cisco's."""

ANSWER_FIELDS = tuple(dict.fromkeys((*MADE_FIELDS, *REFUSAL_FIELDS, *GRANT_FIELDS)))

DIRECTIONS: dict[str, Direction] = {
    "orig": "orig",
    "term": "term",
    "answer": "orig",
    "originate": "term",
    "proxy": "orig",
}
"""What a direction may be called. Cisco names the leg: a gateway answers what comes in, originates what goes out, and
a gatekeeper is a proxy."""


class Preset(msgspec.Struct, frozen=True):
    """The tables of one kind of switch. `legs`: the leg of a call by its direction, where no attribute says it."""

    request: dict[str, tuple[str, ...]]
    answer: dict[str, str]
    legs: dict[Direction, str]


_GENERIC_REQUEST: dict[str, tuple[str, ...]] = {
    "address": ("Cisco-AVPair=identd-ip", "Framed-IP-Address", "Framed-IPv6-Address"),
    "port": ("Cisco-AVPair=identd-port",),
    "protocol": ("Cisco-AVPair=identd-protocol",),
    "name": ("User-Name",),
    "ani": ("Calling-Station-Id",),
    "dnis": ("Called-Station-Id",),
    "call_id": ("Acct-Session-Id",),
    "leg": ("Cisco-AVPair=identd-leg",),
    "direction": ("Cisco-AVPair=identd-direction",),
}

_TOLD = (
    *("decision", "reason", "sip_code", "q850", "retry_after_ms"),
    *(
        "account_id",
        "account",
        "client_id",
        "client",
        "reseller_id",
        "rate_table_id",
        "routing_plan_id",
        "tags",
        "dnis",
    ),
    *("proxy", "protocol", "port"),
)
"""What a switch may want to act on; the other fields are told where a client's table names an attribute for them."""

# Cisco-AVPair, since nearly every switch and dictionary knows it as text of the form name=value; an attribute of our
# own would need a dictionary of ours on each of them.
_CISCO_ANSWER = {field: f"Cisco-AVPair=identd-{field.replace('_', '-')}" for field in _TOLD}

PRESETS: dict[str, Preset] = {
    "generic": Preset(
        request=_GENERIC_REQUEST,
        answer={"message": "Reply-Message", **_CISCO_ANSWER},
        legs={"orig": "", "term": ""},
    ),
    "cisco-h323": Preset(
        request={
            **_GENERIC_REQUEST,
            "address": ("h323-remote-address", *_GENERIC_REQUEST["address"]),
            "protocol": ("Cisco-AVPair=session-protocol", *_GENERIC_REQUEST["protocol"]),
            "call_id": ("h323-conf-id", "Acct-Session-Id"),
            "direction": ("h323-call-origin", *_GENERIC_REQUEST["direction"]),
        },
        answer={"h323_return_code": "h323-return-code", "message": "Reply-Message", **_CISCO_ANSWER},
        # both legs of a call through one gateway have one h323-conf-id
        legs={"orig": "", "term": "originate"},
    ),
    # misc_radius writes a User-Name that means nothing, and an address as text alone; a name comes with its digest
    "kamailio": Preset(
        request={
            **_GENERIC_REQUEST,
            "address": ("SIP-AVP:source",),
            "port": ("SIP-AVP:port",),
            "protocol": ("SIP-AVP:protocol",),
            "name": (),
            "leg": ("SIP-AVP:leg",),
            "direction": ("SIP-AVP:direction",),
        },
        answer={"message": "Reply-Message", **{field: f"SIP-AVP:identd_{field}" for field in _TOLD}},
        legs={"orig": "", "term": ""},
    ),
}

H323_GRANTED = 0
H323_OTHER = 7
H323_RETURN_CODES: dict[Reason, int] = {
    Reason.UNKNOWN_SOURCE: 1,
    Reason.BAD_PASSWORD: 2,
    Reason.CAPACITY_ACCOUNT: 3,
    Reason.CAPACITY_CLIENT: 3,
    Reason.CAPACITY_RESELLER: 3,
    Reason.NO_CREDIT: 4,
    Reason.ACCOUNT_EXPIRED: 5,
    Reason.AMBIGUOUS: 7,
    Reason.ACCOUNT_BLOCKED: 7,
    Reason.CLIENT_BLOCKED: 7,
    Reason.RESELLER_BLOCKED: 7,
    Reason.CPS_ACCOUNT: 8,
    Reason.CPS_CLIENT: 8,
    Reason.EMPTY_DNIS: 11,
    Reason.ALREADY_RELEASED: 11,
}
"""The codes that Cisco's voice scripts know: 1 account number, 2 password, 3 account in use, 4 zero balance, 5 card
expired, 7 user denied, 8 service not available, 11 invalid argument."""
