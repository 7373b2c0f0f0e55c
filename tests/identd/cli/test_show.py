"""Text for a terminal: alignment, colour, and nothing that repaints an operator's screen."""

import io

from identd.cli.show import Paint, pairs, printable, table, wants_colour


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_only_on_a_terminal_that_wants_it() -> None:
    assert wants_colour(Terminal(), {"TERM": "xterm"})
    assert not wants_colour(io.StringIO(), {"TERM": "xterm"})
    assert not wants_colour(Terminal(), {"TERM": "xterm", "NO_COLOR": "1"})
    assert not wants_colour(Terminal(), {"TERM": "dumb"})
    assert wants_colour(Terminal(), {"NO_COLOR": ""}), "an empty NO_COLOR counts as not set"


def test_paint_colours_or_leaves_as_it_is() -> None:
    assert Paint(True)("red", "no") == "\x1b[31mno\x1b[0m"
    assert Paint(False)("red", "no") == "no"


def test_what_is_not_printable_is_escaped_and_letters_of_any_script_are_not() -> None:
    assert printable("Zoë ☎ \x1b[0m\r\n\u202e\u0085") == "Zoë ☎ \\x1b[0m\\r\\n\\u202e\\x85"


def test_pairs_are_aligned() -> None:
    rows = [("a_b", True), ("long_key", 1.25), ("list", ("x", "y")), ("none", None), ("empty", "")]
    assert pairs(rows, indent="") == [
        "a b       yes",
        "long key  1.2",
        "list      x, y",
        "none      -",
        'empty     ""',
    ]


def test_numbers_of_a_table_stand_to_the_right() -> None:
    assert table(("name", "id"), [("a", 7), ("bcdefg", 1234)], Paint(False)) == [
        "name      id",
        "a          7",
        "bcdefg  1234",
    ]
