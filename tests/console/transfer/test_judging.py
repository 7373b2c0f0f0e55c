"""One line of a file against one account."""

import pytest

from console.errors import FieldErrors
from console.objects.account import Account, RemovePassword, SetPassword
from console.objects.references import References
from console.transfer.format import Record
from console.transfer.judging import COLUMNS, EXPORTED, Judged, account_id_of, judge, key_of, references_of

KNOWN = References(ids={("client", "Rose"): 1, ("gateway", "a;b"): 2}, names={("client", 1): "Rose"})
ROSE = Account(
    id=7, client_id=1, client="Rose", client_type="client", client_status="active", name="rose", ident_by="ani",
    ani="44", has_password=True, etag="e",
)  # fmt: skip


def judged(cells: dict[str, str], before: Account | None = None, holder: int | None = None, **more: bool) -> Judged:
    options = {"update_existing": False, "has_key": True, **more}
    return judge(Record(2, cells), before, holder, KNOWN, **options)


def test_file_of_ours_has_every_column_but_those_of_passwords() -> None:
    assert set(COLUMNS) - set(EXPORTED) == {"password", "password_keep", "password_realms", "password_remove"}


def test_references_are_looked_up_as_they_are_written() -> None:
    cells = {"client": " Rose ", "gateways": '"a;b"; c', "orig_rate_table": "", "name": "x"}
    assert references_of(cells) == {("client", "Rose"), ("gateway", "a;b"), ("gateway", "c")}


@pytest.mark.parametrize("text", ["x", "-1", "0", "1.0", "٣", "9" * 30, "1 2"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(FieldErrors):
        account_id_of({"id": text})


def test_id_may_have_blanks_around_it_and_be_empty() -> None:
    assert (account_id_of({"id": " 12 "}), account_id_of({"id": " "}), account_id_of({})) == (12, None, None)


def test_key_is_that_of_the_account_after_the_line() -> None:
    assert key_of({"client": "Rose", "name": " new "}, None, KNOWN) == (1, "new")
    assert key_of({"client": "Nobody", "name": "new"}, None, KNOWN) is None
    assert key_of({"name": "new"}, ROSE, KNOWN) == (1, "new")
    assert key_of({}, ROSE, KNOWN) == (1, "rose")
    assert key_of({}, None, KNOWN) is None


@pytest.mark.parametrize(
    ("cells", "kind", "detail"),
    [
        ({"password": "x"}, SetPassword, ("Password", "set", "set anew")),
        ({"password_remove": "yes"}, RemovePassword, ("Password", "set", "")),
    ],
)
def test_password_alone_is_a_change(cells: dict[str, str], kind: type, detail: tuple[str, ...]) -> None:
    one = judged({"id": "7", **cells}, ROSE, 7)
    assert (one.line.outcome, one.line.details, type(one.password)) == ("changes", (detail,), kind)


def test_empty_password_leaves_the_password_alone() -> None:
    assert judged({"id": "7", "password": ""}, ROSE, 7).line.outcome == "same"


def test_without_a_key_no_password_is_taken_not_even_as_ha1() -> None:
    one = judged({"id": "7", "password": "x", "password_keep": "no", "password_realms": "r"}, ROSE, 7, has_key=False)
    assert one.line.outcome == "error"


def test_name_of_another_account_is_refused() -> None:
    assert dict(judged({"id": "7", "name": "other"}, ROSE, 8).line.details) == {  # type: ignore[arg-type]
        "name": "This client has an account of that name already: it is 8."
    }


def test_long_values_are_told_in_few_characters() -> None:
    one = judged({"id": "7", "notes": "x" * 10_000}, ROSE, 7)
    assert [len(text) for text in one.line.details[0]] == [5, 0, 501]
