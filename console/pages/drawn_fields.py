"""A table of fields (console/objects/field.py) as templates draw it: the controls of a form, the lines of a profile.

What a list offers has ids as `#12`, because a name may be a number too.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, cast

from console.database import Database
from console.objects.field import MONEY, Field, to_text
from console.objects.references import Kind
from console.pages.render import templates
from console.store.references import OPTIONS_MAX, options

RESELLER = "reseller"
PATHS = {
    "client": "/clients",
    "reseller": "/resellers",
    "rate_table": "/rate-tables",
    "routing_plan": "/routing-plans",
}
"""Where the profile of what a field refers to is."""

Options = tuple[tuple[str, str], ...]


class Line(NamedTuple):
    """One line of a profile. `url`: of what it names; `is_set` False: the text says what it means to be empty."""

    label: str
    text: str
    is_set: bool = True
    url: str = ""


class Choices(NamedTuple):
    """By field: what can be chosen, value and label. Where there is more than a list should have, it is not there."""

    by_field: Mapping[str, Options]

    def shown(self, field: Field, text: str) -> str:
        """The label of a value as `to_text` writes it, or the value."""
        value = f"#{text}" if field.refers_to and text else text
        return dict(self.by_field.get(field.name, ())).get(value, value)


def money(amount: Decimal) -> str:
    """An amount as people read it, exact, with two decimals at least: `1,250.50`, `-0.000001`."""
    whole, _, part = f"{amount:,f}".partition(".")
    return f"{whole}.{part.rstrip('0'):0<2}"


def duration(seconds: float) -> str:
    """A time as on a clock, whole days apart: `0:00:59`, `1:02:03`, `3 d 4:05:06`. Less than none is none."""
    minutes, second = divmod(max(0, int(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    clock = f"{hour}:{minute:02}:{second:02}"
    return f"{days:,} d {clock}" if days else clock


templates.filters["money"] = money
templates.filters["duration"] = duration


def form_texts(fields: Sequence[Field], texts: Mapping[str, str]) -> dict[str, str]:
    """What the controls hold for these texts of a thing that is there: ids as the lists have them."""
    drawn = dict(texts)
    for field in fields:
        if field.refers_to and texts[field.name]:
            drawn[field.name] = f"#{texts[field.name]}"
        elif field.kind is MONEY and texts[field.name]:
            drawn[field.name] = money(Decimal(texts[field.name])).replace(",", "")
    return drawn


def by_block(fields: Sequence[Field]) -> dict[str, list[Field]]:
    """The fields under the headings of their blocks, in order."""
    blocks: dict[str, list[Field]] = {}
    for field in fields:
        blocks.setdefault(field.block, []).append(field)
    return blocks


def lines(fields: Sequence[Field], value: object) -> dict[str, list[Line]]:
    """What stands in a profile, by block."""
    texts = to_text(fields, value)
    return {
        block: [_line(field, texts[field.name], value) for field in members]
        for block, members in by_block(fields).items()
    }


def _line(field: Field, text: str, value: object) -> Line:
    if field.kind.widget == "flag":
        return Line(field.label, "yes" if text else "no")
    if not text:
        return Line(field.label, field.empty or "none", is_set=False)
    if field.refers_to:
        name: Any = getattr(value, field.name.removesuffix("_id"))
        return Line(field.label, name or f"#{text}", url=f"{PATHS[field.refers_to]}/{text}")
    if field.kind is MONEY:
        return Line(field.label, money(Decimal(text)))
    return Line(field.label, dict(field.choices).get(text, text))


async def choices(database: Database, fields: Sequence[Field], chosen: Mapping[str, str]) -> Choices:
    """What the lists of a form offer. `chosen`: field -> text; one that is in no list is typed, by name or as #id."""
    by_field: dict[str, Options] = {field.name: field.choices for field in fields if field.choices}
    by_kind: dict[str, Options | None] = {}
    for field in fields:
        if not (kind := field.refers_to):
            continue
        if kind not in by_kind:
            by_kind[kind] = (
                await resellers(database) if kind == RESELLER else await _others(database, cast(Kind, kind))
            )
        found, text = by_kind[kind], chosen.get(field.name, "")
        if found is not None and (not text or text in dict(found)):
            by_field[field.name] = found
    return Choices(by_field)


async def _others(database: Database, kind: Kind) -> Options | None:
    found = await options(database, kind)
    return None if found.more else tuple((option.value, option.name) for option in found.options)


async def resellers(database: Database) -> Options | None:
    """All by name, `#id` and name; None where they are too many for a list."""
    rows = await database.fetch("SELECT id, name FROM resellers ORDER BY name LIMIT $1", OPTIONS_MAX + 1)
    return None if len(rows) > OPTIONS_MAX else tuple((f"#{row['id']}", row["name"]) for row in rows)
