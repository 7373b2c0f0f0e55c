"""The pages of import and export: choose a file, see what each line would do, write it or not.

Nothing is written by uploading. What is long goes on in the background (working.py); the page asks how far it is.
"""

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from console.context import Console, console_of
from console.database import Transaction
from console.door import Door, actor_of
from console.errors import FieldErrors
from console.objects.listing_query import read_query
from console.objects.row_id import ID_MAX, read_count
from console.pages.render import render
from console.transfer import imports
from console.transfer.exporting import ERROR_COLUMNS, csv_bytes, error_lines, export
from console.transfer.imports import OUTCOMES, Outcome
from console.transfer.judging import COLUMNS
from console.transfer.streaming import FileStream
from console.transfer.working import Work, check_import, write_import

UPLOAD_BYTES_MAX = 1_073_741_824
"""What the configuration may allow at most; console.import_bytes_max says how much it does."""
LINES_SHOWN = 200
ERRORS_AT_ONCE = 5000
IN_FORCE_SECONDS = 0.5
AWAITED_SECONDS = 900.0
"""So long after its upload a page that stands open asks whether the daemon has taken an import over."""

WORDS: dict[Outcome, str] = {
    "creates": "creates",
    "changes": "changes",
    "same": "as it is",
    "error": "error",
}


async def choose(request: Request) -> Response:
    """GET /accounts/import: the form, and this person's imports of the last day."""
    return await _form(request, {})


async def upload(request: Request) -> Response:
    """POST /accounts/import: take the file, begin the dry run, show how far it is."""
    console, owner = console_of(request), actor_of(request).name
    async with request.form() as form:
        file = form.get("file")
        data = await file.read() if isinstance(file, UploadFile) else b""
        file_name = (file.filename or "") if isinstance(file, UploadFile) else ""
        update_existing = form.get("update_existing") == "on"
    bytes_max = console.settings.console.import_bytes_max
    try:
        if not data:
            raise FieldErrors({"file": "Choose a CSV file that has something in it."})
        if len(data) > bytes_max:
            raise FieldErrors({"file": f"The file has more than {bytes_max:,} bytes: divide it."})
        import_id = await imports.begin_import(console.database, owner, file_name, update_existing)
    except FieldErrors as wrong:
        return await _form(request, wrong.errors, update_existing=update_existing)
    console.nursery.start_soon(check_import, _work(console, import_id, owner, update_existing), data)
    return RedirectResponse(_url(import_id), 303)


async def show(request: Request) -> Response:
    """GET /accounts/import/{import_id}?outcome=…&after=…: how it stands and what its lines do."""
    return await _page(request, {})


async def commit(request: Request) -> Response:
    """POST …/commit: write what was shown."""
    console, owner, import_id = console_of(request), actor_of(request).name, _id(request)
    found = await imports.get_import(console.database, owner, import_id)
    try:
        await imports.claim_import(console.database, owner, import_id)
    except FieldErrors as wrong:
        return await _page(request, wrong.errors)
    work = _work(console, import_id, owner, found.update_existing)
    console.nursery.start_soon(write_import, work)
    return RedirectResponse(_url(import_id), 303)


async def discard(request: Request) -> Response:
    """POST …/discard: forget the file."""
    await imports.discard_import(console_of(request).database, actor_of(request).name, _id(request))
    return RedirectResponse("/accounts/import", 303)


async def errors_csv(request: Request) -> Response:
    """GET …/errors.csv: every error of the file, with its line."""
    console, import_id = console_of(request), _id(request)
    await imports.get_import(console.database, actor_of(request).name, import_id)
    transaction = console.database.transaction(actor_of(request).name, readonly=True)
    return FileStream(f"import-{import_id}-errors.csv", transaction, lambda tx: _errors(tx, import_id))


async def _errors(tx: Transaction, import_id: int) -> AsyncGenerator[bytes, None]:
    yield csv_bytes([ERROR_COLUMNS])
    after = 0
    while found := await imports.lines_of(tx, import_id, "error", after, ERRORS_AT_ONCE):
        yield error_lines((one.line, one.account, one.details) for one in found)
        after = found[-1].line


