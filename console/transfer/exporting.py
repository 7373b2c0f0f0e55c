"""Accounts as CSV, in the columns that an import takes: exact, or guarded so that a spreadsheet leaves cells alone.

Exact files come back as they were: importing one changes nothing. A spreadsheet runs a cell that begins with `=` and
eats the zeros of a prefix such as 0044, so files made for one have a `'` before such cells and the column
`spreadsheet_id`, by which the import knows that it has to take the `'` away again.
"""

import csv
import io
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing

from console.database import Transaction
from console.objects.account import Account
from console.objects.account_fields import FIELD, to_text
from console.objects.listing import AccountFilter
from console.store.listing import export_pages
from console.transfer.format import BOM, GUARD, SPREADSHEET_ID
from console.transfer.judging import EXPORTED, ID

RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r", GUARD)
"""Beginnings of a cell that a spreadsheet takes for a formula (OWASP, CSV injection); and the guard itself."""


def header(*, for_spreadsheets: bool) -> bytes:
    """The first line; for spreadsheets with the byte order mark by which they know UTF-8."""
    names = (SPREADSHEET_ID if for_spreadsheets else ID, *EXPORTED[1:])
    return (BOM if for_spreadsheets else b"") + csv_bytes([names])


def lines(accounts: Iterable[Account], *, for_spreadsheets: bool) -> bytes:
    """A line for each account. Passwords are not in it, in no form."""
    texts = ({ID: str(account.id), **to_text(account)} for account in accounts)
    if for_spreadsheets:
        return csv_bytes([guarded(name, one[name]) for name in EXPORTED] for one in texts)
    return csv_bytes([one[name] for name in EXPORTED] for one in texts)


def guarded(column: str, text: str) -> str:
    """The cell so that a spreadsheet shows it as it is."""
    if text.startswith(RUN_BY_SPREADSHEETS) or (text[:1].isdigit() and _is_text(column)):
        return GUARD + text
    return text


def _is_text(column: str) -> bool:
    """Whether digits in this column are no number: 0044 is another prefix than 44, and 1-2 is no day of January."""
    return column in FIELD and FIELD[column].kind != "number"


def csv_bytes(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows as RFC 4180 has them: every cell in quotation marks, lines ended by CR LF."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


async def export(
    tx: Transaction, wanted: AccountFilter, *, for_spreadsheets: bool = False
) -> AsyncGenerator[bytes, None]:
    """The file of all accounts that the filter finds, in pieces, in the order of ids."""
    yield header(for_spreadsheets=for_spreadsheets)
    async with aclosing(export_pages(tx, wanted)) as pages:
        async for accounts in pages:
            yield lines(accounts, for_spreadsheets=for_spreadsheets)


def error_lines(found: Iterable[tuple[int, str, Iterable[tuple[str, ...]]]]) -> bytes:
    """Errors for people and their spreadsheets: (line, account, pairs of field and sentence)."""
    return csv_bytes(
        [str(line), *(guarded("", text) for text in (account, *pair))]
        for line, account, errors in found
        for pair in errors
    )


ERROR_COLUMNS = ("line", "account", "field", "error")
