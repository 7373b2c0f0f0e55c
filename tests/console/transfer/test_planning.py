"""What the lines of a file would do to a database as it is."""

from collections.abc import Sequence

from console.database import Database
from console.transfer.imports import Outcome
from console.transfer.judging import Judged
from console.transfer.planning import Planner, plan


async def planned(database: Database, data: str, *, update: bool = False, key: bool = True) -> list[Judged]:
    async with database.transaction("test", readonly=True) as tx:
        return [one async for some in plan(Planner(tx, update_existing=update, has_key=key), data.encode()) for one in some]


def outcomes(judged: Sequence[Judged]) -> list[tuple[int, Outcome]]:
    return [(one.line.line, one.line.outcome) for one in judged]


async def test_line_without_an_id_creates_and_one_with_an_id_changes(stocked: Database) -> None:
    new, changed, same = await planned(
        stocked,
        "id,client,name,ident_by,ip,tech_prefix\n"
        ",Rose orig,second,ip,192.0.2.1,9#\n"
        "176,Rose orig,rose_orig,ip,11.11.20.33;10.0.0.0/24,99\n"
        "176,Rose orig,rose_orig,ip,11.11.20.33;10.0.0.0/24,1234#\n".replace("176,Rose orig,rose_orig,ip,11.11.20.33;10.0.0.0/24,1234#", "178,,,ani,,"),
    )
    assert (new.line.outcome, new.line.account) == ("creates", "Rose orig / second")
    assert new.line.details == (("ident_by", "", "ip"), ("ip", "", "192.0.2.1"), ("tech_prefix", "", "9#"))
    assert (changed.line.outcome, changed.line.details) == ("changes", (("Tech Prefix", "1234#", "99"),))
    assert same.line.outcome == "error"
    print(same)
