"""The configuration as frozen values: strict TOML in, all problems out, each with key, line and reason.

What a key is for and why its default is that number stands in `config/identd.toml`, beside the default; here are the
types, the bounds and the checks that look at two keys at once. An unknown key is a problem: a limit that is
misspelt would otherwise silently not be one. Secrets may come from the environment and appear in no message.
"""

import tomllib
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from identd.door_settings import EvapiSection, HttpSection, RadiusSection, evapi_problems, radius_problems
from identd.endpoint import Endpoint, parse_endpoint
from identd.section import NO_NUL, Count, PathText, Seconds, Section
from identd.toml_lines import line_of, line_of_error, path_of

FILE_BYTES_MAX = 1_048_576
"""A configuration is a few kilobytes; whatever is larger is the wrong file."""

PROBLEMS_MAX = 50
"""More than fits on a screen is not read."""

SUN_PATH_BYTES_MAX = 107
"""unix(7): `sun_path` is 108 bytes with the final NUL."""

DSN = r"^(postgres|postgresql)://[^\s\x00]*$"
UNIX_MODE = r"^0?[0-7]{3}$"
ORIGIN = r"^(https?://[^/\s\x00]+)?$"

IN_WORDS: dict[str, str] = {
    NO_NUL: "a path without a NUL character",
    DSN: "postgresql://user@host/database, without white space",
    ORIGIN: "https://console.example.net, with :port if need be, and without a path",
    UNIX_MODE: 'an octal file mode such as "0660"',
}
"""What a pattern asks for, as an operator would say it."""


class Problem(msgspec.Struct, frozen=True, order=True):
    """One thing that is wrong. `key` is a path (`limits.calls_max`), an environment variable, or "" for the file."""

    line: int
    key: str
    reason: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.key + ': ' if self.key else ''}{self.reason}"


class SettingsError(Exception):
    """The configuration cannot be used; `problems` has every reason found, in the order of lines."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self.path = path
        self.problems = problems
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))


class Database(Section, frozen=True, kw_only=True):
    dsn: Annotated[str, Meta(max_length=4096, pattern=DSN)] = "postgresql:///identd"
    poll_seconds: Annotated[float, Meta(ge=0.05, le=60)] = 1.0
    heartbeat_seconds: Annotated[float, Meta(ge=0.5, le=300)] = 5.0

    def __repr__(self) -> str:  # a DSN may hold a password
        return f"Database(dsn=***, poll_seconds={self.poll_seconds}, heartbeat_seconds={self.heartbeat_seconds})"


class State(Section, frozen=True, kw_only=True):
    directory: Annotated[str, Meta(min_length=1, max_length=4096, pattern=NO_NUL)] = "state"


class Socket(Section, frozen=True, kw_only=True):
    unix: PathText = "run/identd.sock"
    unix_mode: Annotated[str, Meta(pattern=UNIX_MODE)] = "0660"
    tcp: str = "127.0.0.1:7878"
    allow_any: bool = False

    @property
    def unix_mode_bits(self) -> int:
        return int(self.unix_mode, 8)

    @property
    def tcp_endpoint(self) -> Endpoint | None:
        return parse_endpoint(self.tcp) if self.tcp else None


class MetricsListener(Section, frozen=True, kw_only=True):
    listen: str = "127.0.0.1:9878"
    allow_any: bool = False

    @property
    def endpoint(self) -> Endpoint | None:
        return parse_endpoint(self.listen) if self.listen else None


class Limits(Section, frozen=True, kw_only=True):
    """Bounds of everything that a peer can make grow. The unit stands last in the name; without one: how many."""

    frame_bytes_max: Annotated[int, Meta(ge=1024, le=65_536)] = 65_536
    connections_max: Count = 1024
    connections_per_address_max: Count = 64
    in_flight_max: Count = 1024
    output_bytes_max: Annotated[int, Meta(ge=65_536, le=67_108_864)] = 1_048_576
    hello_seconds_max: Seconds = 5.0
    partial_frame_seconds_max: Seconds = 5.0
    write_seconds_max: Seconds = 5.0
    idle_seconds_max: Seconds = 600.0
    keepalive_seconds: Annotated[int, Meta(ge=1, le=7200)] = 30
    calls_max: Count = 250_000
    released_memory_max: Count = 200_000
    drain_seconds_max: Seconds = 10.0


class ConsoleSection(Section, frozen=True, kw_only=True):
    """The web page and the REST API: `identd console`, a process of its own with a database role of its own."""

    listen: str = "127.0.0.1:8878"
    allow_any: bool = False
    public_url: Annotated[str, Meta(max_length=255, pattern=ORIGIN)] = ""
    tls_certificate: PathText = ""
    tls_key: PathText = ""
    dsn: Annotated[str, Meta(max_length=4096, pattern=DSN)] = "postgresql://identd_console@/identd"
    connections_max: Annotated[int, Meta(ge=1, le=100)] = 8
    session_idle_seconds: Annotated[int, Meta(ge=60, le=86_400)] = 1800
    session_absolute_seconds: Annotated[int, Meta(ge=60, le=604_800)] = 43_200
    import_bytes_max: Annotated[int, Meta(ge=1024, le=1_073_741_824)] = 67_108_864

    @property
    def endpoint(self) -> Endpoint:
        return parse_endpoint(self.listen)

    @property
    def origin(self) -> str:
        """What the browser has in its address bar: scheme, host and port, without a slash at the end."""
        return self.public_url or f"{'https' if self.tls_certificate else 'http'}://{self.endpoint}"

    def __repr__(self) -> str:  # a DSN may hold a password
        return f"ConsoleSection(listen={self.listen!r}, public_url={self.public_url!r}, dsn=***)"


class Log(Section, frozen=True, kw_only=True):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
    numbers: Literal["masked", "clear"] = "masked"


class Credentials(Section, frozen=True, kw_only=True):
    """`key` comes from the environment only: a key in this file would stand beside what tells where it is used."""

    key_file: PathText = ""
    previous_key_files: Annotated[tuple[PathText, ...], Meta(max_length=8)] = ()
    key: str = ""

    def __repr__(self) -> str:
        return f"Credentials(key_file={self.key_file!r}, previous_key_files={self.previous_key_files!r}, key=***)"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The whole configuration; valid by construction when it comes from `load_settings`."""

    database: Database = Database()
    state: State = State()
    socket: Socket = Socket()
    metrics: MetricsListener = MetricsListener()
    limits: Limits = Limits()
    log: Log = Log()
    credentials: Credentials = Credentials()
    console: ConsoleSection = ConsoleSection()
    radius: RadiusSection = RadiusSection()
    http: HttpSection = HttpSection()
    evapi: EvapiSection = EvapiSection()


