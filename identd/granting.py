"""What a grant says (docs/matching.md §4): from account, client and reseller to the flat value that is answered."""

from identd.decision import AssignedBy, Grant, Load
from matcher.account import Client, Reseller
from matcher.attempt import CallAttempt
from matcher.conditions import stripped_dnis
from matcher.index import Match


def grant(
    generation: int,
    found: Match,
    attempt: CallAttempt,
    client: Client,
    reseller: Reseller | None,
    load: Load | None,
    lease_seconds: int | None,
) -> Grant:
    """The answer for a call that may go on. What the account assigns beats what its client assigns.

    Positional on purpose: this runs once a call, and naming two dozen arguments costs more than the rest of it.
    """
    account = found.account
    rate_table_from: AssignedBy | None = "account"
    routing_plan_id: int | None = None
    routing_plan_from: AssignedBy | None = None
    proxy = protocol = None
    port: int | None = None
    if attempt.direction == "orig":
        orig = account.orig
        assert orig is not None, "an account that is off was found"
        tags, rate_table_id, client_rate_table_id = orig.tags, orig.rate_table_id, client.orig_rate_table_id
        routing_plan_id, routing_plan_from = orig.routing_plan_id, "account"
        if routing_plan_id is None:
            routing_plan_id = client.routing_plan_id
            routing_plan_from = None if routing_plan_id is None else "client"
    else:
        term = account.term
        assert term is not None, "an account that is off was found"
        tags, rate_table_id, client_rate_table_id = term.tags, term.rate_table_id, client.term_rate_table_id
        proxy, protocol, port = account.proxy, account.protocol, account.port
    if rate_table_id is None:
        rate_table_id = client_rate_table_id
        rate_table_from = None if rate_table_id is None else "client"
    return Grant(
        generation,
        account.id,
        account.name,
        client.id,
        client.name,
        account.ident_by,
        found.matched_text,
        stripped_dnis(account, attempt.direction, attempt.dnis),
        attempt.dnis,
        tags,
        account.tech_prefix or None,
        rate_table_id,
        rate_table_from,
        routing_plan_id,
        routing_plan_from,
        None if reseller is None else reseller.id,
        None if reseller is None else reseller.name,
        proxy,
        protocol,
        port,
        None if load is None else load.calls,
        None if load is None else load.capacity,
        None if load is None else load.scope,
        lease_seconds,
    )
