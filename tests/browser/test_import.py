"""A CSV file in a real browser: chosen, looked at, written, and calls judged by it; with script and without."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from protocol.messages import Identify

WORK_MS = 90_000


@pytest.mark.parametrize("script", [True, False])
def test_file_is_looked_at_and_then_written(
    site: Any, page_of: Callable[..., Page], tmp_path: Path, script: bool
) -> None:
    page = page_of("operator", script=script)
    net = f"10.{77 + script}"
    file = tmp_path / "new.csv"
    lines = [f"Rose orig,csv{script}{n},ip,{net}.{n // 250}.{n % 250},yes\n" for n in range(1500)]
    file.write_text("client,name,ident_by,ip,orig_enabled\n" + "".join(lines))
    page.goto(f"{site.url}/accounts/import")
    page.set_input_files("#f-file", str(file))
    page.get_by_role("button", name="Show what it would do").click()
    button = page.get_by_role("button", name="Write 1,500 accounts")
    expect(button).to_be_visible(timeout=WORK_MS)
    expect(page.get_by_text(f"Rose orig / csv{script}0")).to_be_visible()
    assert getattr(ask(site, f"{net}.0.7"), "reason", None) == "unknown_source"
    button.click()
    expect(page.get_by_text("Written: 1,500 created")).to_be_visible(timeout=WORK_MS)
    expect(page.get_by_text("has not taken it over yet")).to_have_count(0, timeout=WORK_MS)
    assert getattr(ask(site, f"{net}.0.7"), "account_id", None) is not None


def ask(site: Any, address: str) -> object:
    return site.switch.call(Identify(id=site.switch.next_id(), ip=address, dnis="4420"))


def test_lines_that_are_wrong_are_shown_at_their_fields(
    site: Any, page_of: Callable[..., Page], tmp_path: Path
) -> None:
    page = page_of("operator")
    file = tmp_path / "wrong.csv"
    file.write_text("client,name,ident_by,ip\nNobody,x,ip,10.0.0.300\n")
    page.goto(f"{site.url}/accounts/import")
    page.set_input_files("#f-file", str(file))
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.get_by_text("1 line is to be mended")).to_be_visible(timeout=WORK_MS)
    expect(page.get_by_text("“10.0.0.300” is no IP address")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="All errors as CSV").click()
    assert "Nobody" in Path(download.value.path()).read_text()
