"""The configuration: the shown defaults are the real ones, and every mistake is told with key, line and reason."""

import re
from pathlib import Path

import msgspec
import pytest

from identd.settings import KEYS, RESTART_KEYS, Settings, SettingsError, changed_keys, load_settings, reload_problems

SHOWN = Path("config/identd.toml")


def problems(tmp_path: Path, text: str | bytes, environ: dict[str, str] | None = None) -> list[tuple[int, str, str]]:
    path = tmp_path / "identd.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingsError) as caught:
        load_settings(path, environ or {})
    assert all(str(path) in line for line in str(caught.value).splitlines())
    return [(problem.line, problem.key, problem.reason) for problem in caught.value.problems]


def test_the_shown_configuration_is_the_defaults_and_shows_every_key() -> None:
    text = SHOWN.read_text()
    section, shown = "", {}
    for line in text.splitlines():
        if header := re.fullmatch(r"\[(\w+)\]", line):
            section = header[1]
        elif key := re.match(r"(\w+) = .*?(# \[reload\].*)?$", line):
            shown[f"{section}.{key[1]}"] = key[2] is not None
    assert load_settings(SHOWN, {}) == Settings()
    assert tuple(sorted(shown)) == tuple(sorted(KEYS))
    # the console is a process of its own: what changes there is nothing to the daemon
    fixed = {key for key, reloads in shown.items() if not reloads and not key.startswith("console.")}
    assert fixed == RESTART_KEYS


@pytest.mark.parametrize(
    ("text", "line", "key", "reason"),
    [
        ("\n[limits]\ncalls_max = true", 3, "limits.calls_max", "got bool"),
        ("[limits]\ncalls_max = 1.0", 2, "limits.calls_max", "got float"),
        ("[limits]\ncalls_max = 0", 2, "limits.calls_max", ">= 1"),
        ("[limits]\nframe_bytes_max = 65537", 2, "limits.frame_bytes_max", "<= 65536"),
        ("[limits]\nidle_seconds_max = nan", 2, "limits.idle_seconds_max", "> 0"),
        ("[limits]\nidle_seconds_max = inf", 2, "limits.idle_seconds_max", "<= 86400"),
        ("[limits]\ncall_max = 1", 2, "limits.call_max", "known are"),
        (
            "[limits]\nconnections_max = 10\nconnections_per_address_max = 11",
            3,
            "limits.connections_per_address_max",
            "larger",
        ),
        ("limit = 1", 1, "limit", "known are database"),
        ("socket = 3", 1, "socket", "must be a table"),
        ("[[socket]]\ntcp = ''", 1, "socket", "must be a table"),
        ('[socket]\nunix = ""\ntcp = ""', 1, "socket", "both off"),
        ('[socket]\ntcp = "0.0.0.0:1"', 2, "socket.tcp", "socket.allow_any = true"),
        ('[socket]\ntcp = ":1"', 2, "socket.tcp", "every address"),
        ('[console]\nlisten = "0.0.0.0:1"', 2, "console.listen", "console.allow_any = true"),
        ('[console]\nlisten = "0.0.0.0:1"\nallow_any = true', 1, "console.public_url", "links and forms name it"),
        ('[console]\nlisten = ""', 2, "console.listen", "is one that is not started"),
        ('[console]\nlisten = "127.0.0.1:9878"', 2, "console.listen", "the same address and port as metrics.listen"),
        ('[console]\ntls_key = "key.pem"', 2, "console.tls_key", "set both or neither"),
        ("[console]\nsession_idle_seconds = 50000", 2, "console.session_idle_seconds", "session_absolute_seconds"),
        ('[console]\npublic_url = "https://a.example/path"', 2, "console.public_url", "without a path"),
        ('[socket]\nallow_any = true\n[metrics]\nlisten = "[::]:1"', 4, "metrics.listen", "metrics.allow_any = true"),
        ('[metrics]\nlisten = "127.0.0.1:7878"', 2, "metrics.listen", "same address"),
        ('[socket]\ntcp = "localhost:1"', 2, "socket.tcp", "not an IP address"),
        ('[socket]\nunix_mode = "0999"', 2, "socket.unix_mode", "octal"),
        (f'[socket]\nunix = "{"x" * 108}"', 2, "socket.unix", "107 bytes"),
        ('[log]\nlevel = "INFO"', 2, "log.level", "INFO"),
        ('[state]\ndirectory = ""', 2, "state.directory", "length >= 1"),
        ('[credentials]\nprevious_key_files = ["a"]', 2, "credentials.previous_key_files", "no key_file"),
        ('[credentials]\nkey = "00"', 2, "credentials.key", "known are"),
        ("[log\n", 1, "", "not TOML"),
        ("a = 1\na = 2\n", 2, "", "not TOML"),
        (b"# fine\n# \xff\n", 2, "", "UTF-8"),
    ],
)
def test_a_mistake_is_told_with_key_line_and_reason(
    tmp_path: Path, text: str | bytes, line: int, key: str, reason: str
) -> None:
    [found] = problems(tmp_path, text)
    assert found[:2] == (line, key)
    assert reason in found[2]


def test_all_mistakes_are_told_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    found = problems(
        tmp_path, '[log]\nlevel = 3\n[limits]\ncalls_max = "x"\nzz = 1\n', {"IDENTD_DATABASE_DSN": "mysql://x"}
    )
    assert [(line, key) for line, key, _ in found] == [
        (0, "IDENTD_DATABASE_DSN"),
        (2, "log.level"),
        (4, "limits.calls_max"),
        (5, "limits.zz"),
    ]


def test_a_secret_is_in_no_message_and_no_repr(tmp_path: Path) -> None:
    found = problems(tmp_path, '[database]\ndsn = "mysql://u:hunter2@h/d"\n[credentials]\nkey = "hunter2"')
    assert len(found) == 2
    assert "hunter2" not in str(found)
    (tmp_path / "good.toml").write_text("")
    settings = load_settings(
        tmp_path / "good.toml",
        {"IDENTD_DATABASE_DSN": "postgresql://u:hunter2@h/d", "IDENTD_CREDENTIALS_KEY": "hunter2"},
    )
    assert settings.database.dsn == "postgresql://u:hunter2@h/d"
    assert settings.credentials.key == "hunter2"
    assert "hunter2" not in repr(settings)


def test_a_variable_that_is_set_to_nothing_overrides_nothing(tmp_path: Path) -> None:
    (tmp_path / "identd.toml").write_text('[database]\ndsn = "postgresql://here/d"')
    settings = load_settings(tmp_path / "identd.toml", {"IDENTD_DATABASE_DSN": ""})
    assert settings.database.dsn == "postgresql://here/d"


def test_a_file_that_cannot_be_read_is_one_problem(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.toml", tmp_path):
        with pytest.raises(SettingsError, match="cannot be read"):
            load_settings(path, {})
    (tmp_path / "large.toml").write_bytes(b"#" * 1_048_577)
    with pytest.raises(SettingsError, match="larger than"):
        load_settings(tmp_path / "large.toml", {})


@pytest.mark.parametrize("key", KEYS)
def test_a_reload_takes_or_refuses_each_key_and_never_half(key: str) -> None:
    section, _, name = key.partition(".")
    old = Settings()
    part = getattr(old, section)
    other = msgspec.structs.replace(part, **{name: object()})
    new = msgspec.structs.replace(old, **{section: other})
    assert changed_keys(old, new) == [key]
    assert [problem.key for problem in reload_problems(old, new)] == ([key] if key in RESTART_KEYS else [])
    assert changed_keys(old, old) == []
