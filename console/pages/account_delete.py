"""Being built."""

from console.door import Door

DOORS: tuple[Door, ...] = ()
