"""Import and export in a browser: upload, look, write; and what strangers and other people get."""

import re
from pathlib import Path

import httpx
import pytest
import trio

from console.context import Console
from console.database import Database
from identd.settings import ConsoleSection, Settings, Socket
from tests.console.conftest import Browser

GOOD = b"client,name,ident_by,ip,orig_enabled\nRose orig,n1,ip,192.0.2.1,yes\nRose orig,n2,ip,192.0.2.2,yes\n"


BYTES_MAX = 4_000_000


@pytest.fixture
def console_settings(tmp_path: Path) -> Settings:
    """Files of 4 MB at most."""
    socket = Socket(unix=str(tmp_path / "identd.sock"), tcp="")
    return Settings(socket=socket, console=ConsoleSection(import_bytes_max=BYTES_MAX))


async def uploaded(browser: httpx.AsyncClient, data: bytes, name: str = "new.csv", **fields: str) -> httpx.Response:
    return await browser.post("/accounts/import", files={"file": (name, data, "text/csv")}, data=fields)


async def settled(browser: httpx.AsyncClient, url: str) -> str:
    """The page of the import when nobody works on it any more."""
    with trio.fail_after(20):
        while True:
            page = await browser.get(url)
            assert page.status_code == 200
            if "<progress" not in page.text:
                return page.text
            await trio.sleep(0.02)


@pytest.fixture
async def operator(stocked: Database, browser_of: Browser) -> httpx.AsyncClient:
    return await browser_of("operator")


async def test_file_is_uploaded_looked_at_and_written(operator: httpx.AsyncClient, stocked: Database) -> None:
    answer = await uploaded(operator, GOOD, "<b>new.csv")
    assert answer.status_code == 303
    url = answer.headers["location"]
    page = await settled(operator, url)
    assert "Nothing is written yet" in page
    assert "Write 2 accounts" in page
    assert "&lt;b&gt;new.csv" in page
    assert await stocked.value("SELECT count(*) FROM accounts") == 3
    answer = await operator.post(f"{url}/commit")
    assert (answer.status_code, answer.headers["location"]) == (303, url)
    page = await settled(operator, url)
    assert "Written: 2 created, 0 changed, 0 as they were." in page
    assert "The daemon has not taken it over yet" in page  # none runs here
    assert await stocked.value("SELECT count(*) FROM accounts") == 5
    assert (await operator.post(f"{url}/commit")).status_code == 409


async def test_work_is_shown_as_progress_with_and_without_script(
    operator: httpx.AsyncClient, stocked: Database
) -> None:
    lines = b"".join(b"Rose orig,n%d,ip,192.0.2.1,yes\n" % n for n in range(3000))
    url = (await uploaded(operator, GOOD + lines.replace(b"n1,", b"x1,").replace(b"n2,", b"x2,"))).headers["location"]
    page = (await operator.get(url)).text
    assert "<progress" in page
    assert 'hx-trigger="every 1s"' in page
    assert '<noscript><meta http-equiv="refresh" content="2; url=/accounts/import/' in page
    assert (await uploaded(operator, GOOD)).status_code == 422  # one at a time
    assert "Write 3,002 accounts" in await settled(operator, url)


async def test_errors_stand_with_their_lines_and_come_as_csv(operator: httpx.AsyncClient, stocked: Database) -> None:
    data = GOOD + b"<i>Nobody</i>,=n3,ip,10.0.0.300,yes\n"
    url = (await uploaded(operator, data)).headers["location"]
    page = await settled(operator, url)
    assert "1 line is to be mended. Nothing was written" in page
    assert "is no IP address" in page
    assert "<i>" not in page
    assert "/commit" not in page
    answer = await operator.get(f"{url}/errors.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="import-\d+-errors.csv"', answer.headers["content-disposition"])
    assert answer.text.startswith('"line","account","field","error"\r\n"4","<i>Nobody</i> / =n3","client"')
    assert (await operator.post(f"{url}/commit")).status_code == 409
    assert await stocked.value("SELECT count(*) FROM accounts") == 3


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfec\0l\0", b"a" * 3_000_000, b'"', b"\0", b"client;client\n", b"x," * 1000]
)
async def test_hostile_file_gets_an_error_and_no_fault(operator: httpx.AsyncClient, data: bytes) -> None:
    answer = await uploaded(operator, data)
    if answer.status_code == 303:
        assert "to be mended" in await settled(operator, answer.headers["location"])
    else:
        assert answer.status_code == 422
        assert "Choose a CSV file" in answer.text


