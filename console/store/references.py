"""Names and `#ids` that were typed -> ids, in one query a kind however many lines; and what can be chosen.

Where there is none, the nearest names are looked for, so that a slip is mended by reading the error.
"""

import difflib
from collections.abc import Iterable, Mapping

from console.database import Database, Session
from console.objects.account_fields import FIELDS
from console.objects.divided import divided
from console.objects.references import KINDS, Kind, Option, Options, References
from console.objects.row_id import read_id
from console.store.patterns import beginning_with, literal, part_of

OPTIONS_MAX = 500
"""More in one list nobody reads; past it a field is typed, with suggestions."""
SUGGESTIONS_MAX = 50
LOOKED_FOR_MAX = 20
"""Texts of a kind that mean nothing and whose nearest names are looked for: a file may be wrong in every line."""
NEAREST_MAX = 3
CANDIDATES_MAX = 200
_TYPED_MAX = 255

_REFERRING = tuple((field.name, field.refers_to, field.kind == "references") for field in FIELDS if field.refers_to)
_NOTHING = "''"
_DETAIL: dict[Kind, str] = {"client": "CASE WHEN status <> 'active' THEN status ELSE '' END"}


async def resolve(db: Database | Session, typed: Iterable[Mapping[str, str]]) -> References:
    """All references in the values of any number of lines, as `account_fields.read_text` asks for them.

    What means nothing is in `nearest` (the names may be none), and `read_text` makes the error of it.
    """
    wanted: dict[Kind, set[str]] = {}
    for values in typed:
        for name, kind, several in _REFERRING:
            text = values.get(name)
            if text and (text := text.strip()):
                wanted.setdefault(kind, set()).update(divided(text) if several else (text,))
    ids: dict[tuple[Kind, str], int] = {}
    nearest: dict[tuple[Kind, str], tuple[str, ...]] = {}
    names: dict[tuple[Kind, int], str] = {}
    for kind, texts in wanted.items():
        by_id = {text: row_id for text in texts if (row_id := _id_of(text)) is not None}
        rows = await db.fetch(
            f"SELECT id, name FROM {KINDS[kind][1]} WHERE name = ANY($1::text[]) OR id = ANY($2::bigint[])",  # noqa: S608
            [text for text in texts if _can_be_asked(text)],
            list(by_id.values()),
        )
        found = {row["name"]: row["id"] for row in rows}
        there = set(found.values())
        names |= {(kind, row["id"]): row["name"] for row in rows}
        unknown: list[str] = []
        for text in sorted(texts):
            if text in found:
                ids[kind, text] = found[text]
            elif by_id.get(text) in there:
                ids[kind, text] = by_id[text]
            else:
                unknown.append(text)
        for text in unknown[:LOOKED_FOR_MAX]:
            nearest[kind, text] = await _nearest(db, kind, text)
    return References(ids, nearest, names)


async def references_of(db: Database | Session, ids: Mapping[Kind, Iterable[int]]) -> References:
    """The names of these ids, for `account_fields.to_text` and `changes` of a draft."""
    names: dict[tuple[Kind, int], str] = {}
    for kind, wanted in ids.items():
        rows = await db.fetch(f"SELECT id, name FROM {KINDS[kind][1]} WHERE id = ANY($1::bigint[])", list(wanted))  # noqa: S608
        names |= {(kind, row["id"]): row["name"] for row in rows}
    return References(names=names)


async def options(db: Database | Session, kind: Kind, limit: int = OPTIONS_MAX) -> Options:
    """All of a kind by name, or the first `limit` and that there are more."""
    rows = await db.fetch(
        f"SELECT id, name, {_DETAIL.get(kind, _NOTHING)} AS detail FROM {KINDS[kind][1]} "  # noqa: S608 - our own words
        "ORDER BY name, id LIMIT $1",
        limit + 1,
    )
    return Options(tuple(Option(row["id"], row["name"], row["detail"]) for row in rows[:limit]), len(rows) > limit)


async def suggest(db: Database | Session, kind: Kind, text: str, limit: int = 10) -> tuple[Option, ...]:
    """Those whose name begins with the text, then those that have it elsewhere; without regard to case."""
    text = text.strip()
    if not _can_be_asked(text):
        return ()
    limit = min(limit, SUGGESTIONS_MAX)
    found: dict[int, Option] = {}
    for like in (beginning_with(text), part_of(text)):
        rows = await db.fetch(
            f"SELECT id, name, {_DETAIL.get(kind, _NOTHING)} AS detail FROM {KINDS[kind][1]} "  # noqa: S608
            "WHERE name ILIKE $1 ORDER BY name, id LIMIT $2",
            like,
            limit,
        )
        for row in rows:
            found.setdefault(row["id"], Option(row["id"], row["name"], row["detail"]))
        if len(found) >= limit:
            break
    return tuple(found.values())[:limit]


async def suggest_clients(db: Database | Session, text: str, limit: int = 10) -> tuple[Option, ...]:
    """`suggest` for the field that has the most to choose from."""
    return await suggest(db, "client", text, limit)


async def _nearest(db: Database | Session, kind: Kind, text: str) -> tuple[str, ...]:
    """The names most like the text, among those that share its beginning, its end, or all of it."""
    if not _can_be_asked(text) or _id_of(text) is not None:
        return ()
    table = KINDS[kind][1]
    patterns = [part_of(text), beginning_with(text[:2]), f"%{literal(text[-3:])}"]
    rows = await db.fetch(
        " UNION ".join(f"(SELECT name FROM {table} WHERE name ILIKE ${n} LIMIT {CANDIDATES_MAX})" for n in (1, 2, 3)),  # noqa: S608
        *patterns,
    )
    by_folded: dict[str, str] = {row["name"].casefold(): row["name"] for row in rows}
    folded = text.casefold()
    if folded in by_folded:  # only its case is another
        return (by_folded[folded],)
    near = difflib.get_close_matches(folded, by_folded, NEAREST_MAX, cutoff=0.7)
    near += [name for name in sorted(by_folded, key=len) if folded in name and name not in near]
    return tuple(by_folded[name] for name in near[:NEAREST_MAX])


def _can_be_asked(text: str) -> bool:
    """Whether PostgreSQL can hold the text, and a name can be that long."""
    return bool(text) and len(text) <= _TYPED_MAX and "\0" not in text and _encodes(text)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _id_of(text: str) -> int | None:
    return read_id(text[1:]) if text.startswith("#") else None
