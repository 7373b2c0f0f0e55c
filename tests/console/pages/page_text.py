"""What a test reads off a page: hidden fields, words without tags, rows of a table."""

import html
import re


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    assert found is not None, f"the page has no hidden {name}"
    return html.unescape(found[1])


def words(page: str) -> str:
    """The text of the page's content, blanks made one."""
    content = page.partition("<main")[2] or page
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", content)).split())


def rows(page: str) -> list[str]:
    """The words of each row of tables' bodies."""
    return [words(row) for row in re.findall(r"<tr[ >].*?</tr>", page.partition("<tbody>")[2], re.DOTALL)]


def error_at(page: str, field: str) -> str:
    """The sentence at a field, which the field must point to."""
    assert re.search(rf'id="f-{field}"[^>]*aria-invalid="true"[^>]*aria-describedby="[^"]*e-{field}', page), field
    found = re.search(rf'id="e-{field}">(.*?)</p>', page, re.DOTALL)
    assert found is not None, f"no error stands at {field}"
    return words(found[1])
