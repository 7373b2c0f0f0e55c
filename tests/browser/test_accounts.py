"""Accounts in a real browser, from creation to refund; after each step the daemon is asked as a switch would ask."""

import re

import pytest
from playwright.sync_api import Page, expect

from protocol.messages import Authorize, DecisionAnswer, Identify, Release

LONDON = "442071234567"


def identified(site, **keys: object) -> DecisionAnswer:
    """Whose call it is now."""
    answer = site.switch.call(Identify(id=site.switch.next_id(), **{"dnis": LONDON, **keys}))
    assert isinstance(answer, DecisionAnswer)
    return answer


def test_the_article_s_new_account_is_answered_by_the_daemon(site, operator: Page, clicking):
    """Its screenshot: Rose orig, IP, GW Calls, RT ORIG - Rose, DR: Complex LCR, Terminator Settings unchecked."""
    operator.goto("/accounts")
    operator.get_by_role("link", name="New Account", exact=True).click()
    clicking.fill_account(operator, "Rose orig", "from the browser", "IP", "11.11.20.34; 10.77.0.0/28")
    operator.get_by_label("GW Calls").check()
    originator = clicking.switch_on(operator, "Originator Settings")
    originator.get_by_label("Rate Table").select_option(label="RT ORIG - Rose")
    originator.get_by_label("Routing Plan").select_option(label="DR: Complex LCR")
    originator.get_by_label("Tags").fill("wholesale, night")
    originator.get_by_label("Capacity").fill("30")
    clicking.press(operator, "OK")
    # the page is there: the change is in force, with no waiting in between
    answer = identified(site, ip="11.11.20.34", gateway="GW Calls")
    assert (answer.decision, answer.account, answer.client) == ("grant", "from the browser", "Rose orig")
    assert (answer.rate_table_id, answer.routing_plan_id, answer.tags) == (5, 3, ("wholesale", "night"))
    assert (answer.capacity, answer.capacity_scope) == (30, "account")
    assert identified(site, ip="10.77.0.9", gateway="GW Calls").account == "from the browser"
    assert identified(site, ip="11.11.20.34").reason == "unknown_source"  # its gateway alone
    operator.goto("/accounts?q=from+the+browser")
    row = clicking.row_of(operator, "from the browser")
    expect(row).to_contain_text("11.11.20.34")
    expect(row).to_contain_text("RT ORIG - Rose")
    expect(row).to_contain_text("DR: Complex LCR")


def test_an_account_by_name_with_a_password_is_proven_by_it(site, operator: Page, clicking):
    operator.goto("/accounts/new")
    clicking.fill_account(operator, "Rose orig", "phone by name", "Name", "rose_phone")
    operator.get_by_role("button", name="Generate").click()
    password = operator.locator("#f-password").input_value()
    assert len(password) >= 16
    clicking.switch_on(operator, "Originator Settings")
    clicking.press(operator, "Apply")
    assert identified(site, name="rose_phone", password=password).account == "phone by name"
    assert identified(site, name="rose_phone", password="wrong").reason == "bad_password"
    assert identified(site, name="rose_phone").decision == "refuse"
    operator.get_by_role("button", name="Show the stored one").click()
    expect(operator.locator("#revealed")).to_contain_text(password)
    dump = str(site.rows("SELECT * FROM identd.accounts")) + str(site.rows("SELECT * FROM identd.audit_log"))
    assert password not in dump
    assert ("reveal",) in site.rows("SELECT action FROM identd.audit_log")


def test_an_account_by_number_and_a_vendor_s_account(site, operator: Page, clicking):
    operator.goto("/accounts/new")
    clicking.fill_account(operator, "Rose orig", "by number", "ANI", "+4930901820*")
    clicking.switch_on(operator, "Originator Settings")
    clicking.press(operator, "OK")
    assert identified(site, ani="493090182077").account == "by number"

    operator.goto("/accounts/new")
    clicking.fill_account(operator, "Rose term", "vendor", "IP", "192.0.2.200")
    terminator = clicking.switch_on(operator, "Terminator Settings")
    terminator.get_by_label("Rate Table").select_option(label="RT TERM - Vendors")
    terminator.get_by_label("Capacity").fill("2")
    terminator.get_by_label("Proxy").fill("proxy-1")
    terminator.get_by_label("Protocol").fill("SIP")
    terminator.get_by_label("Port").fill("5060")
    clicking.press(operator, "OK")
    answer = identified(site, direction="term", ip="192.0.2.200", port=5060, protocol="sip")
    assert (answer.account, answer.proxy, answer.port, answer.rate_table_id) == ("vendor", "proxy-1", 5060, 7)
    assert identified(site, direction="term", ip="192.0.2.200", port=5061, protocol="sip").decision == "refuse"


