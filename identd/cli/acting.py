"""Who stands in the audit log for what is done from the command line."""

import os
import pwd


def acting_user(uid: int | None = None) -> str:
    """The user of this machine as the kernel knows it, never as `$USER` says: `cli:anna`; `cli:1007` without a name.

    The colon tells it apart from people of the console.
    """
    uid = os.getuid() if uid is None else uid
    try:
        return f"cli:{pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"cli:{uid}"
