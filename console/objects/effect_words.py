"""What saving an account would do, in sentences as the trade talks. Pure."""

from collections.abc import Sequence

from console.objects.effect_values import Change, Who
from console.objects.tried_calls import TriedCall
from matcher.account import Direction, IdentType

PLACES_NAMED_MAX = 3


def change_of_hands(before: Who | None, after: Who | None) -> Change:
    was, becomes = before is not None and before.is_this, after is not None and after.is_this
    if was != becomes:
        return "won" if becomes else "lost"
    moved = before is not None and after is not None and before.client_id != after.client_id
    return "client" if moved else "same"


_CALLS: dict[tuple[Direction, IdentType], str] = {
    ("orig", "ip"): "Calls from {}",
    ("term", "ip"): "Calls to {}",
    ("orig", "name"): "Calls from {}",
    ("term", "name"): "Calls to {}",
    ("orig", "ani"): "Calls from number {}",
    ("term", "ani"): "Calls to number {}",
}


def calls_at(direction: Direction, ident_by: IdentType, places: Sequence[str], tech_prefix: str) -> str:
    said = ", ".join(places[:PLACES_NAMED_MAX])
    if len(places) > PLACES_NAMED_MAX:
        said += f" and {len(places) - PLACES_NAMED_MAX:,} more"
    prefix = f" with prefix {tech_prefix}" if tech_prefix else ""
    return _CALLS[direction, ident_by].format(said) + prefix


def called(who: Who) -> str:
    return "this account" if who.is_this else f"{who.account} ({who.client})"


def sentence_of(
    call: TriedCall, places: Sequence[str], conditions: str, before: Who | None, after: Who | None
) -> str:
    calls = calls_at(call.direction, call.ident_by, places, call.tech_prefix)
    if conditions:
        calls += f", {conditions},"
    if before is not None and after is not None and before.account_id == after.account_id:
        stays = f"{calls} are {called(after)}'s"
        return (
            f"{stays}."
            if before.client_id == after.client_id
            else f"{stays}, for {after.client} and no more {before.client}."
        )
    if after is None:
        return f"{calls} go to nobody; today they are {called(before)}'s." if before else f"{calls} are nobody's."
    if before is None:
        return f"{calls} go to {called(after)}; today they are nobody's."
    return f"{calls} go to {called(after)} instead of {called(before)}."