ENVIRONMENT: dict[str, tuple[str, str]] = {
    "IDENTD_DATABASE_DSN": ("database", "dsn"),
    "IDENTD_CREDENTIALS_KEY": ("credentials", "key"),
    "IDENTD_CONSOLE_DSN": ("console", "dsn"),
}
"""Variable -> the key that it overrides. Empty counts as not set, as an unset line in a unit file gives it."""

ENVIRONMENT_ONLY = frozenset({("credentials", "key")})

RESTART_KEYS = frozenset(
    {
        "database.dsn",
        "database.poll_seconds",
        "database.heartbeat_seconds",
        "state.directory",
        "socket.unix",
        "socket.unix_mode",
        "socket.tcp",
        "socket.allow_any",
        "metrics.listen",
        "metrics.allow_any",
        "limits.released_memory_max",
        "radius.auth_listen",
        "radius.accounting_listen",
        "radius.allow_any",
        "http.listen",
        "http.allow_any",
        "evapi.kamailios",
    }
)
"""Keys that hold a socket, a file or a process which is made once. All others can change under a running daemon."""

KEYS: tuple[str, ...] = tuple(
    f"{section.name}.{key.name}"
    for section in msgspec.structs.fields(Settings)
    for key in msgspec.structs.fields(section.type)
    if (section.name, key.name) not in ENVIRONMENT_ONLY
)
"""The path of every key that the file may have."""


