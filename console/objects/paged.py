"""One page of a list, and where it stands in the whole: rows N-M of T. Values only."""

from typing import Generic, TypeVar

import msgspec

from console.objects.listing import Paging

Row = TypeVar("Row")


class Paged(msgspec.Struct, Generic[Row], frozen=True, kw_only=True):
    """`rows` are those of `paging.page`, of `total` in all."""

    rows: tuple[Row, ...]
    total: int
    paging: Paging

    @property
    def first(self) -> int:
        """The number of the first row, from 1; 0 where there is none."""
        return (self.paging.page - 1) * self.paging.size + 1 if self.rows else 0

    @property
    def last(self) -> int:
        """The number of the last row; 0 where there is none."""
        return self.first + len(self.rows) - 1 if self.rows else 0

    @property
    def pages(self) -> int:
        """How many pages there are, at least 1."""
        return max(1, -(-self.total // self.paging.size))


def clamped(paging: Paging, total: int) -> Paging:
    """The page asked for, or the last one where there are fewer; never below the first."""
    last = max(1, -(-total // paging.size))
    return msgspec.structs.replace(paging, page=min(max(1, paging.page), last))
