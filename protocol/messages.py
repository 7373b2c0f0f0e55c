"""The requests and answers of the socket protocol as typed values; the same in JSON and in MessagePack.

Types only: framing is in `framing.py`, the order of things on a connection in `connection.py`. A request type
is chosen by its `op`; unknown keys are an error (`forbid_unknown_fields`), and what is not set is left out of
an answer (`omit_defaults`). Strings are bounded in bytes by `connection.py`, where bytes are still known.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

STRING_BYTES_MAX = 255
LIST_ENTRIES_MAX = 1000
LISTED_CALLS_MAX = 500
USAGE_IDS_MAX = 500

REQUEST_ID_MAX = 2**64 - 1  # msgspec bounds end at int64: connection.py checks this one
XID_MAX = 2**64 - 1  # and this one: `xid8` is an unsigned number of 64 bits
RequestId = Annotated[int, Meta(ge=0)]
Text = Annotated[str, Meta(max_length=STRING_BYTES_MAX)]
CallId = Annotated[str, Meta(min_length=1, max_length=STRING_BYTES_MAX)]
Port = Annotated[int, Meta(ge=0, le=65535)]
RowId = Annotated[int, Meta(ge=1, le=2**63 - 1)]
BootId = Annotated[int, Meta(ge=0, le=2**63 - 1)]
DirectionText = Literal["orig", "term"]


class Request(
    msgspec.Struct,
    frozen=True,
    gc=False,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="op",
):
    """What every request has: `id`, chosen by the switch and echoed in the answer."""

    id: RequestId


class Hello(Request, tag="hello", frozen=True, kw_only=True):
    """Says who the switch is. `boot_id` rises with every start of the switch and ends the calls of earlier boots."""

    version: Literal[1]
    gateway: Text
    secret: Text | None = None
    boot_id: BootId | None = None

    def __repr__(self) -> str:  # the secret must not reach a log through a repr
        return f"Hello(id={self.id}, gateway={self.gateway!r}, boot_id={self.boot_id})"


class Digest(msgspec.Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A SIP digest response (RFC 7616, RFC 8760), the fields of the Authorization header and the method."""

    username: Text
    realm: Text
    nonce: Text
    uri: Text
    method: Text
    response: Text
    qop: Text | None = None
    nc: Text | None = None
    cnonce: Text | None = None
    algorithm: Text | None = None


class CallKeys(Request, frozen=True, kw_only=True):
    """The keys that describe a call. All but `dnis` are optional; one of `ip`, `name`, `ani` must be there."""

    dnis: Text
    direction: DirectionText = "orig"
    gateway: Text | None = None
    ip: Text | None = None
    port: Port = 0
    protocol: Text | None = None
    name: Text | None = None
    name_verified: bool = False
    password: Text | None = None
    digest: Digest | None = None
    ani: Text | None = None
    explain: bool = False

    def __repr__(self) -> str:  # what proves the name must not reach a log through a repr
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        hidden = {name: "***" for name in ("password", "digest") if values[name] is not None}
        shown = ", ".join(f"{name}={hidden.get(name) or repr(value)}" for name, value in values.items())
        return f"{type(self).__name__}({shown})"


class Identify(CallKeys, tag="identify", frozen=True, kw_only=True):
    """Whose call is it? Changes nothing."""


class Authorize(CallKeys, tag="authorize", frozen=True, kw_only=True):
    """Identify, check, reserve."""

    call_id: CallId
    leg: Text = ""


class Start(Request, tag="start", frozen=True, kw_only=True):
    """The call was answered."""

    call_id: CallId
    leg: Text = ""


class Release(Request, tag="release", frozen=True, kw_only=True):
    """The call ended. `cause` is for the log of the switch; it decides nothing."""

    call_id: CallId
    leg: Text = ""
    cause: Text | None = None


