"""How many requests are answered at once, and whose: places for people and programs, fewer for nobody. No I/O.

Whoever has not shown who they are gets places of their own kind, and one address only some of them: so nobody who is
not logged in can take the last place of those who are.
"""

from collections import Counter
from typing import Literal

REQUESTS_MAX = 256
"""Of people and programs at once, pages with live counts included: some 50 KB each. More is no team of operators."""
NOBODY_MAX = 64
"""Of nobody at once: files of `static/`, logins, links, addresses with nothing at them. Each takes milliseconds."""
NOBODY_SITE_MAX = 24
"""Of those from one address: four browsers that load their first page at the same moment."""

Kind = Literal["known", "nobody"]


class Place:
    """What one request holds, from `take` to `give_back`."""

    __slots__ = ("kind", "site")

    def __init__(self, kind: Kind, site: str) -> None:
        self.kind = kind
        self.site = site


class Places:
    """All of them. `site`: where the request comes from, as `origin_address.site_of` says it."""

    __slots__ = ("_held", "_sites")

    def __init__(self) -> None:
        self._held: dict[Kind, int] = {"known": 0, "nobody": 0}
        self._sites: Counter[str] = Counter()

    def statistics(self) -> dict[str, int]:
        """How many requests are being answered now, and how many may be."""
        return {
            "requests": self._held["known"],
            "requests_max": REQUESTS_MAX,
            "nobodys": self._held["nobody"],
            "nobodys_max": NOBODY_MAX,
        }

    def take(self, kind: Kind, site: str) -> Place | None:
        """A place, or None where there is none left."""
        if kind == "known":
            if self._held["known"] >= REQUESTS_MAX:
                return None
        elif self._held["nobody"] >= NOBODY_MAX or self._sites[site] >= NOBODY_SITE_MAX:
            return None
        place = Place(kind, site)
        self._count(place, 1)
        return place

    def is_nobodys(self, place: Place) -> None:
        """It came to a door of people and nobody was found: it holds none of theirs any more, full or not."""
        self._count(place, -1)
        place.kind = "nobody"
        self._count(place, 1)

    def give_back(self, place: Place) -> None:
        """Once for each place taken."""
        self._count(place, -1)

    def _count(self, place: Place, change: int) -> None:
        self._held[place.kind] += change
        if place.kind == "nobody":
            self._sites[place.site] += change
            if not self._sites[place.site]:
                del self._sites[place.site]