def test_what_it_would_do_is_shown_before_it_is_saved(site, operator: Page, clicking):
    operator.goto("/accounts/new")
    clicking.fill_account(operator, "Dogwood", "newcomer", "IP", "192.0.2.10")
    operator.locator("#f-tech_prefix").fill("1234#")
    clicking.switch_on(operator, "Originator Settings")
    effect = operator.locator("#effect")
    expect(effect).to_contain_text("alder_premium")
    expect(effect).to_contain_text(re.compile("ambiguous|only the id", re.IGNORECASE))
    assert site.rows("SELECT count(*) FROM identd.accounts WHERE name = 'newcomer'") == [(0,)]


def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(site, operator: Page, clicking):
    operator.goto("/accounts/new")
    clicking.fill_account(operator, "Rose orig", "faulty", "IP", "10.0.0.300")
    operator.locator("#f-tech_prefix").fill("12 34")
    clicking.switch_on(operator, "Originator Settings").get_by_label("Capacity").fill("many")
    operator.get_by_role("button", name="OK", exact=True).click()
    expect(operator.get_by_role("alert")).to_be_focused()
    expect(operator.locator("#e-ip")).to_contain_text("10.0.0.300")
    expect(operator.locator("#e-tech_prefix")).to_be_visible()
    expect(operator.locator("#e-orig_capacity")).to_be_visible()
    assert operator.locator("#f-ip").get_attribute("aria-invalid") == "true"
    assert operator.locator("#f-name").input_value() == "faulty"
    operator.locator("#f-ip").fill("192.0.2.123")
    operator.locator("#f-tech_prefix").fill("1234")
    operator.locator("#f-orig_capacity").fill("1")
    clicking.press(operator, "OK")
    assert identified(site, ip="192.0.2.123", dnis="1234" + LONDON).account == "faulty"


def test_two_operators_on_one_account(site, page_of, clicking):
    first, second = page_of("operator"), page_of("operator")
    for page in (first, second):
        page.goto("/accounts/221/edit")
    first.locator("#f-notes").fill("the first was here")
    clicking.press(first, "Apply")
    second.locator("#f-tech_prefix").fill("55")
    second.get_by_role("button", name="OK", exact=True).click()
    expect(second.get_by_role("alert")).to_contain_text("the first was here")
    assert site.rows("SELECT notes, tech_prefix FROM identd.accounts WHERE id = 221") == [
        ("the first was here", None)
    ]
    second.locator("#f-notes").fill("the first was here")
    clicking.press(second, "OK")
    assert site.rows("SELECT notes, tech_prefix FROM identd.accounts WHERE id = 221") == [
        ("the first was here", "55")
    ]


def test_search_filter_sort_and_pages(operator: Page, clicking):
    operator.goto("/accounts")
    operator.get_by_text("Advanced Search").click()
    operator.get_by_label("Name / ANI / IP").fill("198.51.100.70")
    operator.get_by_role("form", name="Advanced Search").get_by_role("button", name="Search").click()
    expect(clicking.row_of(operator, "alder_network")).to_be_visible()  # its /24 covers the address
    expect(clicking.row_of(operator, "birch_corner")).to_be_visible()
    expect(clicking.row_of(operator, "rose_orig")).to_have_count(0)
    assert "ident=198.51.100.70" in operator.url
    operator.get_by_role("link", name="Reset").click()
    expect(clicking.row_of(operator, "rose_orig")).to_be_visible()

    clicking.row_of(operator, "rose_orig").get_by_role(
        "link", name=re.compile("^Show only|only .*accounts", re.I)
    ).click()
    expect(clicking.row_of(operator, "rose_orig")).to_be_visible()
    expect(clicking.row_of(operator, "alder_network")).to_have_count(0)

    operator.goto("/accounts?sort=id&descending=true")
    numbers = [
        int(text)
        for text in operator.locator(
            "table.accounts tbody tr td:first-child, table.accounts tbody tr th:first-child"
        ).all_inner_texts()
    ]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 20
    expect(operator.locator(".pager").first).to_contain_text(re.compile(r"Rows 1 – 20 of \d+"))
    operator.get_by_role("link", name="Next page").first.click()
    expect(operator.locator(".pager").first).to_contain_text(re.compile(r"Rows 21 – "))


