"""People, own password and second factor, keys, resellers, routing plans: in a browser in which scripts are off."""

import re
import time
from collections.abc import Callable, Iterator

import httpx
import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

NEW_PASSWORD = "quite another battery staple"


@pytest.fixture
def plain_browser(site, chromium: Browser) -> Iterator[Callable[[], Page]]:
    """A function: a page of nobody, as in another browser, scripts off."""
    contexts = []

    def open_page() -> Page:
        contexts.append(chromium.new_context(base_url=site.url, java_script_enabled=False))
        return contexts[-1].new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def admin(page_of) -> Page:
    return page_of("admin", script=False)


def test_somebody_is_added_gets_in_by_the_link_another_role_and_is_removed(admin: Page, plain_browser, clicking):
    admin.goto("/people")
    admin.get_by_label("Name").fill("petra")
    admin.get_by_label("Role").select_option("viewer")
    admin.get_by_role("button", name="Add, and show the link").click()
    petra = plain_browser()
    petra.goto(admin.get_by_label("One-time link").input_value())
    clicking.choose_password(petra)
    assert petra.goto("/accounts/new").status == 403

    admin.goto("/people")
    admin.get_by_role("link", name="petra").click()
    admin.get_by_label("Role").select_option("operator")
    admin.get_by_role("button", name="Save").click()
    expect(admin.locator("#messages")).to_contain_text("petra is saved")
    petra.goto("/accounts")  # what was logged in is logged out
    clicking.log_in(petra, "petra")
    assert petra.goto("/accounts/new").status == 200

    admin.get_by_role("link", name="petra").click()
    admin.get_by_role("button", name="Make a link").click()
    link = admin.get_by_label("One-time link").input_value()
    again = plain_browser()
    assert again.goto(link).status == 200

    admin.goto("/people")
    admin.get_by_role("link", name="petra").click()
    admin.get_by_role("button", name="Remove petra").click()
    expect(admin.get_by_role("link", name="petra")).to_have_count(0)
    petra.goto("/accounts")
    expect(petra.get_by_role("button", name="Log in")).to_be_visible()
    assert again.goto(link).status in {404, 410}


def test_what_is_wrong_with_somebody_new_stands_at_the_field(admin: Page):
    admin.goto("/people")
    admin.get_by_label("Name").fill("the-admin")
    admin.get_by_role("button", name="Add, and show the link").click()
    expect(admin.locator("#e-name")).to_be_visible()
    expect(admin.get_by_label("Name")).to_have_value("the-admin")


def test_ones_own_password_and_another_browser_that_is_logged_out_by_it(site, plain_browser, clicking):
    first, second = plain_browser(), plain_browser()
    first.goto(site.link_for("paul", "viewer"))
    clicking.choose_password(first)
    second.goto("/login")
    clicking.log_in(second, "paul")
    first.goto("/me")
    for label, text in (
        ("Password now", "wrong one here"),
        ("New password", NEW_PASSWORD),
        ("Once more", NEW_PASSWORD),
    ):
        first.get_by_label(label).fill(text)
    first.get_by_role("button", name="Change the password").click()
    expect(first.locator("#e-old")).to_be_visible()
    wait = first.locator("main").inner_text()
    for label, text in (
        ("Password now", clicking.PASSWORD),
        ("New password", NEW_PASSWORD),
        ("Once more", NEW_PASSWORD),
    ):
        first.get_by_label(label).fill(text)
    if "second" in wait:
        time.sleep(2)
    first.get_by_role("button", name="Change the password").click()
    expect(first.locator("#messages")).to_contain_text(re.compile("password", re.I))
    second.goto("/accounts")
    expect(second.get_by_role("button", name="Log in")).to_be_visible()
    clicking.log_in(second, "paul", NEW_PASSWORD)
    expect(second.get_by_role("navigation", name="Sections")).to_be_visible()
    first.goto("/me")
    first.get_by_role("button", name="End all others").click()
    second.goto("/accounts")
    expect(second.get_by_role("button", name="Log in")).to_be_visible()


def test_a_second_factor_is_set_up_asked_for_and_done_without(site, plain_browser, clicking):
    page = plain_browser()
    page.goto(site.link_for("pia", "viewer"))
    clicking.choose_password(page)
    page.goto("/me")
    page.get_by_role("link", name="Set it up…").click()
    totp = pyotp.TOTP(page.locator("code.wrap").inner_text())
    page.locator("#f-code").fill(totp.now())
    page.get_by_label("Password").fill(clicking.PASSWORD)
    page.get_by_role("button", name="From now on with a code").click()
    expect(page.locator("main")).to_contain_text("A login needs a code of your app.")

    other = plain_browser()
    other.goto("/login")
    clicking.log_in(other, "pia")
    expect(other.get_by_role("button", name="Log in")).to_be_visible()

    page.get_by_role("link", name="Do without…").click()
    page.get_by_label("Password").fill(clicking.PASSWORD)
    page.get_by_role("button", name="Do without").click()
    expect(page.locator("main")).to_contain_text("With it, who learns your password still cannot log in.")


def test_a_key_is_made_used_and_revoked(site, admin: Page):
    admin.goto("/people")
    admin.get_by_role("link", name="Keys of the API").click()
    admin.get_by_label("Name").fill("billing")
    admin.get_by_label("Role").select_option("viewer")
    admin.get_by_role("button", name="Make the key").click()
    headers = {"Authorization": f"Bearer {admin.get_by_label('Key').input_value()}"}
    assert httpx.get(f"{site.url}/api/v1/accounts", headers=headers).status_code == 200
    admin.get_by_role("link", name="To the keys").click()
    admin.get_by_role("button", name="Revoke billing").click()
    expect(admin.locator("tr").filter(has_text="billing")).to_contain_text("Revoked")
    assert httpx.get(f"{site.url}/api/v1/accounts", headers=headers).status_code == 401


@pytest.mark.parametrize("path", ["/resellers", "/routing-plans"])
def test_it_is_made_changed_and_deleted(site, page_of, path: str):
    page: Page = page_of("operator", script=False)
    table = path[1:].replace("-", "_")
    page.goto(f"{path}/new")
    page.get_by_label("Name", exact=False).first.fill("Rose orig")
    page.locator("main form button.primary").first.click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Name", exact=False).first.fill("")
    page.get_by_role("button", name="Save").click()
    page.get_by_label("Name", exact=False).first.fill("plain and changed")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("plain and changed")
    assert site.rows(f"SELECT count(*) FROM identd.{table} WHERE name = 'plain and changed'") == [(1,)]
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete").click()
    assert site.rows(f"SELECT count(*) FROM identd.{table} WHERE name = 'plain and changed'") == [(0,)]


def test_live_calls_are_filtered_by_name(page_of):
    page: Page = page_of("operator", script=False)
    page.goto("/calls")
    page.get_by_label("Client").fill("Nobody at all")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("#e-client")).to_contain_text("There is no client")
    page.get_by_label("Client").fill("Rose orig")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_label("Client")).to_have_value("Rose orig")
    expect(page.locator("#live-table")).to_contain_text("No call is up that the filter lets through.")
