"""What accounts and clients have up now, and what is to be said of them: the answer to `usage` (docs/protocol.md).

For pages that show hundreds of accounts at once, several times a minute; a call must not wait for it, so what it may
look at is bounded.
"""

from collections.abc import Iterator

from identd.capacity import Capacity
from identd.engine import Engine
from matcher.ambiguity import ties_of
from matcher.directory import Directory
from protocol import messages as m

TIES_MAX = 5
"""Accounts named of which only the id tells one apart: enough to find the others."""

LOOKS_AN_ACCOUNT_MAX = 250
LOOKS_MAX = 5_000
"""Places, and accounts at them, that are looked at for ties: of one account, and of all asked for (some 2 ms)."""

QUARANTINED_CHARS_MAX = 200
"""A reason may quote what the row says, and what does not fit into the frame has to be asked for again."""


def usage_answer(request: m.Usage, engine: Engine) -> m.UsageAnswer:
    """The accounts and clients that are known here, each once, in the order asked."""
    directory, capacity = engine.directory, engine.live.capacity
    return m.UsageAnswer(
        id=request.id,
        op="usage",
        generation=directory.generation,
        calls=len(engine.live),
        accounts=tuple(_accounts(engine, dict.fromkeys(request.accounts))),
        clients=tuple(_clients(directory, capacity, dict.fromkeys(request.clients))),
    )


def _accounts(engine: Engine, account_ids: dict[int, None]) -> Iterator[m.AccountUsage]:
    directory, capacity, last_calls = engine.directory, engine.live.capacity, engine.live.last_calls
    looks_left = LOOKS_MAX
    for account_id in account_ids:
        account = directory.accounts.get(account_id)
        bad = directory.quarantined.get(("accounts", account_id))
        orig = capacity.calls_of_account("orig", account_id)
        term = capacity.calls_of_account("term", account_id)
        if account is None and bad is None and not orig and not term:
            continue
        account_ids_tied: tuple[int, ...] = ()
        more = False
        if account is not None:
            looks_max = min(LOOKS_AN_ACCOUNT_MAX, looks_left)
            account_ids_tied, more, looks = ties_of(directory.index, account, TIES_MAX, looks_max)
            looks_left -= looks
        at = last_calls.at(account_id)
        yield m.AccountUsage(
            account_id=account_id,
            orig=orig,
            term=term,
            last_call_at=None if at is None else round(at, 3),
            quarantined=None if bad is None else f"{bad.column}: {bad.reason}"[:QUARANTINED_CHARS_MAX],
            ambiguous=account_ids_tied,
            ambiguous_more=more,
        )


def _clients(directory: Directory, capacity: Capacity, client_ids: dict[int, None]) -> Iterator[m.ClientUsage]:
    for client_id in client_ids:
        orig, term = (len(capacity.clients[side].get(client_id, ())) for side in ("orig", "term"))
        if client_id in directory.clients or ("clients", client_id) in directory.quarantined or orig or term:
            yield m.ClientUsage(client_id=client_id, orig=orig, term=term)