def test_a_live_count_moves(site, operator: Page, clicking):
    operator.goto("/accounts?q=birch_corner")
    now = clicking.row_of(operator, "birch_corner").locator("[data-side=orig] b")
    expect(now).to_have_text("0")
    keys = {"ip": "198.51.100.66", "dnis": "9" + LONDON, "call_id": "counted"}
    answer = site.switch.call(Authorize(id=site.switch.next_id(), **keys))
    assert answer.account == "birch_corner"
    expect(now).to_have_text("1")
    operator.goto("/calls?account_id=211")
    expect(operator.locator("#live-table")).to_contain_text("counted")
    operator.goto("/accounts?q=birch_corner")
    expect(now).to_have_text("1")
    site.switch.call(Release(id=site.switch.next_id(), call_id="counted"))
    expect(now).to_have_text("0")


def test_a_call_is_ended_by_hand_and_that_is_audited(site, operator: Page):
    answer = site.switch.call(
        Authorize(id=site.switch.next_id(), ip="198.51.100.66", dnis="9" + LONDON, call_id="by hand")
    )
    assert answer.decision == "grant"
    operator.goto("/calls")
    row = operator.locator("tr").filter(has_text="by hand")
    row.get_by_role("link", name=re.compile("^(Release|End)")).or_(
        row.get_by_role("button", name=re.compile("^(Release|End)"))
    ).first.click()
    operator.locator("main form button").first.click()
    expect(operator.locator("#messages")).to_contain_text("no longer counts")
    late = site.switch.call(Release(id=site.switch.next_id(), call_id="by hand"))
    assert late.result == "already_released"
    assert site.rows("SELECT entity_id FROM identd.audit_log WHERE action = 'release'") == [(211,)]


def test_deactivating_is_offered_before_deleting_and_deleting_gives_back_what_was_charged(
    site, operator: Page, clicking
):
    site.sql(
        "INSERT INTO identd.accounts (id, client_id, name, ident_by, ip, orig_enabled) "
        "VALUES (900, 25, 'to go', 'ip', '{192.0.2.199}', true);"
        "INSERT INTO identd.account_statistics (account_id, day, direction, calls, amount) "
        "VALUES (900, '2026-11-01', 'orig', 12, 7.25)"
    )
    operator.goto("/accounts/900/edit")
    operator.get_by_role("link", name="Deactivate or delete").click()
    expect(operator.locator("main")).to_contain_text("12 calls")
    expect(operator.locator("main")).to_contain_text("7.25")
    operator.get_by_role("button", name="Deactivate to go").click()
    expect(operator.locator("#messages")).to_contain_text(re.compile("deactivated|off", re.I))
    assert identified(site, ip="192.0.2.199").reason == "unknown_source"

    operator.goto("/accounts/900/delete")
    operator.get_by_label("Type the account").fill("another")
    operator.get_by_role("button", name="Delete", exact=True).click()
    expect(operator.locator("#e-confirm")).to_be_visible()
    operator.get_by_label("Type the account").fill("to go")
    before = site.rows("SELECT balance FROM identd.clients WHERE id = 25")[0][0]
    operator.get_by_role("button", name="Delete", exact=True).click()
    expect(operator.locator("#messages")).to_contain_text(re.compile("deleted|gone", re.I))
    after = site.rows("SELECT balance FROM identd.clients WHERE id = 25")[0][0]
    assert float(after) - float(before) == pytest.approx(7.25)
    assert operator.goto("/accounts/900/edit").status == 404
