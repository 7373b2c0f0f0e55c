"""The pictures of docs/img, made where IDENTD_PICTURES says: by the console on the demo's sample, with calls up.

    IDENTD_PICTURES=docs/img bin/test-browser tests/browser/test_pictures.py

Nothing is asked for without it: what the pages do is tested elsewhere.
"""

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from protocol.messages import Authorize, Start

FOLDER = os.environ.get("IDENTD_PICTURES")
BYTES_MAX = 150_000
"""Of one picture: a documentation that is cloned by everybody."""
SCREEN = {"width": 1280, "height": 700}
PHONE = {"width": 390, "height": 780}
LONDON = "442071234567"

RICHER = """
UPDATE identd.accounts SET orig_capacity = 30, orig_tags = '{wholesale}' WHERE id IN (176, 178, 201);
UPDATE identd.accounts SET orig_capacity = 5, orig_rate_table_id = 6 WHERE id IN (200, 210, 220);
UPDATE identd.accounts SET notes = 'Moves to the new trunk in December.' WHERE id = 200;
UPDATE identd.clients SET balance = 1840.25, credit_limit = 500, orig_capacity = 60 WHERE id IN (12, 20);
"""
CALLS = (
    *(({"ip": "11.11.20.33", "gateway": "GW Calls"}, "") for _ in range(7)),
    *(({"ip": "192.0.2.10"}, "1234#") for _ in range(4)),
    *(({"ip": "192.0.2.10"}, "12") for _ in range(3)),
    *(({"ip": "198.51.100.9", "gateway": "GW Trunks"}, "") for _ in range(5)),
    *(({"ip": "198.51.100.66"}, "9") for _ in range(2)),
    *(({"name": "rose_orig", "name_verified": True, "gateway": "GW Trunks"}, "") for _ in range(11)),
    ({"ani": "442071230000", "gateway": "GW Calling Card"}, ""),
    ({"ip": "198.51.100.200", "direction": "term", "protocol": "sip", "port": 5060}, ""),
)
"""Keys of a call, and what its number begins with."""

pytestmark = pytest.mark.skipif(not FOLDER, reason="IDENTD_PICTURES names no folder")


@pytest.fixture(scope="module", autouse=True)
def busy(site) -> None:
    """Statistics of this month, and calls: reserved, active, of several clients and gateways."""
    today = datetime.now(UTC).date()
    days = ", ".join(
        f"({account}, '{today}', 'orig', {calls}, {calls * 143}, {calls * 0.21:.2f})"
        for account, calls in ((176, 812), (178, 96), (200, 431), (210, 77))
    )
    site.sql(
        RICHER + "INSERT INTO identd.account_statistics (account_id, day, direction, calls, seconds, amount) "
        f"VALUES {days}"
    )
    for number, (keys, prefix) in enumerate(CALLS):
        call_id = f"{number * 7919 % 65521:04x}-{number:02}@switch-{number % 2 + 1}"
        answer = site.switch.call(
            Authorize(id=site.switch.next_id(), call_id=call_id, **{"dnis": prefix + LONDON, **keys})
        )
        assert answer.decision == "grant", (keys, answer)
        if "gateway" not in keys and number % 4:
            site.switch.call(Start(id=site.switch.next_id(), call_id=call_id))


@pytest.fixture
def admin(page_of) -> Page:
    return page_of("admin", viewport=SCREEN)


def keep(page: Page, name: str) -> None:
    """The picture, as it is on the screen."""
    assert FOLDER is not None
    page.mouse.move(0, 0)
    path = Path(FOLDER) / f"console-{name}.png"
    page.screenshot(path=path, animations="disabled")
    assert path.stat().st_size < BYTES_MAX


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("accounts", {"viewport": SCREEN}),
        ("accounts-dark", {"viewport": SCREEN, "color_scheme": "dark"}),
        ("accounts-phone", {"viewport": PHONE}),
    ],
)
def test_the_table_of_accounts(page_of, clicking, name: str, options: dict[str, object]):
    page = page_of("admin", **options)
    page.goto("/accounts")
    expect(clicking.row_of(page, "rose_orig").locator("[data-side=orig] b")).to_have_text("11")
    keep(page, name)


def test_an_account_with_what_a_change_would_do(admin: Page):
    admin.goto("/accounts/202/edit")
    admin.locator("#f-tech_prefix").fill("1234#")
    effect = admin.locator("section.effect")
    expect(effect).to_contain_text("alder_premium")
    expect(admin.locator("#verdict")).not_to_contain_text("Looking")
    effect.evaluate("(panel) => panel.scrollIntoView({ block: 'end' })")
    admin.mouse.wheel(0, 80)
    keep(admin, "account-effect")


@pytest.mark.parametrize(
    ("name", "path", "shows"),
    [
        ("account", "/accounts/200/edit", "Originator Settings"),
        ("delete", "/accounts/240/delete", "cedar_two"),
        ("client", "/clients/12", "Last 30 days"),
        ("calls", "/calls", "By client"),
        ("whose", "/whose?ip=192.0.2.10&dnis=1234%23442071234567", "Every account looked at"),
    ],
)
def test_a_page(admin: Page, name: str, path: str, shows: str):
    if name == "whose":  # the table below is what it is about
        admin.set_viewport_size({**SCREEN, "height": 820})
    admin.goto(path)
    expect(admin.locator("main")).to_contain_text(shows)
    keep(admin, name)


def test_the_dry_run_of_an_import(admin: Page, tmp_path: Path):
    file = tmp_path / "december.csv"
    file.write_text(
        "client,name,ident_by,ip,tech_prefix,orig_enabled,orig_capacity\n"
        "Fir Lines,fir_trunk_1,ip,192.0.2.71,,yes,30\nFir Lines,fir_trunk_2,ip,192.0.2.72,,yes,30\n"
        "Dogwood,dogwood_shared,ip,192.0.2.10,1234#,yes,\nElm Mobile,elm_office,ip,203.0.113.64/28,,yes,10\n"
    )
    admin.goto("/accounts/import")
    admin.set_input_files("#f-file", str(file))
    admin.get_by_role("button", name="Show what it would do").click()
    expect(admin.get_by_role("button", name="Write 4 accounts")).to_be_visible()
    keep(admin, "import")


def test_people(site, admin: Page):
    for name, role in (("anna", "operator"), ("walter", "viewer"), ("rita", "auditor")):
        site.link_for(name, role)
    admin.goto("/people")
    expect(admin.locator("main")).to_contain_text("rita")
    keep(admin, "people")


def test_the_audit_log(admin: Page, clicking):
    admin.goto("/accounts/200/edit")
    admin.locator("#f-orig_capacity").fill("8")
    admin.locator("#f-orig_tags").fill("wholesale, night")
    clicking.press(admin, "Apply")
    admin.goto("/audit?account_id=200")
    expect(admin.locator("main")).to_contain_text(re.compile("wholesale"))
    keep(admin, "audit")
