"""What can go wrong with a request of an operator, as types. Page, API and command line say them their way."""

from collections.abc import Mapping


class FieldErrors(Exception):  # noqa: N818 - it holds several
    """Something is wrong with what was entered: `errors` has, by field, a sentence that says what to do.

    The field "" is the whole: what no single field can be blamed for.
    """

    def __init__(self, errors: Mapping[str, str]) -> None:
        assert errors, "errors without any"
        self.errors = dict(errors)
        super().__init__("; ".join(f"{field or 'all'}: {reason}" for field, reason in self.errors.items()))


class NotFoundError(Exception):
    """There is no such thing (any more). `what`: "account", "client" and so on."""

    def __init__(self, what: str, which: object) -> None:
        self.what = what
        self.which = which
        super().__init__(f"there is no {what} {which}")


class ChangedError(Exception):
    """Somebody else changed it since it was read: `etag` is that of now."""

    def __init__(self, what: str, which: object, etag: str) -> None:
        self.what = what
        self.which = which
        self.etag = etag
        super().__init__(f"{what} {which} was changed by somebody else in the meantime")


class InUseError(Exception):
    """It cannot be deleted while others refer to it; `by` says who, in words."""

    def __init__(self, what: str, which: object, by: str) -> None:
        self.what = what
        self.which = which
        self.by = by
        super().__init__(f"{what} {which} is in use by {by}")


class BusyError(Exception):
    """Others had to be waited for in vain: nothing was changed, and trying again helps. Its text is for people."""

    def __init__(self, reason: str = "Somebody wrote the same rows at this moment.") -> None:
        self.reason = reason
        super().__init__(f"{reason} Nothing was changed: try again.")


class DatabaseAwayError(Exception):
    """PostgreSQL does not answer, or ended the conversation: nothing was changed unless a commit had begun."""


class SchemaError(DatabaseAwayError):
    """The database has not the tables of this version: it is as good as away until somebody upgrades it."""

    def __init__(self) -> None:
        super().__init__("the database has no schema of this version: run identd init-db")


class DaemonAwayError(Exception):
    """The daemon does not answer on its socket; pages show what the database knows and say so."""