class CallName(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """`[call_id, leg]` as it stands in lists."""

    call_id: CallId
    leg: Text = ""


class ListedCall(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """`[call_id, leg, account_id?, direction?]`: a live call as a gateway lists it in `sync`."""

    call_id: CallId
    leg: Text = ""
    account_id: RowId | None = None
    direction: DirectionText = "orig"


class Touch(Request, tag="touch", frozen=True, kw_only=True):
    """These calls live."""

    calls: Annotated[tuple[CallName, ...], Meta(max_length=LIST_ENTRIES_MAX)]


class Sync(Request, tag="sync", frozen=True, kw_only=True):
    """The full list of the gateway's live calls, in as many messages as it takes."""

    phase: Literal["begin", "chunk", "end"]
    calls: Annotated[tuple[ListedCall, ...], Meta(max_length=LIST_ENTRIES_MAX)] = ()


class Calls(Request, tag="calls", frozen=True, kw_only=True):
    """Live calls, oldest first."""

    account_id: RowId | None = None
    client_id: RowId | None = None
    gateway: Text | None = None
    limit: Annotated[int, Meta(ge=1, le=LISTED_CALLS_MAX)] = LISTED_CALLS_MAX


class Status(Request, tag="status", frozen=True, kw_only=True):
    """Readiness, generation, accounts, calls up, age of the data."""


class Ping(Request, tag="ping", frozen=True, kw_only=True):
    """Are you there?"""


class Usage(Request, tag="usage", frozen=True, kw_only=True):
    """What these accounts and clients have up now, and what is to be said of them. Unix socket only."""

    accounts: Annotated[tuple[RowId, ...], Meta(max_length=USAGE_IDS_MAX)] = ()
    clients: Annotated[tuple[RowId, ...], Meta(max_length=USAGE_IDS_MAX)] = ()


class End(Request, tag="end", frozen=True, kw_only=True):
    """An operator ends a call by hand. `gateway` None: a call that was asked for without one. Unix socket only."""

    call_id: CallId
    leg: Text = ""
    gateway: Text | None = None


class InForce(Request, tag="in_force", frozen=True, kw_only=True):
    """Are calls judged by what this PostgreSQL transaction wrote? `xid` as of `pg_current_xact_id()`. Unix socket
    only."""

    xid: Annotated[int, Meta(ge=0)]


AnyRequest = (
    Hello | Identify | Authorize | Start | Release | Touch | Sync | Calls | Status | Ping | Usage | End | InForce
)


class Answer(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What every answer has: the `id` of the request and its `op` (or `error`)."""

    id: int | None
    op: str


Scope = Literal["account", "client", "reseller"]
Verdict = Literal["won", "lost", "failed"]


class ExplainedAccount(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One account that was looked at. `on`: the key on which it lost, or the condition that does not hold."""

    account_id: int
    account: str
    client_id: int
    ident_by: str
    matched: str
    verdict: Verdict
    on: str | None = None
    expected: str | None = None
    seen: str | None = None


class DecisionAnswer(Answer, frozen=True, kw_only=True):
    """The answer to `identify` and `authorize`.

    `decision` is `grant`, `refuse` or `unavailable`; the latter two carry `reason`, `sip_code` and `q850`.
    """

    decision: Literal["grant", "refuse", "unavailable"]
    existing: bool = False
    reason: str | None = None
    sip_code: int | None = None
    q850: int | None = None
    retry_after_ms: int | None = None
    account_id: int | None = None
    account: str | None = None
    client_id: int | None = None
    client: str | None = None
    reseller_id: int | None = None
    reseller: str | None = None
    rate_table_id: int | None = None
    rate_table_from: Literal["account", "client"] | None = None
    routing_plan_id: int | None = None
    routing_plan_from: Literal["account", "client"] | None = None
    tags: tuple[str, ...] | None = None
    ident_by: str | None = None
    matched: str | None = None
    tech_prefix: str | None = None
    dnis: str | None = None
    dnis_received: str | None = None
    proxy: str | None = None
    protocol: str | None = None
    port: int | None = None
    calls: int | None = None
    capacity: int | None = None
    capacity_scope: Scope | None = None
    lease_seconds: int | None = None
    generation: int
    explain: tuple[ExplainedAccount, ...] | None = None
    explain_omitted: int | None = None


class CallAnswer(Answer, frozen=True, kw_only=True):
    """The answer to `start` and `release`.

    `calls` is what the account has up now; `seconds` the time since the call was answered (0 if it never was).
    """

    result: Literal["started", "released", "already_released", "unknown"]
    calls: int | None = None
    seconds: float | None = None


class TouchAnswer(Answer, frozen=True, kw_only=True):
    """The answer to `touch`; `unknown` lists what was not renewed because no such call is up."""

    result: Literal["touched"]  # no default: a default is left out, and every answer says its result
    unknown: tuple[CallName, ...]


class SyncAnswer(Answer, frozen=True, kw_only=True):
    """The answer to `sync`; `ended` and `adopted` count calls, at `synced` only."""

    result: Literal["sync_begun", "sync_noted", "synced"]
    ended: int | None = None
    adopted: int | None = None


class LiveCall(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One live call. Ages and leases in seconds."""

    call_id: str
    leg: str
    direction: DirectionText
    state: Literal["reserved", "active"]
    account_id: int
    client_id: int
    age_seconds: float
    lease_seconds_left: float
    gateway: str | None = None
    reseller_id: int | None = None


class EndAnswer(Answer, frozen=True, kw_only=True):
    """The answer to `end`; `calls` and `seconds` as in `CallAnswer`. `call`: as it was, where it was up."""

    result: Literal["released", "already_released", "unknown"]
    calls: int | None = None
    seconds: float | None = None
    call: LiveCall | None = None


class CallsAnswer(Answer, frozen=True, kw_only=True):
    """Live calls, oldest first; `omitted` counts those past the limit."""

    calls: tuple[LiveCall, ...]
    omitted: int = 0


class StatusAnswer(Answer, frozen=True, kw_only=True):
    """How the daemon is. `data_age_seconds`: since the database was last seen to agree; left out before that."""

    ready: bool
    generation: int
    accounts: int
    calls: int
    database: Literal["connected", "away"]
    data_age_seconds: float | None = None
    quarantined: int
    draining: bool
    server: str


class PongAnswer(Answer, frozen=True, kw_only=True):
    """The answer to `ping`."""


class AccountUsage(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What one account has up: calls that count against its capacity now, by direction.

    `last_call_at`: Unix seconds at which a call of it was last granted, in either direction. `quarantined`:
    "column: reason" why its row cannot be used. `ambiguous`: accounts of other clients of which only the id tells it
    apart for some call; with `ambiguous_more` there may be others.
    """

    account_id: int
    orig: int
    term: int
    last_call_at: float | None = None
    quarantined: str | None = None
    ambiguous: tuple[int, ...] = ()
    ambiguous_more: bool = False


class ClientUsage(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What one client has up: calls that count against its capacity now, by direction."""

    client_id: int
    orig: int
    term: int


class UsageAnswer(Answer, frozen=True, kw_only=True):
    """The answer to `usage`, in the order asked; ids that the daemon does not know are left out.

    `calls`: all live calls. `omitted` counts accounts, the last ones asked for, that did not fit into the frame.
    """

    generation: int
    calls: int
    accounts: tuple[AccountUsage, ...]
    clients: tuple[ClientUsage, ...]
    omitted: int = 0


class InForceAnswer(Answer, frozen=True, kw_only=True):
    """The answer to `in_force`. False where nobody can say: before there is data, or while the database is away."""

    in_force: bool
    generation: int


class HelloAnswer(Answer, frozen=True, kw_only=True):
    """The answer to `hello`: who we are, whether there is data, and the gateway's leases in seconds."""

    version: int
    server: str
    gateway: str
    ready: bool
    generation: int
    reserve_seconds: int
    active_seconds: int


class ErrorAnswer(Answer, frozen=True, kw_only=True):
    """Something is wrong with the request or the connection; the request changed nothing."""

    code: str
    message: str
    field: str | None = None


AnyAnswer = (
    DecisionAnswer
    | CallAnswer
    | EndAnswer
    | TouchAnswer
    | SyncAnswer
    | CallsAnswer
    | StatusAnswer
    | PongAnswer
    | UsageAnswer
    | InForceAnswer
    | HelloAnswer
    | ErrorAnswer
)
