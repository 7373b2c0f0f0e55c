"""`identd console`: the web page and the API as a process of its own, until SIGTERM.

Exit codes: 0 stopped as told, 2 a configuration that cannot be used, 1 anything else that kept it from starting.
"""

import contextlib
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import asyncpg
import trio
import trio_asyncio
from hypercorn.config import Config
from hypercorn.trio import serve as serve_http
from hypercorn.typing import ASGIFramework

from console.app import application
from console.context import Console
from console.daemon import Daemon
from console.database import open_database
from console.errors import BusyError, DatabaseAwayError
from console.store.schema import missing_migrations
from console.transfer.working import wipe_daily
from identd.credentials import CredentialsError, KeyRing
from identd.endpoint import Endpoint
from identd.logs import Log
from identd.sealing import load_keys
from identd.settings import ConsoleSection, Settings, SettingsError, load_settings
from protocol.client_trio import Client

EXIT_STOPPED, EXIT_FAILED, EXIT_CONFIGURATION = 0, 1, 2
GRACE_SECONDS = 2.0
"""How long requests under way may take once we are told to stop; pages with live counts never end by themselves."""
CONNECT_SECONDS = 0.5
BACKLOG = 128


class CertificateError(Exception):
    """The certificate or its key cannot be read, or they do not belong together."""


def serve(config_path: Path, environ: Mapping[str, str] = os.environ) -> int:
    """Run the console in the foreground; the exit code."""
    try:
        settings = load_settings(config_path, environ)
        keys = load_keys(settings.credentials)
        _check_certificate(settings.console)
    except (SettingsError, CredentialsError, CertificateError) as error:
        print(f"identd console: {error}", file=sys.stderr)
        return EXIT_CONFIGURATION
    try:
        listener = _listen(settings.console.endpoint)
    except OSError as error:
        print(f"identd console: cannot listen on {settings.console.endpoint}: {error.strerror}", file=sys.stderr)
        return EXIT_FAILED
    log = Log(settings.log.level, settings.log.format, settings.log.numbers)
    with listener:
        try:
            trio.run(_serve, settings, keys, log, listener)
        finally:
            log.close()
    return EXIT_STOPPED


def _check_certificate(section: ConsoleSection) -> None:
    """Raises `CertificateError` where Hypercorn would fail later, in the middle of its start."""
    if not section.tls_certificate:
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(section.tls_certificate, section.tls_key)
    except OSError as error:  # an SSLError is one too
        reason = error.strerror or type(error).__name__
        raise CertificateError(f"console.tls_certificate and console.tls_key cannot be used: {reason}") from error


def _listen(endpoint: Endpoint) -> socket.socket:
    """Made here and not by Hypercorn, so that an address that is taken is one line before anything has begun."""
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    return socket.create_server((endpoint.host, endpoint.port), family=family, backlog=BACKLOG)


async def _serve(settings: Settings, keys: KeyRing, log: Log, listener: socket.socket) -> None:
    section = settings.console
    stop = trio.Event()
    async with (
        trio_asyncio.open_loop(),
        open_database(section.dsn, section.connections_max) as database,
        Client(settings.socket.unix, connect_seconds=CONNECT_SECONDS) as client,
        trio.open_nursery() as nursery,
    ):
        console = Console(settings, database, Daemon(client), keys, log, time.time, nursery)
        nursery.start_soon(_await_signal, stop)
        nursery.start_soon(wipe_daily, console)
        nursery.start_soon(_look_at_schema, console)
        log.info("console_started", url=section.origin, pid=os.getpid())
        # Starlette's and Hypercorn's types say the same in different words
        app = cast("ASGIFramework", application(console))
        await serve_http(app, http_config(settings, listener), shutdown_trigger=stop.wait)
        nursery.cancel_scope.cancel()
    log.info("console_stopped")


async def _look_at_schema(console: Console) -> None:
    """Say in the log what the pages would say one by one; where the database is away they say that."""
    with contextlib.suppress(DatabaseAwayError, BusyError, asyncpg.PostgresError):
        if missing := await missing_migrations(console.database):
            console.log.error("schema_old", missing=", ".join(missing), reason="identd init-db is to be run")


async def _await_signal(stop: trio.Event) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            stop.set()


def http_config(settings: Settings, listener: socket.socket) -> Config:
    """Hypercorn's settings: our one listener, TLS where the configuration has it, bounds on what peers may do."""
    section = settings.console
    config = Config()
    config.bind = [f"fd://{os.dup(listener.fileno())}"]  # Hypercorn closes what it is given
    config.accesslog = None
    config.errorlog = None
    config.certfile = section.tls_certificate or None
    config.keyfile = section.tls_key or None
    config.include_server_header = False
    config.graceful_timeout = GRACE_SECONDS
    config.keep_alive_timeout = 30.0
    config.h11_max_incomplete_size = 32_768
    config.websocket_max_message_size = 1
    return config
