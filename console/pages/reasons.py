"""Why a call may not go on, in an operator's words: what it means, and where to look. One table, a row a reason."""

from protocol.reason import Reason

WORDS: dict[Reason, str] = {
    Reason.NOT_READY: "The daemon has no accounts yet: it is still reading them, or the database is away.",
    Reason.OVERLOADED: "The daemon had too much to do to judge the call.",
    Reason.DRAINING: "The daemon is being stopped and judges no new calls.",
    Reason.ALREADY_RELEASED: "This call was released less than 30 seconds ago.",
    Reason.UNKNOWN_SOURCE: "No account fits this call. Below stands why, for each one that was looked at.",
    Reason.BAD_PASSWORD: "There is an account of this name, but the password does not prove it.",
    Reason.AMBIGUOUS: "Accounts of different clients fit equally well, and the gateway refuses such calls.",
    Reason.ACCOUNT_BLOCKED: "The call belongs to this account, and the account is blocked.",
    Reason.ACCOUNT_EXPIRED: "The call belongs to this account, and today is outside its validity dates.",
    Reason.CLIENT_BLOCKED: "The call belongs to this client, and the client is blocked or archived.",
    Reason.RESELLER_BLOCKED: "The call belongs to a client of this reseller, and the reseller is blocked.",
    Reason.NO_CREDIT: "The client's balance and credit limit are used up.",
    Reason.EMPTY_DNIS: "The dialled number is nothing but the tech prefix: nothing is left to dial.",
    Reason.CPS_ACCOUNT: "The account has had its calls per second.",
    Reason.CPS_CLIENT: "The client has had its calls per second.",
    Reason.CAPACITY_ACCOUNT: "As many calls of the account are up as its capacity allows.",
    Reason.CAPACITY_CLIENT: "As many calls of the client are up as its capacity allows.",
    Reason.CAPACITY_RESELLER: "As many calls of the reseller are up as its capacity allows.",
}


def words_of(reason: str) -> str:
    """The sentence; a reason of a newer daemon stands for itself."""
    try:
        return WORDS[Reason(reason)]
    except ValueError:
        return f"The daemon says {reason}."
