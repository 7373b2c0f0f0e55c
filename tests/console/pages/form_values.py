"""What a browser would send of the account's form as it stands on the page."""

from html.parser import HTMLParser


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, list[str]] = {}
        self._is_inside = False
        self._select = self._textarea = ""
        self._first_option: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_inside = given.get("class") == "account"
        if not self._is_inside:
            return
        name, value = given.get("name", ""), given.get("value", "")
        match tag:
            case "input" if "disabled" not in given:
                if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                    self.values.setdefault(name, []).append(value)
            case "select":
                self._select, self._first_option = name, None
            case "option" if self._select:
                if "selected" in given:
                    self.values[self._select] = [value]
                elif self._first_option is None:
                    self._first_option = value
            case "textarea":
                self._textarea = name
                self.values[name] = [""]

    def handle_endtag(self, tag: str) -> None:
        if tag == "select" and self._select:
            self.values.setdefault(self._select, [self._first_option or ""])
            self._select = ""
        elif tag in ("textarea", "form"):
            self._textarea = ""
            self._is_inside &= tag != "form"

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.values[self._textarea][0] += data


def form_values(page: str) -> dict[str, str | list[str]]:
    """Name -> value, or values where a name is there several times. A text area's first newline does not count."""
    form = _Form()
    form.feed(page)
    form.close()
    assert form.values, "the page has no form of an account"
    return {
        name: [v.removeprefix("\n") for v in vs] if len(vs) > 1 else vs[0].removeprefix("\n")
        for name, vs in form.values.items()
    }
