"""Where in the file a key stands: through comments, values of many lines, dotted and inline keys."""

import tomllib

import pytest

from identd.toml_lines import line_of, line_of_error

TEXT = '''# head
[socket]
tcp = """
[limits]
calls_max = 1
"""   # a value that looks like another section

[limits]
calls_max = [
  1,
  2,
]
log.level = "x"
[metrics]
inline = { listen = "y" }
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("socket",), 2),
        (("socket", "tcp"), 3),
        (("limits",), 8),
        (("limits", "calls_max"), 9),
        (("limits", "log", "level"), 13),
        (("metrics", "inline", "listen"), 15),
        (("limits", "absent"), None),
        (("socket", "tcp", "deeper"), None),
    ],
)
def test_a_key_stands_on_the_line_where_its_statement_begins(path: tuple[str, ...], line: int | None) -> None:
    assert line_of(TEXT, path) == line


@pytest.mark.parametrize(
    ("text", "line"), [("a = 1\nb = \n", 2), ("a = 1\n[b\n", 2), ('a = """\n\n', 2), ("a = 1\na = 2", 2)]
)
def test_a_syntax_error_has_its_line(text: str, line: int) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    assert line_of_error(text, caught.value) == line
