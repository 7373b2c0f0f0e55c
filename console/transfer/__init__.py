"""Accounts in and out as CSV: its pages, and the same for the command line."""

from console.door import Door
from console.transfer import pages

DOORS: tuple[Door, ...] = pages.DOORS
