"""What operators do on the console's pages, as one call each."""

import re

from playwright.sync_api import Locator, Page, expect

PASSWORD = "correct horse battery staple"


def choose_password(page: Page) -> None:
    """At a one-time link; afterwards the person is logged in."""
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.get_by_role("button", name="Set the password and log in").click()
    expect(page.get_by_role("navigation", name="Sections")).to_be_visible()


def log_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """At the login page."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def block(page: Page, title: str) -> Locator:
    """One of the three blocks of the account form."""
    return page.locator("section.panel").filter(has=page.get_by_role("heading", name=re.compile(f"^{title}")))


def fill_account(page: Page, client: str, name: str, ident_by: str, ident: str) -> None:
    """The General block, as far as every account needs it. `ident_by`: IP, Name or ANI."""
    general = block(page, "General")
    general.get_by_label("Client", exact=False).first.fill(client)
    page.locator("#f-name").fill(name)
    general.get_by_role("radio", name=ident_by, exact=True).check()
    page.locator({"IP": "#f-ip", "Name": "#f-ident_name", "ANI": "#f-ani"}[ident_by]).fill(ident)


def switch_on(page: Page, title: str) -> Locator:
    """Check a block's own box (Originator Settings, Terminator Settings); the block."""
    part = block(page, title)
    part.get_by_label(title).check()
    return part


def press(page: Page, button: str) -> None:
    """OK, Apply and the like; waits for the page that follows."""
    with page.expect_navigation():
        page.get_by_role("button", name=button, exact=True).click()


def row_of(page: Page, account: str) -> Locator:
    """The account's row in the table."""
    return page.locator("table.accounts tbody tr").filter(has=page.get_by_role("link", name=account, exact=True))
