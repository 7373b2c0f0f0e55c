"""Why an account won, lost or failed, in one plain sentence. Two tables, a row a key; the words are an operator's.

`expected` and `seen` of an explained account: for `failed` what the account asks for and what the call shows; for
`lost` what the winner has and what this account has.
"""

from identd.cli.show import printable
from protocol.messages import DecisionAnswer, ExplainedAccount

LOST = {
    "network_mask": "its network {seen} is wider than {expected}",
    "ani": "its number {seen} is less exact than {expected}",
    "tech_prefix": "its tech prefix {seen} is shorter than {expected}",
    "port": "it takes {seen} port, and the winner asks for port {expected}",
    "protocol": "it takes {seen} protocol, and the winner asks for {expected}",
    "gateway": "it takes {seen}, and the winner is {expected}",
    "account_id": "nothing but the lower id {expected} of the winner tells the two apart",
    "ident_type": "{expected} is tried before {seen}",
}
"""By the key of docs/matching.md §3 that decided."""

FAILED = {
    "tech_prefix": "its tech prefix is {expected}, and the dialled number begins with {seen}",
    "gateway": "it is bound to {expected}, and {seen} is asking",
    "protocol": "it asks for protocol {expected}, and the far end's is {seen}",
    "port": "it asks for port {expected}, and the far end's is {seen}",
    "name": "it needs {expected}, and the call shows {seen}",
    "ident_order": "the gateway never looks for accounts by {expected}; it tries {seen}",
}
"""By the condition of docs/matching.md §2 that does not hold."""

_OTHERWISE = "by {on}: expected {expected}, seen {seen}"


def sentence(one: ExplainedAccount) -> str:
    """One account's fate."""
    who = printable(f"{one.account} (account {one.account_id}, client {one.client_id})")
    return f"{who} {one.verdict}: {why(one)}"


def why(one: ExplainedAccount) -> str:
    """What decided its fate; the console says it beside the account."""
    if one.verdict == "won":
        return printable(f"the call is its own by {one.ident_by} {one.matched}")
    words = {"expected": one.expected or "nothing", "seen": one.seen or "nothing", "on": one.on or "?"}
    return printable(_words(one).format_map(words))


def _words(one: ExplainedAccount) -> str:
    if one.verdict == "lost" and one.on == "account_id" and one.expected is not None and not one.expected.isdigit():
        return "{seen} tie for this call, and the gateway refuses what is ambiguous"
    if one.verdict == "lost" and one.on == "tech_prefix" and one.seen == "none":
        return "it has no tech prefix, and the winner has {expected}"
    return (LOST if one.verdict == "lost" else FAILED).get(one.on or "", _OTHERWISE)


def sentences(answer: DecisionAnswer) -> list[str]:
    """One sentence an account that was looked at, in the order of precedence."""
    told = [sentence(one) for one in answer.explain or ()]
    if answer.explain_omitted:
        told.append(f"and {answer.explain_omitted} more that were looked at after these")
    return told or ["no account that is on in this direction is known by this address, name or number"]