def load_settings(path: Path, environ: Mapping[str, str]) -> Settings:
    """Read and check the whole file. Raises SettingsError, also where the file cannot be read at all."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise SettingsError(path, [Problem(0, "", f"cannot be read: {error.strerror}")]) from error
    if len(data) > FILE_BYTES_MAX:
        raise SettingsError(path, [Problem(0, "", f"is larger than {FILE_BYTES_MAX} bytes")])
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SettingsError(path, [Problem(line, "", "is not UTF-8 text")]) from error
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # tomllib's own words name characters, never values: no secret can be in them
        raise SettingsError(path, [Problem(line_of_error(text, error), "", f"is not TOML: {error}")]) from error
    except RecursionError:
        raise SettingsError(path, [Problem(0, "", "is nested too deeply")]) from None
    settings, found = read_tables(tables, environ)
    if found:
        problems = [
            Problem(line_of(text, path_of(key)) or line_of(text, (key.partition(".")[0],)) or 0, key, reason)
            for key, reason in found[:PROBLEMS_MAX]
        ]
        raise SettingsError(path, sorted(problems))
    return settings


def read_tables(tables: Mapping[str, Any], environ: Mapping[str, str]) -> tuple[Settings, list[tuple[str, str]]]:
    """Settings from parsed TOML and the environment, and what is wrong as (key path, reason).

    A key that is wrong keeps its default, so that the checks across keys still say something about the others.
    """
    found: list[tuple[str, str]] = []
    sections: dict[str, Any] = {}
    names = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    found += [(name, _unknown(names)) for name in tables if name not in names]
    for name, section in names.items():
        given = tables.get(name, {})
        if not isinstance(given, Mapping):
            found.append((name, f"must be a table: write [{name}] on a line of its own"))
            given = {}
        sections[name] = _read_section(name, section, given, environ, found)
    settings = Settings(**sections)
    found += _problems_across(settings)
    return settings, found


def _read_section(
    name: str,
    section: type[Section],
    given: Mapping[str, Any],
    environ: Mapping[str, str],
    found: list[tuple[str, str]],
) -> Section:
    keys = {key.name: key.type for key in msgspec.structs.fields(section) if (name, key.name) not in ENVIRONMENT_ONLY}
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in keys:
            found.append((f"{name}.{key}", _unknown(keys)))
            continue
        try:
            values[key] = msgspec.convert(value, keys[key], strict=True)
        except msgspec.ValidationError as error:
            found.append((f"{name}.{key}{_inner_path(error)}", _plain(error)))
    every_type = {key.name: key.type for key in msgspec.structs.fields(section)}
    for variable, (its_section, key) in ENVIRONMENT.items():
        if its_section == name and environ.get(variable):
            try:
                values[key] = msgspec.convert(environ[variable], every_type[key], strict=True)
            except msgspec.ValidationError as error:
                found.append((variable, _plain(error)))
    return section(**values)


_UDP = frozenset({"radius.auth_listen", "radius.accounting_listen"})
"""Ports of their own: the same number over TCP is another socket."""


def _problems_across(settings: Settings) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    socket, metrics, limits, credentials = settings.socket, settings.metrics, settings.limits, settings.credentials
    console = settings.console
    radius, http = settings.radius, settings.http
    if not socket.unix and not socket.tcp:
        found.append(("socket", "unix and tcp are both off: nobody could ask anything"))
    if len(socket.unix.encode()) > SUN_PATH_BYTES_MAX:
        found.append(("socket.unix", f"is longer than the {SUN_PATH_BYTES_MAX} bytes that a socket's path may have"))
    endpoints: dict[str, Endpoint] = {}
    for key, text, allow_any in (
        ("socket.tcp", socket.tcp, socket.allow_any),
        ("metrics.listen", metrics.listen, metrics.allow_any),
        ("console.listen", console.listen, console.allow_any),
        ("http.listen", http.listen, http.allow_any),
        ("radius.auth_listen", radius.auth_listen, radius.allow_any),
        ("radius.accounting_listen", radius.accounting_listen, radius.allow_any),
    ):
        try:
            endpoint = parse_endpoint(text) if text else None
        except ValueError as error:
            found.append((key, str(error)))
            continue
        if endpoint is None:
            continue
        endpoints[key] = endpoint
        if endpoint.is_wildcard and not allow_any:
            section = key.partition(".")[0]
            found.append(
                (key, f"would listen on every address of this machine; if meant, set {section}.allow_any = true")
            )
    for (key, endpoint), (other, its_endpoint) in combinations(endpoints.items(), 2):
        if endpoint == its_endpoint and endpoint.port and (key in _UDP) == (other in _UDP):
            found.append((other, f"is the same address and port as {key}"))
    if not console.listen:
        found.append(("console.listen", "is empty; a console that is not wanted is one that is not started"))
    elif (
        (where := endpoints.get("console.listen")) is not None
        and where.is_wildcard
        and console.allow_any
        and not console.public_url
    ):
        found.append(
            ("console.public_url", "is needed where console.listen is every address: links and forms name it")
        )
    if bool(console.tls_certificate) != bool(console.tls_key):
        found.append(("console.tls_key", "and console.tls_certificate belong together: set both or neither"))
    if console.session_idle_seconds > console.session_absolute_seconds:
        found.append(("console.session_idle_seconds", "is larger than console.session_absolute_seconds"))
    found += radius_problems(radius)
    found += evapi_problems(settings.evapi)
    if limits.connections_per_address_max > limits.connections_max:
        found.append(("limits.connections_per_address_max", "is larger than limits.connections_max"))
    if credentials.previous_key_files and not (credentials.key_file or credentials.key):
        found.append(
            ("credentials.previous_key_files", "is set, but there is no key_file (or IDENTD_CREDENTIALS_KEY)")
        )
    return found


def reload_problems(old: Settings, new: Settings) -> list[Problem]:
    """Why `new` cannot take the place of `old` without a restart; [] if it can. One such key refuses the whole."""
    return [
        Problem(0, key, "cannot change while the daemon runs: restart it")
        for key in changed_keys(old, new)
        if key in RESTART_KEYS
    ]


def changed_keys(old: Settings, new: Settings) -> list[str]:
    """The paths of the keys whose values differ (`credentials.key` counts), for the reload's log line."""
    return [
        f"{section.name}.{key.name}"
        for section in msgspec.structs.fields(Settings)
        for key in msgspec.structs.fields(section.type)
        if getattr(getattr(old, section.name), key.name) != getattr(getattr(new, section.name), key.name)
    ]


def _unknown(known: Mapping[str, Any]) -> str:
    return f"is not known here; known are {', '.join(known)}"


def _inner_path(error: msgspec.ValidationError) -> str:
    """Where in a table of tables: "[0].network"; "" where the key itself is wrong."""
    at = str(error).partition(" - at `$")[2]
    return at.rstrip("`")


def _plain(error: msgspec.ValidationError) -> str:
    """msgspec's sentence without its path, and patterns in words. Our types' bounds, the value only for an enum."""
    sentence = str(error).partition(" - at `$")[0].replace("`", "")
    for pattern, words in IN_WORDS.items():
        if repr(pattern) in sentence:
            return f"Expected {words}"
    return sentence