async def download(request: Request) -> Response:
    """GET /accounts/export?filters…&spreadsheet=on: the accounts that the filter finds."""
    console = console_of(request)
    pairs = [pair for pair in request.query_params.multi_items() if pair[0] != "spreadsheet"]
    try:
        wanted, _ = read_query(pairs, strict=True)  # what is not understood must not export more than was asked for
    except FieldErrors as wrong:
        return render(request, "error.html", {"title": "Not exported", "message": f"{wrong}"}, 422)
    for_spreadsheets = request.query_params.get("spreadsheet", "") == "on"
    day = time.strftime("%Y-%m-%d", time.gmtime(console.wall()))
    name = f"accounts-{day}{'-spreadsheet' if for_spreadsheets else ''}.csv"
    transaction = console.database.transaction(
        actor_of(request).name, isolation="repeatable_read", readonly=True
    )  # one moment, however long it takes

    async def pieces(tx: Transaction) -> AsyncGenerator[bytes, None]:
        async with aclosing(export(tx, wanted, for_spreadsheets=for_spreadsheets)) as exported:
            async for piece in exported:
                yield piece

    return FileStream(name, transaction, pieces)


async def _form(request: Request, errors: Mapping[str, str], *, update_existing: bool = False) -> Response:
    console = console_of(request)
    return render(
        request,
        "transfer/choose.html",
        {
            "errors": errors,
            "update_existing": update_existing,
            "bytes_max": console.settings.console.import_bytes_max,
            "columns": COLUMNS,
            "imports": await imports.list_imports(console.database, actor_of(request).name),
        },
        status=422 if errors else 200,
    )


async def _page(request: Request, errors: Mapping[str, str]) -> Response:
    console, import_id = console_of(request), _id(request)
    found = await imports.get_import(console.database, actor_of(request).name, import_id)
    outcome = next((one for one in OUTCOMES if one == request.query_params.get("outcome")), None)
    after = _number(request.query_params.get("after", ""))
    lines = () if found.is_running else await imports.lines_of(
        console.database, import_id, outcome, after, LINES_SHOWN + 1
    )  # fmt: skip
    in_force = found.state != "done" or await console.daemon.in_force(found.xid, IN_FORCE_SECONDS)
    return render(
        request,
        "transfer/import.html",
        {
            "errors": errors,
            "found": found,
            "lines": lines[:LINES_SHOWN],
            "next_after": lines[LINES_SHOWN - 1].line if len(lines) > LINES_SHOWN else None,
            "outcome": outcome or "",
            "after": after,
            "words": WORDS,
            "in_force": in_force,
            "is_awaited": not in_force and console.wall() - found.created_at < AWAITED_SECONDS,
        },
        status=409 if errors else 200,
    )


def _work(console: Console, import_id: int, owner: str, update_existing: bool) -> Work:
    return Work(console, import_id, owner, update_existing=update_existing)


def _id(request: Request) -> int:
    import_id: int = request.path_params["import_id"]
    return min(import_id, ID_MAX)  # which is nobody's


def _url(import_id: int) -> str:
    return f"/accounts/import/{import_id}"


def _number(text: str) -> int:
    return read_count(text, 2**31 - 1) or 0


DOORS: tuple[Door, ...] = (
    Door("GET", "/accounts/import", "edit", choose),
    Door("POST", "/accounts/import", "edit", upload, UPLOAD_BYTES_MAX),
    Door("GET", "/accounts/import/{import_id:int}", "edit", show),
    Door("POST", "/accounts/import/{import_id:int}/commit", "edit", commit),
    Door("POST", "/accounts/import/{import_id:int}/discard", "edit", discard),
    Door("GET", "/accounts/import/{import_id:int}/errors.csv", "edit", errors_csv),
    Door("GET", "/accounts/export", "read", download),
)
