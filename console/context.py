"""What every handler can reach: the database, the daemon, the configuration, the keys, the log and the clock."""

from collections.abc import Callable

import trio
from starlette.requests import HTTPConnection

from console.daemon import Daemon
from console.database import Database
from identd.credentials import KeyRing
from identd.logs import Log
from identd.settings import Settings


class Console:
    """One for the process; made by `main.py`, reached from a request by `console_of`.

    `nursery` carries what goes on after its request was answered (imports). A task in it is its own boundary for
    exceptions: one that raises would end the console.
    """

    __slots__ = ("daemon", "database", "keys", "log", "nursery", "settings", "wall")

    def __init__(
        self,
        settings: Settings,
        database: Database,
        daemon: Daemon,
        keys: KeyRing,
        log: Log,
        wall: Callable[[], float],
        nursery: trio.Nursery,
    ) -> None:
        self.settings = settings
        self.database = database
        self.daemon = daemon
        self.keys = keys
        self.log = log
        self.wall = wall  # Unix seconds
        self.nursery = nursery


def console_of(connection: HTTPConnection) -> Console:
    """The console that this request came to."""
    console = connection.app.state.console
    assert isinstance(console, Console), "main.py puts it there"
    return console
