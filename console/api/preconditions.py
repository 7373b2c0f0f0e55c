"""ETag, If-Match and If-None-Match: two programs, or a program and a person, do not overwrite each other.

An ETag is `"EDITED-SHOWN"`: EDITED is the object's own etag, over all that can be edited; SHOWN is over everything
that the answer shows besides (the name of a client, a count). If-Match looks at EDITED alone, so that a client that
was renamed does not keep its accounts from being changed; a cache (If-None-Match) looks at both. The `etag` in a
body is EDITED, and is taken too. Pure.
"""

import hashlib
import re
from collections.abc import Mapping

from console.api.errors import ApiError
from console.errors import ChangedError

TAGS_MAX = 16
TAGS_PATTERN = r'^(\*|(W/)?"[\x21\x23-\x7e]{0,100}"( *, *(W/)?"[\x21\x23-\x7e]{0,100}")*)$'
"""What If-Match and If-None-Match may hold (RFC 9110 §8.8.3), in printable ASCII."""

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e]{0,100})"')


class Tags:
    """The entity tags of a header, without their quotation marks; `any` for `*`."""

    __slots__ = ("_strong", "_weak", "any")

    def __init__(self, header: str, name: str) -> None:
        text = header.strip()
        self.any = text == "*"
        self._strong: list[str] = []
        self._weak: list[str] = []
        if self.any:
            return
        if not re.fullmatch(TAGS_PATTERN[1:-1], text) or len(found := _TAG.findall(text)) > TAGS_MAX:
            raise ApiError("bad_request", f'{name} is to be * or an ETag as it was given: "0123456789abcdef-…".')
        for weak, tag in found:
            (self._weak if weak else self._strong).append(tag)

    def names_edited(self, etag: str) -> bool:
        """Whether one of them is of this version; a weak one never is (RFC 9110 §13.1.1)."""
        return self.any or any(tag.partition("-")[0] == etag for tag in self._strong)

    def names_shown(self, tag: str) -> bool:
        """Whether one of them is this whole tag, weak or not (RFC 9110 §13.1.2)."""
        return self.any or tag in self._strong or tag in self._weak


def tag_of(etag: str, body: bytes) -> str:
    """The tag of an answer, without quotation marks."""
    return f"{etag}-{hashlib.blake2b(body, digest_size=8).hexdigest()}"


def required_tags(headers: Mapping[str, str]) -> Tags:
    """What If-Match says. ApiError where there is none: 428."""
    text = headers.get("if-match")
    if text is None:
        raise ApiError(
            "precondition_required",
            "Send If-Match with the ETag of what you read, so that nobody's change is lost; * is whatever it is.",
        )
    return Tags(text, "If-Match")


def check_edited(tags: Tags, what: str, row_id: int, etag: str) -> None:
    """Raises ChangedError unless the tags name what is there now."""
    if not tags.names_edited(etag):
        raise ChangedError(what, row_id, etag)


def is_not_modified(headers: Mapping[str, str], tag: str) -> bool:
    """Whether who asks has this already. ApiError for a header that is none."""
    text = headers.get("if-none-match")
    return text is not None and Tags(text, "If-None-Match").names_shown(tag)
