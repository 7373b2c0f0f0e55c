"""Where to go after a login: only a path of this console, whatever the request says. Pure."""

from urllib.parse import urlsplit

HOME = "/"
CHARACTERS_MAX = 2048


def local_path(text: str) -> str:
    """The text where it is a path (and query) of ours, else HOME.

    Browsers read `//host`, `/\\host` and a path with a tab or newline in it as another host or another header; so
    only visible ASCII, one slash at the beginning, and no backslash.
    """
    if not 1 <= len(text) <= CHARACTERS_MAX or not text.startswith("/") or text.startswith("//") or "\\" in text:
        return HOME
    if not all("!" <= character <= "~" for character in text):
        return HOME
    try:
        parts = urlsplit(text)
    except ValueError:
        return HOME
    return HOME if parts.scheme or parts.netloc else text
