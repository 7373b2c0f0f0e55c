"""What the lines of a file would do to a database as it is."""

from collections.abc import Sequence

import pytest

from console.database import Database
from console.transfer import planning
from console.transfer.imports import Outcome
from console.transfer.judging import Judged
from console.transfer.planning import Planner, plan

ROSE = "11.11.20.33; 10.0.0.0/24"


async def planned(database: Database, data: str, *, update: bool = False, key: bool = True) -> list[Judged]:
    judged = []
    async with database.transaction("test", readonly=True) as tx:
        async for some in plan(Planner(tx, update_existing=update, has_key=key), data.encode()):
            judged += some
    return judged


def outcomes(judged: Sequence[Judged]) -> list[tuple[int, Outcome]]:
    return [(one.line.line, one.line.outcome) for one in judged]


def errors(judged: Sequence[Judged]) -> dict[int, dict[str, str]]:
    return {one.line.line: dict(one.line.details) for one in judged if one.line.outcome == "error"}  # type: ignore[arg-type]


async def test_line_without_an_id_creates_and_one_with_an_id_changes_or_is_as_it_is(stocked: Database) -> None:
    new, changed, same = await planned(
        stocked,
        "id,client,name,ident_by,ident_name,ip,tech_prefix\n"
        ",Rose orig,second,ip,,192.0.2.1,9#\n"
        f"176,Rose orig,rose_orig,ip,,{ROSE},99\n"
        "177,Rose term,rose_term,name,=SUM(A1),,\n",
    )
    assert (new.line.outcome, new.line.account) == ("creates", "Rose orig / second")
    assert new.line.details == (("ident_by", "", "ip"), ("ip", "", "192.0.2.1"), ("tech_prefix", "", "9#"))
    assert (changed.line.outcome, changed.line.account_id) == ("changes", 176)
    assert changed.line.details == (("Tech Prefix", "1234#", "99"),)
    assert (same.line.outcome, same.line.details) == ("same", ())


async def test_columns_that_are_not_there_stay_and_an_empty_cell_clears(stocked: Database) -> None:
    (only,) = await planned(stocked, "id,tech_prefix\n176,\n")
    assert only.line.details == (("Tech Prefix", "1234#", ""),)
    assert only.draft is not None
    assert (only.draft.name, only.draft.orig_capacity, only.draft.gateway_ids) == ("rose_orig", 10, (1, 2))


async def test_account_that_is_there_is_changed_by_name_only_where_that_was_asked_for(stocked: Database) -> None:
    data = f"client,name,ident_by,ip,tech_prefix\nRose orig,rose_orig,ip,{ROSE},5#\n"
    assert "give its id, 176" in errors(await planned(stocked, data))[2]["name"]
    (changed,) = await planned(stocked, data, update=True)
    assert (changed.line.account_id, changed.line.details) == (176, (("Tech Prefix", "1234#", "5#"),))


async def test_lines_about_the_same_account_or_name_are_told_with_both_numbers(stocked: Database) -> None:
    found = errors(
        await planned(
            stocked,
            "id,client,name,ident_by,ip\n"
            ",Rose orig,new,ip,192.0.2.1\n"
            ",#1,new,ip,192.0.2.2\n"
            f"176,Rose orig,rose_orig,ip,{ROSE}\n"
            f"176,Rose orig,other,ip,{ROSE}\n"
            f",Rose orig,rose_orig,ip,{ROSE}\n",
            update=True,
        )
    )
    assert found == {
        3: {"name": "Lines 2 and 3 give two accounts of a client the same name."},
        5: {"id": "Lines 4 and 5 are about the same account: leave one of them out."},
        6: {"id": "Lines 4 and 6 are about the same account: leave one of them out."},
    }


async def test_same_account_is_found_out_also_where_the_lines_are_far_apart(
    stocked: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "LINES_AT_ONCE", 2)
    lines = "".join(f"Rose orig,n{n % 5},ani,{n}\n" for n in range(6))
    found = await planned(stocked, "client,name,ident_by,ani\n" + lines)
    assert errors(found) == {7: {"name": "Lines 2 and 7 give two accounts of a client the same name."}}


async def test_each_error_stands_at_its_field_and_says_what_to_do(stocked: Database) -> None:
    found = errors(
        await planned(
            stocked,
            "id,client,name,ident_by,ip,tech_prefix,orig_rate_table\n"
            ",Rose,x,ip,10.0.0.300,a b,RT\n"
            "99,Rose orig,x,ip,10.0.0.1,,\n"
            "x7,Rose orig,x,ip,10.0.0.1,,\n"
            "178,,,,,,\n"
            "177,Rose orig,rose_orig,ip,10.0.0.1,,\n"
            ",Rose orig,y\n",
        )
    )
    assert sorted(found[2]) == ["client", "ip", "orig_rate_table", "tech_prefix"]
    assert "did you mean 'Rose orig'" in found[2]["client"]
    assert found[3] == {"id": "There is no account 99: leave the id empty to create one."}
    assert found[4] == {"id": "'x7' is no id: give a whole number, or leave it empty to create an account."}
    assert "client" in found[5]
    assert found[6] == {"name": "This client has an account of that name already: it is 176."}
    assert found[7] == {"": "this line has 3 cells, the first line names 7 columns"}


async def test_password_is_told_as_set_and_never_shown(stocked: Database) -> None:
    data = "id,password\n177,hunter2 hunter2\n178,\n"
    changed, same = await planned(stocked, data)
    assert changed.line.details == (("Password", "", "set"),)
    assert same.line.outcome == "same"
    assert "hunter2" not in repr(changed)
    assert "credentials.key_file" in errors(await planned(stocked, data, key=False))[2]["password"]


async def test_file_that_breaks_off_has_an_error_after_the_lines_before(stocked: Database) -> None:
    data = 'client,name,ident_by,ani\nRose orig,a,ani,1\nRose orig,"b,ani,2\nRose orig,c,ani,3\n'
    found = await planned(stocked, data)
    assert outcomes(found) == [(2, "creates"), (3, "error")]
    assert errors(found)[3][""].endswith("never closed. Lines from here on were not read.")


@pytest.mark.parametrize(
    ("data", "line"), [("", 1), ("nonsense\n1\n", 1), ("client,name\n", 2), ("client,name\n\n\n", 2)]
)
async def test_file_without_lines_or_columns_is_an_error(stocked: Database, data: str, line: int) -> None:
    assert outcomes(await planned(stocked, data)) == [(line, "error")]


async def test_file_with_too_many_lines_is_refused(stocked: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "LINES_MAX", 5)
    lines = "".join(f"Rose orig,n{n},ani,{n}\n" for n in range(7))
    found = errors(await planned(stocked, "client,name,ident_by,ani\n" + lines))
    assert [details[""].partition(":")[0] for details in found.values()] == ["a file has at most 5 lines"]


async def test_file_made_for_injection_is_text(stocked: Database) -> None:
    data = "client,name,ident_by,ani,notes\nRose orig,=cmd|' /C calc'!A0,ani,+44*,\"'); DROP TABLE accounts; --\"\n"
    (new,) = await planned(stocked, data)
    assert new.draft is not None
    assert (new.draft.name, new.draft.notes) == ("=cmd|' /C calc'!A0", "'); DROP TABLE accounts; --")
