"""Random accounts, gateways and calls from alphabets so small that they keep colliding."""

from hypothesis import strategies as st

from matcher.account import Account, Gateway, OrigSide, TermSide
from matcher.address import canonical_address, canonical_network
from matcher.attempt import CallAttempt, ClearPassword

ADDRESSES = [
    "10.0.0.1",
    "10.0.0.2",
    "10.0.1.1",
    "11.0.0.1",
    "::ffff:10.0.0.1",
    "2001:db8::1",
    "2001:db8:1::1",
    "a00:1::",
]
NETWORKS = [
    *["10.0.0.1", "10.0.0.2", "::ffff:10.0.0.1", "10.0.0.0/31", "10.0.0.0/30", "10.0.0.0/24", "10.0.0.0/23"],
    *["10.0.0.0/8", "0.0.0.0/0", "::ffff:10.0.0.0/120", "128.0.0.0/1", "2001:db8::1", "2001:db8::/64"],
    *["2001:db8::/32", "::/0", "a00::/8", "10.0.0.77/24"],
]
PREFIXES = ["", "", "1", "12", "12#", "2", "+", "1*"]
DIALLED = ["1", "12", "12#44", "1244", "1299", "244", "+44", "1*44", "99", "", "anonymous"]
ANIS = ["44", "442", "+442", "44*", "4*", "442*", "*", "1*", "12", "anonymous*"]
CALLERS = [None, "", "+", "44", "+44", "442", "+4420", "++44", "1", "Anonymous", "private", "+unknown", "bob"]
NAMES = ["rose", "Rose", "tulip"]
PASSWORDS = ["right", "wrong"]
PROTOCOLS = ["sip", "h323"]
IDENT_ORDERS = [("name", "ip", "ani"), ("ani", "ip", "name"), ("ip",), ("ip", "name"), ("name", "ani")]

ids = st.integers(1, 12)
sides = st.sampled_from([(True, False), (True, True), (False, True), (False, False)])
gateway_ids = st.sampled_from([(), (), (), (1,), (2,), (1, 2)])


@st.composite
def accounts(draw: st.DrawFn, ids: st.SearchStrategy[int]) -> Account:
    """An account of any ident type, valid by construction."""
    ident_by = draw(st.sampled_from(["ip", "ip", "name", "ani"]))
    orig, term = draw(sides)
    known: dict[str, object] = {}
    if ident_by == "ip":
        texts = draw(st.lists(st.sampled_from(NETWORKS), min_size=1, max_size=4))
        known["networks"] = tuple(canonical_network(text)[0] for text in texts)
    elif ident_by == "name":
        known["ident_name"] = draw(st.sampled_from(NAMES))
        known["password"] = draw(st.sampled_from([None, *[text.encode() for text in PASSWORDS]]))
    else:
        known["ani"] = draw(st.sampled_from(ANIS)).removeprefix("+")
    return Account(
        id=draw(ids),
        client_id=draw(st.integers(1, 3)),
        name="a",
        ident_by=ident_by,
        tech_prefix=draw(st.sampled_from(PREFIXES)),
        protocol=draw(st.sampled_from([None, None, *PROTOCOLS, "SIP"])),
        port=draw(st.sampled_from([None, None, 5060, 5070])),
        gateway_ids=draw(gateway_ids),
        blocked=draw(st.booleans()),
        orig=OrigSide(capacity=draw(st.sampled_from([None, 1]))) if orig else None,
        term=TermSide() if term else None,
        **known,
    )


gateways = st.one_of(
    st.none(),
    st.builds(
        Gateway,
        id=st.sampled_from([1, 2, 3]),
        name=st.just("gw"),
        ident_order=st.sampled_from(IDENT_ORDERS),
        trusts_name=st.booleans(),
        refuses_ambiguous=st.booleans(),
    ),
)

attempts = st.builds(
    CallAttempt,
    direction=st.sampled_from(["orig", "orig", "term"]),
    dnis=st.sampled_from(DIALLED),
    address=st.one_of(st.none(), st.sampled_from(ADDRESSES).map(canonical_address)),
    port=st.sampled_from([0, 5060, 5070]),
    protocol=st.sampled_from([None, *PROTOCOLS]),
    name=st.one_of(st.none(), st.sampled_from(NAMES)),
    name_verified=st.booleans(),
    credentials=st.one_of(st.none(), st.sampled_from(PASSWORDS).map(ClearPassword)),
    ani=st.sampled_from(CALLERS),
)
