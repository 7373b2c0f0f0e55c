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
    routing_plan_id: int | None = None
    client_routing_plan_id: int | None = None
    proxy = protocol = None
    port: int | None = None
    if attempt.direction == "orig":
        assert account.orig is not None, "an account that is off was found"
        rate_table_id, tags, routing_plan_id = (
            account.orig.rate_table_id,
            account.orig.tags,
            account.orig.routing_plan_id,
        )
        client_rate_table_id, client_routing_plan_id = client.orig_rate_table_id, client.routing_plan_id
    else:
        assert account.term is not None, "an account that is off was found"
        rate_table_id, tags, client_rate_table_id = (
            account.term.rate_table_id,
            account.term.tags,
            client.term_rate_table_id,
        )
        proxy, protocol, port = account.proxy, account.protocol, account.port
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
        client_rate_table_id if rate_table_id is None else rate_table_id,
        _assigned_by(rate_table_id, client_rate_table_id),
        client_routing_plan_id if routing_plan_id is None else routing_plan_id,
        _assigned_by(routing_plan_id, client_routing_plan_id),
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


def _assigned_by(own: int | None, of_client: int | None) -> AssignedBy | None:
    if own is not None:
        return "account"
    return None if of_client is None else "client"
