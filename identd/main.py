"""`identd serve`: everything that can refuse to start, in order, each with one clear line; then the daemon.

Exit codes: 0 stopped as told, 2 a configuration that cannot be used, 1 anything else that kept it from starting.
"""

import os
import resource
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import trio

from identd.credentials import CredentialsError
from identd.daemon import SERVER, Daemon
from identd.doors import Doors, open_doors, radius_clients
from identd.endpoint import parse_endpoint
from identd.journal import Journal, JournalError
from identd.listener import ListenError
from identd.logs import Log
from identd.radius.clients import RadiusClientsError
from identd.sealing import load_keys
from identd.settings import Settings, SettingsError, load_settings, reload_problems
from identd.systemd import ActivationError

EXIT_STOPPED, EXIT_FAILED, EXIT_CONFIGURATION = 0, 1, 2
FILES_BESIDE = 128  # what is open beside connections: doors, journal, loader, scrapes, Kamailios, spare ones


def serve(config_path: Path, environ: Mapping[str, str] = os.environ) -> int:
    """Run the daemon in the foreground until SIGTERM; the exit code."""
    try:
        settings = load_settings(config_path, environ)
        keys = load_keys(settings.credentials)
        clients = radius_clients(settings.radius)
    except (SettingsError, CredentialsError, RadiusClientsError) as error:
        print(f"identd: {error}", file=sys.stderr)
        return EXIT_CONFIGURATION
    _allow_open_files()
    log = Log(settings.log.level, settings.log.format, settings.log.numbers)
    doors: Doors | None = None
    try:
        journal = Journal(Path(settings.state.directory))
        doors = open_doors(settings, environ)

        def reload(daemon: Daemon) -> None:
            _reload(daemon, log, config_path, environ)

        daemon = Daemon(settings, log, keys, doors, clients, journal, reload)
        _warn_of_open_files(log, settings.limits.connections_max)
        trio.run(_serve, daemon, settings, log, doors.names)
    except (JournalError, ListenError, ActivationError) as error:
        if doors is not None:
            doors.close()
        log.close()
        print(f"identd: {error}", file=sys.stderr)
        return EXIT_FAILED
    log.close()
    return EXIT_STOPPED


async def _serve(daemon: Daemon, settings: Settings, log: Log, sockets: str) -> None:
    http_listeners: Sequence[trio.SocketListener] = ()
    if settings.metrics.listen:
        endpoint = parse_endpoint(settings.metrics.listen)
        try:
            http_listeners = await trio.open_tcp_listeners(endpoint.port, host=endpoint.host or None)
        except OSError as error:
            raise ListenError(f"cannot listen on {endpoint} for metrics: {os.strerror(error.errno or 0)}") from error
    log.info("started", server=SERVER, pid=os.getpid(), sockets=sockets)
    await daemon.serve(http_listeners)


def _reload(daemon: Daemon, log: Log, config_path: Path, environ: Mapping[str, str]) -> None:
    """SIGHUP: take the configuration over whole, or say why not and change nothing."""
    problems = ""
    try:
        settings = load_settings(config_path, environ)
        keys = load_keys(settings.credentials)
        if unchangeable := reload_problems(daemon.settings, settings):
            raise SettingsError(config_path, unchangeable)
        daemon.change_settings(settings, keys, radius_clients(settings.radius))
    except (SettingsError, CredentialsError, RadiusClientsError) as error:
        problems = str(error)
    for problem in problems.splitlines():
        log.error("configuration_not_reloaded", problem=problem)
    if not problems:
        log.info("configuration_reloaded")
        _warn_of_open_files(log, daemon.settings.limits.connections_max)


def _allow_open_files() -> None:
    """Raise the soft limit of open files to the hard one: a connection is a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _warn_of_open_files(log: Log, connections_max: int) -> None:
    """Full of connections it could open no file any more, and the loader or a scrape would fail first."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < connections_max + FILES_BESIDE:
        log.warning("open_files_too_few", allowed=hard, wanted=connections_max + FILES_BESIDE)
