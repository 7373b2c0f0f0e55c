"""CSV files as operators and their spreadsheets make them, and as nobody should."""

import pytest

from console.transfer.format import CELL_CHARACTERS_MAX, CsvError, CsvFile, Record

KNOWN = ("id", "client", "name", "ident_by", "tech_prefix", "notes")


def read(data: bytes) -> list[Record]:
    return list(CsvFile(data, KNOWN))


def refused(data: bytes) -> tuple[int, str]:
    with pytest.raises(CsvError) as caught:
        read(data)
    return caught.value.line, caught.value.reason


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_delimiter_line_end_and_byte_order_mark_are_found_out(delimiter: str, end: str, mark: bytes) -> None:
    text = end.join([delimiter.join(("client", "name")), delimiter.join(("Röse", "r1")), ""])
    assert read(mark + text.encode()) == [Record(2, {"client": "Röse", "name": "r1"})]


def test_columns_may_come_in_any_order_and_be_written_as_in_the_form() -> None:
    file = CsvFile(b"Name, Tech Prefix ,CLIENT\nr1,1#,Rose\n", KNOWN)
    assert file.columns == ("name", "tech_prefix", "client")
    assert list(file) == [Record(2, {"name": "r1", "tech_prefix": "1#", "client": "Rose"})]


def test_record_has_the_line_on_which_it_begins_and_empty_lines_are_nothing() -> None:
    records = read(b'name,notes\na,"one\ntwo\n\nfour"\n\nb,x\n\n')
    assert [(record.line, record.cells["name"]) for record in records] == [(2, "a"), (7, "b")]
    assert records[0].cells["notes"] == "one\ntwo\n\nfour"


def test_too_few_or_too_many_cells_are_the_trouble_of_their_line() -> None:
    records = read(b"client,name\nRose,r1\nRose\nRose,r2,x\nRose,r3\n")
    assert [(record.line, bool(record.error)) for record in records] == [(2, False), (3, True), (4, True), (5, False)]
    assert records[1].error == "this line has 1 cells, the first line names 2 columns"


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b"", 1, "the first line names the columns"),
        (b"\n\n", 1, "the first line names the columns"),
        ("client,name\nRose,r1\nRöse,r2\n".encode("latin-1"), 3, "not UTF-8"),
        ("client,name\nRose,r1\n".encode("utf-16"), 1, "UTF-16"),
        ("client,name\nRose,r1\n".encode("utf-16-be"), 1, "NUL"),
        (b"client,name\nRose,r\x001\n", 2, "NUL"),
        (b'client,name\nRose,r1\nRose,"r2\nRose,r3\n', 3, "never closed"),
        (b'client,name\nRose,"r1"x\n', 2, "write a quotation mark in a cell twice"),
        (b'client,"name\nRose,r1\n', 1, "never closed"),
        (b"client,name\nRose," + b"x" * (CELL_CHARACTERS_MAX + 1) + b"\n", 2, "a cell here has more than"),
        (b"client,name\nRose," + b"x" * 2_000_000 + b"\n", 2, "longer than"),
        (",".join(f"c{n}" for n in range(1000)).encode(), 1, "there are 1000 columns"),
        (b"client,name,name\n", 1, "column name is there twice"),
        (b"client,,name\n", 1, "column 2 has no name"),
        (b"id,spreadsheet_id\n", 1, "only one of id and spreadsheet_id"),
        (b"client,tech_prefx\n", 1, "there is no column tech_prefx: did you mean tech_prefix?"),
        (b"client,prefix\n", 1, "did you mean tech_prefix?"),
        (b"a,b,c,d,e\n", 1, "; and 2 more"),
    ],
)
def test_file_that_cannot_be_read_says_in_which_line_and_what_to_do(data: bytes, line: int, words: str) -> None:
    at, reason = refused(data)
    assert (at, words in reason) == (line, True), reason


def test_column_of_a_hostile_name_is_told_in_few_words() -> None:
    _, reason = refused(b"x" * 100_000 + b",client\n")
    assert len(reason) < 200


def test_file_made_for_spreadsheets_loses_one_guard_a_cell() -> None:
    assert read(b"spreadsheet_id,name,notes\n'7,'=1+1,''x\n8,plain,it's\n") == [
        Record(2, {"id": "7", "name": "=1+1", "notes": "'x"}),
        Record(3, {"id": "8", "name": "plain", "notes": "it's"}),
    ]


def test_guard_of_an_exact_file_is_part_of_the_cell() -> None:
    assert read(b"id,notes\n7,'x\n") == [Record(2, {"id": "7", "notes": "'x"})]
