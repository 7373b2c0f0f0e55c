"""A person gets in by a one-time link, and from then on by name and password."""

from playwright.sync_api import Browser, expect

from protocol.messages import Ping


def test_a_link_is_good_once_then_name_and_password_let_in(site, chromium: Browser, clicking):
    link = site.link_for("walter", "viewer")
    context = chromium.new_context(base_url=site.url)
    page = context.new_page()
    page.goto(link)
    clicking.choose_password(page)
    expect(page.get_by_text("walter")).to_be_visible()
    (cookie,) = [one for one in context.cookies() if one["name"].startswith("__Host-")]
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, True, "Strict", "/")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()

    assert page.goto(link).status in {404, 410}  # used up
    page.goto("/accounts?q=rose")
    expect(page).to_have_url(f"{site.url}/login?next=%2Faccounts%3Fq%3Drose")
    clicking.log_in(page, "walter")
    expect(page).to_have_url(f"{site.url}/accounts?q=rose")
    context.close()
    assert site.switch.call(Ping(id=1))


def test_a_wrong_password_says_the_same_as_an_unknown_name_and_then_makes_one_wait(site, chromium: Browser, clicking):
    site.link_for("wanda", "viewer")
    context = chromium.new_context(base_url=site.url)
    page = context.new_page()
    told = []
    for name in ("wanda", "nobody at all"):
        page.goto("/login")
        clicking.log_in(page, name, "not the password at all")
        told.append(page.locator("main").inner_text().replace(name, "NAME"))
    assert told[0] == told[1]
    for _ in range(12):  # the delay doubles, so at some point it is longer than a try takes
        page.goto("/login")
        clicking.log_in(page, "wanda", "not the password at all")
        if "second" in page.locator("main").inner_text():
            break
    expect(page.locator("main")).to_contain_text("second")
    context.close()


def test_a_viewer_sees_and_cannot_change(page_of, clicking):
    page = page_of("viewer")
    page.goto("/accounts")
    expect(clicking.row_of(page, "rose_orig")).to_be_visible()
    expect(page.get_by_role("link", name="New Account", exact=True)).to_have_count(0)
    assert page.goto("/accounts/new").status == 403
    assert page.goto("/audit").status == 403
    assert page.goto("/people").status == 403
