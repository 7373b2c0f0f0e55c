"""Pages that stay open: many tabs, numbers that stand still, what is being typed, and a screen of 1280 pixels."""

import re
import time

import pytest
from playwright.sync_api import Page, Route, expect

TABS = 8
"""More than the six connections that a browser opens to one host."""
SAVED_IN_MS = 15_000


def test_eight_tabs_of_live_counts_leave_the_console_usable(page_of):
    """A tab that is not seen holds no connection."""
    first: Page = page_of("operator")
    tabs = [first, *(first.context.new_page() for _ in range(TABS - 1))]
    started = time.monotonic()
    for number, tab in enumerate(tabs):
        for other in tabs[:number]:
            see(other, is_seen=False)
        tab.goto("/accounts", timeout=SAVED_IN_MS, wait_until="load")
        expect(tab.locator("table[data-stream=on]")).to_be_attached()
    assert time.monotonic() - started < SAVED_IN_MS / 1000 * 4
    expect(first.locator("table[data-stream=off]")).to_be_attached()
    see(first, is_seen=True)
    expect(first.locator("table[data-stream=on]")).to_be_attached()


def see(tab: Page, *, is_seen: bool) -> None:
    """As if another tab were before it, or no longer: a browser without a screen shows all of its tabs."""
    tab.evaluate(
        """(state) => {
            Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        "visible" if is_seen else "hidden",
    )


def test_numbers_that_stand_still_are_said_and_move_again(page_of):
    page: Page = page_of("operator")
    refused = {"count": 0}

    def refuse(route: Route) -> None:
        refused["count"] += 1
        route.fulfill(status=503, body="too many pages")

    page.route("**/accounts/live*", refuse)
    page.goto("/accounts")
    expect(page.locator("#live-still")).to_be_visible()
    page.unroute("**/accounts/live*")
    expect(page.locator("#live-still")).to_be_hidden(timeout=30_000)
    assert refused["count"] >= 1


def test_who_is_logged_out_meanwhile_is_told_with_a_way_back(page_of):
    page: Page = page_of("viewer")
    page.route(
        "**/accounts/live*",
        lambda route: route.fulfill(content_type="text/event-stream", body="event: over\ndata: {}\n\n"),
    )
    page.goto("/accounts?q=rose")
    is_told_to_log_in(page)


def test_a_tab_that_is_seen_again_after_its_session_has_ended_says_so(page_of):
    page: Page = page_of("viewer")
    page.goto("/accounts?q=rose")
    expect(page.locator("table[data-stream=on]")).to_be_attached()
    see(page, is_seen=False)
    page.context.clear_cookies()
    see(page, is_seen=True)
    is_told_to_log_in(page)


def is_told_to_log_in(page: Page) -> None:
    over = page.locator("#live-over")
    expect(over).to_contain_text("You are logged out")
    expect(over.get_by_role("link", name="Log in again")).to_have_attribute(
        "href", "/login?next=%2Faccounts%3Fq%3Drose"
    )


def test_the_verdict_is_never_of_what_stood_in_the_field_before(operator: Page, clicking):
    operator.goto("/accounts/new")
    clicking.fill_account(operator, "Dogwood", "typed", "IP", "10.0.0.300")
    effect = operator.locator("#effect")
    expect(effect).to_contain_text("10.0.0.300")
    operator.locator("#f-ip").fill("")
    operator.locator("#f-ip").press_sequentially("192.0.2.10", delay=20)
    assert effect.get_attribute("aria-busy") == "true"
    expect(operator.locator("#verdict")).to_have_text("Looking…")
    # the field has not been left
    expect(operator.locator("#f-ip")).to_be_focused()
    expect(effect).to_contain_text("alder_premium")
    expect(effect).not_to_have_attribute("aria-busy", "true")
    expect(operator.locator("#verdict")).not_to_contain_text("Looking")


def test_an_answer_to_what_was_typed_before_is_not_shown(operator: Page, clicking):
    operator.goto("/accounts/new")
    held: list[Route] = []
    operator.route("**/accounts/check", lambda route: held.append(route) if not held else route.continue_())
    clicking.fill_account(operator, "Dogwood", "typed", "IP", "10.0.0.300")
    for _ in range(100):
        if held:
            break
        operator.wait_for_timeout(50)
    operator.locator("#f-ip").fill("192.0.2.10")
    held[0].fulfill(body="<p>of the value before</p>", content_type="text/html")
    expect(operator.locator("#effect")).to_contain_text("alder_premium")
    seen = operator.locator("#effect").inner_text()
    assert "of the value before" not in seen


@pytest.mark.parametrize("width", [1280, 1366])
def test_the_whole_table_with_its_icons_is_on_a_screen_of(page_of, width: int):
    page: Page = page_of("operator", viewport={"width": width, "height": 800})
    page.goto("/accounts?size=50")
    inside, whole = page.evaluate(
        "(() => { const box = document.querySelector('table.accounts').parentElement; "
        "return [box.clientWidth, box.scrollWidth]; })()"
    )
    assert whole <= inside
    bins = page.locator("a.bin")
    assert bins.count() > 5
    assert page.evaluate(
        "[...document.querySelectorAll('a.bin')].every((bin) => bin.getBoundingClientRect().right <= innerWidth)"
    )


def test_a_viewer_is_offered_no_new_account(page_of):
    page: Page = page_of("viewer")
    page.goto("/accounts")
    expect(page.locator(".keys")).not_to_contain_text("new account")
    page.keyboard.press("n")
    page.wait_for_timeout(300)
    assert page.url.endswith("/accounts")
    page.goto("/clients")
    page.keyboard.press("/")
    page.wait_for_url(re.compile("/accounts"))
    expect(page.locator("#f-q")).to_be_focused()