async def test_file_that_is_too_large_is_refused(operator: httpx.AsyncClient, stocked: Database) -> None:
    answer = await uploaded(operator, b"a" * (BYTES_MAX + 1))
    assert answer.status_code == 422
    assert "The file has more than 4,000,000 bytes" in answer.text
    assert (await uploaded(operator, b"a" * (BYTES_MAX + 2_000_000))).status_code == 413
    assert await stocked.value("SELECT count(*) FROM imports") == 0


async def test_form_without_a_file_says_what_to_do(operator: httpx.AsyncClient) -> None:
    answer = await operator.post("/accounts/import", data={"file": "a text", "update_existing": "on"})
    assert answer.status_code == 422
    assert "Choose a CSV file" in answer.text
    assert re.search(r'name="update_existing"[^>]* checked', answer.text)


async def test_lines_are_paged_and_chosen_by_outcome(operator: httpx.AsyncClient, stocked: Database) -> None:
    lines = b"".join(b",Rose orig,n%d,ani,%d\n" % (n, n) for n in range(250))
    data = b"id,client,name,ident_by,ani\n" + lines + b"178,,,,\n"
    url = (await uploaded(operator, data)).headers["location"]
    page = await settled(operator, url)
    assert "after=201" in page
    assert "after=201" not in (await operator.get(f"{url}?outcome=error")).text
    rest = (await operator.get(f"{url}?after=201")).text
    assert "Rose orig / n249" in rest
    assert "Rose orig / n10<" not in rest
    for nonsense in ("after=x", "after=99999999999999999999", "outcome=x"):
        assert (await operator.get(f"{url}?{nonsense}")).status_code == 200


async def test_import_is_seen_by_its_owner_only_and_can_be_discarded(
    operator: httpx.AsyncClient, browser_of: Browser, stocked: Database
) -> None:
    url = (await uploaded(operator, GOOD)).headers["location"]
    await settled(operator, url)
    other = await browser_of("admin")
    for answer in (
        await other.get(url),
        await other.get(f"{url}/errors.csv"),
        await other.post(f"{url}/commit"),
        await other.post(f"{url}/discard"),
        await operator.get("/accounts/import/99999999999999999999999"),
    ):
        assert answer.status_code == 404
    assert (await operator.post(f"{url}/discard")).status_code == 303
    assert "Discarded" in await settled(operator, url)
    assert await stocked.value("SELECT count(*) FROM import_parts") == 0
    assert await stocked.value("SELECT count(*) FROM import_lines") == 0
    assert f'href="{url}"' in (await operator.get("/accounts/import")).text


async def test_two_imports_are_at_work_at_most(
    operator: httpx.AsyncClient, stocked: Database, console: Console
) -> None:
    await stocked.execute(
        "INSERT INTO imports (owner, file_name, update_existing) VALUES ('b', '', false), ('c', '', false)"
    )
    answer = await uploaded(operator, GOOD)
    assert answer.status_code == 422
    assert "2 imports are being worked on" in answer.text
    await stocked.execute("UPDATE imports SET heartbeat_at = now() - interval '1 hour' WHERE owner = 'b'")
    assert (await uploaded(operator, GOOD)).status_code == 303


async def test_imports_of_yesterday_are_gone(operator: httpx.AsyncClient, stocked: Database) -> None:
    url = (await uploaded(operator, GOOD)).headers["location"]
    await settled(operator, url)
    await stocked.execute("UPDATE imports SET created_at = now() - interval '25 hours'")
    assert (await operator.get(url)).status_code == 404
    assert (await operator.post(f"{url}/commit")).status_code == 404
    await settled(operator, (await uploaded(operator, GOOD)).headers["location"])
    assert await stocked.value("SELECT count(*) FROM imports") == 1


async def test_viewer_exports_and_does_not_import(stocked: Database, browser_of: Browser) -> None:
    viewer = await browser_of("viewer")
    assert (await uploaded(viewer, GOOD)).status_code == 403
    answer = await viewer.get("/accounts/export?client_id=1")
    assert answer.status_code == 200
    assert re.fullmatch(r'attachment; filename="accounts-\d{4}-\d\d-\d\d.csv"', answer.headers["content-disposition"])
    assert answer.text.count("\r\n") == 2
    guarded = await viewer.get("/accounts/export?spreadsheet=on")
    assert "-spreadsheet.csv" in guarded.headers["content-disposition"]
    assert guarded.content.startswith(b"\xef\xbb\xbf")


async def test_filter_that_is_not_understood_exports_nothing(operator: httpx.AsyncClient) -> None:
    answer = await operator.get("/accounts/export?client_id=Rose")
    assert answer.status_code == 422
    assert "client_id" in answer.text
