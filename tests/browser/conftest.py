"""The console as an operator has it: a real Chromium, the console and the daemon as processes, a real PostgreSQL.

One of each for the whole run, on the demo's sample. `operator` is a page that is logged in; `page_of(role)` opens
others. Whatever the browser writes to its console, or is refused, fails the test that caused it.
"""

import functools
import importlib.util
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, StorageState, expect, sync_playwright

from demo import sql
from demo.console import running_console
from demo.daemon import configuration_of, running_daemon
from demo.postgres import NamedServer, OwnServer
from demo.process import IDENTD
from protocol.client_blocking import BlockingClient

CHROMIUM = os.environ.get("IDENTD_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--no-first-run")
SAMPLE = Path(__file__).resolve().parents[2] / "demo" / "accounts.sql"
SLOW_MS = 15_000
EXPECTED = (
    "the server responded with a status of 4",  # a form that is shown again with its errors is an answer 422
    "the server responded with a status of 503",  # who is away is said on the page
    "EventSource's response has a MIME type",  # a session that has ended: the stream's address leads to the login
)
"""What a browser writes although all is well."""

expect.set_options(timeout=SLOW_MS)


class Site(NamedTuple):
    """Everything that runs. `dsn` is the database as its owner; `switch` asks the daemon."""

    url: str
    dsn: str
    folder: Path
    console_dsn: str
    switch: BlockingClient

    def identd(self, *arguments: str) -> str:
        """What the command line prints."""
        done = subprocess.run(
            [IDENTD, *arguments, "--config", configuration_of(self.folder)],
            env={**os.environ, "IDENTD_CONSOLE_DSN": self.console_dsn},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def link_for(self, name: str, role: str) -> str:
        """The one-time link of a new person."""
        told = self.identd("console-user", "add", name, "--role", role)
        return next(word for word in told.split() if "/welcome/" in word)

    def sql(self, statement: str) -> None:
        """As billing would. On a thread of its own: playwright's loop runs on this one."""
        with ThreadPoolExecutor(1) as thread:
            thread.submit(sql.execute, self.dsn, statement).result()

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """As billing would."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(sql.query, self.dsn, query).result()


@pytest.fixture(scope="session")
def clicking() -> ModuleType:
    """`clicking.py`: what operators do, as one call each."""
    spec = importlib.util.spec_from_file_location("clicking", Path(__file__).with_name("clicking.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def site(
    postgres: NamedServer | OwnServer, database_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """PostgreSQL, daemon and console on the demo's sample."""
    name = postgres.create_database("browser", template=database_template)
    dsn = postgres.dsn(name)
    sql.execute(dsn, SAMPLE.read_text(encoding="utf-8"))
    console_dsn = postgres.dsn(name, user="identd_console") if isinstance(postgres, OwnServer) else dsn
    folder = tmp_path_factory.mktemp("b")
    with ExitStack() as stack:
        stack.callback(postgres.drop_database, name)
        switch = stack.enter_context(running_daemon(folder, dsn))
        url = stack.enter_context(running_console(folder, console_dsn))
        yield Site(url, dsn, folder, console_dsn, switch)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def sessions(site: Site, chromium: Browser, clicking: ModuleType) -> Callable[[str], StorageState]:
    """A function: role -> what a browser remembers of a person of that role who has logged in."""

    @functools.cache
    def session_of(role: str) -> StorageState:
        with chromium.new_context(base_url=site.url) as context:
            page = context.new_page()
            page.goto(site.link_for(f"the-{role}", role))
            clicking.choose_password(page)
            return context.storage_state()

    return session_of


@pytest.fixture
def page_of(site: Site, chromium: Browser, sessions: Callable[[str], StorageState]) -> Iterator[OpenPage]:
    """A function: role -> a page of a person of that role, logged in.

    `script=False`: a browser in which scripts are off. Other keywords go to the browser's context.
    """
    contexts = []
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(words in message.text for words in EXPECTED):
            complaints.append(message.text)

    def open_page(role: str = "operator", *, script: bool = True, **options: Any) -> Page:
        state = sessions(role)
        context = chromium.new_context(base_url=site.url, java_script_enabled=script, storage_state=state, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(SLOW_MS)
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def operator(page_of: OpenPage) -> Page:
    """An operator's page, logged in."""
    return page_of("operator")
