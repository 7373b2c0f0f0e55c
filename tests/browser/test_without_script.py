"""Everything that operators do, in a browser in which scripts are off."""

import re

from playwright.sync_api import Page, expect

from protocol.messages import Authorize, Identify

LONDON = "442071234567"


def account_of(site, **keys: object) -> str | None:
    """Whose call it is now."""
    return site.switch.call(Identify(id=site.switch.next_id(), dnis=LONDON, **keys)).account


def test_an_account_is_checked_created_changed_deactivated_and_deleted(site, page_of, clicking):
    page: Page = page_of("operator", script=False)
    page.goto("/accounts/new")
    clicking.fill_account(page, "Fir Lines", "plain", "IP", "192.0.2.210")
    clicking.switch_on(page, "Originator Settings")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#effect")).to_contain_text(re.compile("192.0.2.210|plain|share", re.I))
    assert account_of(site, ip="192.0.2.210") is None
    clicking.press(page, "OK")
    assert account_of(site, ip="192.0.2.210") == "plain"

    page.goto("/accounts?q=plain")
    clicking.row_of(page, "plain").get_by_role("link", name="plain", exact=True).click()
    page.locator("#f-ip").fill("192.0.2.211")
    clicking.press(page, "Apply")
    assert (account_of(site, ip="192.0.2.210"), account_of(site, ip="192.0.2.211")) == (None, "plain")

    page.get_by_role("link", name="Deactivate or delete").click()
    page.get_by_role("button", name="Deactivate plain").click()
    assert account_of(site, ip="192.0.2.211") is None
    page.goto("/accounts?q=plain")
    clicking.row_of(page, "plain").get_by_role("link", name=re.compile("^Delete")).click()
    page.get_by_label("Type the account").fill("plain")
    page.get_by_role("button", name="Delete", exact=True).click()
    assert site.rows("SELECT count(*) FROM identd.accounts WHERE name = 'plain'") == [(0,)]


def test_a_client_a_rate_table_and_a_gateway(site, page_of):
    page: Page = page_of("operator", script=False)
    for path, name in (
        ("/clients/new", "Yew & Sons <b>"),
        ("/rate-tables/new", "RT plain"),
        ("/gateways/new", "GW plain"),
        ("/resellers/new", "Plain Resale"),
        ("/routing-plans/new", "DR: plain"),
    ):
        page.goto(path)
        page.get_by_label("Name", exact=False).first.fill(name)
        page.locator("main form button").first.click()
        expect(page.locator("main")).to_contain_text(name)
    assert site.rows("SELECT count(*) FROM identd.clients WHERE name = 'Yew & Sons <b>'") == [(1,)]
    assert site.rows("SELECT count(*) FROM identd.gateways WHERE name = 'GW plain'") == [(1,)]
    page.goto("/audit")
    expect(page.locator("main")).to_contain_text("GW plain")


def test_whose_call_it_is_and_a_call_ended_by_hand(site, page_of):
    page: Page = page_of("operator", script=False)
    page.goto("/whose")
    page.get_by_label("Address").fill("192.0.2.10")
    page.get_by_label("DNIS").fill("1234#" + LONDON)
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("main")).to_contain_text("alder_premium")
    expect(page.locator("main")).to_contain_text("shorter than 1234#")
    site.switch.call(Authorize(id=site.switch.next_id(), ip="192.0.2.10", dnis="12" + LONDON, call_id="plain call"))
    page.goto("/calls")
    row = page.locator("tr").filter(has_text="plain call")
    row.get_by_role("link", name=re.compile("^(Release|End)")).or_(
        row.get_by_role("button", name=re.compile("^(Release|End)"))
    ).first.click()
    page.locator("main form button").first.click()
    page.goto("/calls")
    expect(page.locator("tr").filter(has_text="plain call")).to_have_count(0)


def test_a_file_of_accounts_is_tried_and_then_imported(site, page_of, tmp_path):
    page: Page = page_of("operator", script=False)
    file = tmp_path / "accounts.csv"
    file.write_text(
        "client,name,ident_by,ip,tech_prefix,orig_enabled\nFir Lines,csv one,ip,192.0.2.220,,yes\n"
        "Fir Lines,csv two,ip,192.0.2.221,77,yes\n"
    )
    page.goto("/accounts/import")
    page.set_input_files("input[type=file]", file)
    page.locator("main form button.primary").first.click()
    for _ in range(50):
        if page.get_by_role("button", name=re.compile("^(Import|Write|Commit)")).count():
            break
        page.wait_for_timeout(200)
        page.reload()
    assert account_of(site, ip="192.0.2.220") is None
    page.get_by_role("button", name=re.compile("^(Import|Write|Commit)")).first.click()
    for _ in range(50):
        if account_of(site, ip="192.0.2.220"):
            break
        page.wait_for_timeout(200)
        page.reload()
    assert account_of(site, ip="192.0.2.220") == "csv one"
