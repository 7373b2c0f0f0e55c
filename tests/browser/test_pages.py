"""Every page: no serious finding of axe-core, a picture of it, and the same without script."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

PAGES = {
    "accounts": "/accounts",
    "advanced-search": "/accounts?ident=198.51.100.70",
    "account-new": "/accounts/new",
    "account-edit": "/accounts/200/edit",
    "account-delete": "/accounts/211/delete",
    "import": "/accounts/import",
    "clients": "/clients",
    "client": "/clients/12",
    "client-edit": "/clients/12/edit",
    "resellers": "/resellers",
    "gateways": "/gateways",
    "gateway-edit": "/gateways/1/edit",
    "rate-tables": "/rate-tables",
    "routing-plans": "/routing-plans",
    "audit": "/audit",
    "whose": "/whose?ip=192.0.2.10&dnis=1234%23442071234567",
    "calls": "/calls",
    "people": "/people",
    "me": "/me",
}
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1360, "height": 860}


@pytest.fixture(scope="module")
def admin(site, chromium, clicking) -> Page:
    """One admin's page for all; it is only looked at."""
    context = chromium.new_context(base_url=site.url, viewport=DESKTOP)
    page = context.new_page()
    page.goto(site.link_for("ada", "admin"))
    clicking.choose_password(page)
    yield page
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_that_axe_core_calls_serious(admin: Page, name: str, scheme: str):
    admin.emulate_media(color_scheme=scheme)
    assert admin.goto(PAGES[name]).status == 200
    keep_picture(admin, name if scheme == "light" else f"{name}-dark")
    found = Axe().run(admin)
    serious = [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found.response["violations"]
        if one["impact"] in {"serious", "critical"}
    ]
    assert serious == []


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_needs_no_sideways_scrolling_of_the_page(admin: Page, name: str):
    admin.emulate_media(color_scheme="light")
    admin.set_viewport_size(PHONE)
    try:
        admin.goto(PAGES[name])
        keep_picture(admin, f"{name}-phone")
        assert admin.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    finally:
        admin.set_viewport_size(DESKTOP)


def test_keys_take_one_to_the_search_and_to_a_new_account(admin: Page):
    admin.goto("/accounts")
    admin.keyboard.press("/")
    expect(admin.locator("#f-q")).to_be_focused()
    admin.goto("/accounts")
    admin.keyboard.press("n")
    admin.wait_for_url("**/accounts/new*")


def keep_picture(page: Page, name: str) -> None:
    """Where IDENTD_SCREENSHOTS says, for docs/img and for whoever looks."""
    folder = os.environ.get("IDENTD_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png")
