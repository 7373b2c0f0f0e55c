"""The first field of a multipart form, from as little of its body as holds it. Pure: bytes in, a verdict out.

An upload may have 64 MB, and nobody's bytes are kept before it is known that the form is ours: so the field `csrf`
stands first in a form that carries files, and the guard looks at it before the handler reads on.
"""

import re

HEAD_BYTES_MAX = 8192
"""Boundary, one part's headers and a token of 64 characters are a few hundred; more is no form of ours."""

_BOUNDARY = re.compile(r'(?i)\Amultipart/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))')
_NAME = re.compile(rb'(?im)^content-disposition:\s*form-data\s*;\s*name="([^"\r\n]*)"\s*$')


def is_multipart(content_type: str) -> bool:
    """Whether the form may carry files."""
    return content_type.lower().startswith("multipart/")


def first_field(content_type: str, body: bytes, name: str) -> bytes | None:
    """The value of the first part where it is this plain field; None where it is anything else, or not all here yet.

    `is_pending` tells the two apart.
    """
    parts = _parts(content_type, body)
    if parts is None:
        return None
    head, value = parts
    found = _NAME.search(head)
    return value if found is not None and found[1] == name.encode() else None


def is_pending(content_type: str, body: bytes) -> bool:
    """Whether more of the body could still make it a form of ours."""
    return (
        _BOUNDARY.match(content_type) is not None
        and len(body) < HEAD_BYTES_MAX
        and _parts(content_type, body) is None
    )


def _parts(content_type: str, body: bytes) -> tuple[bytes, bytes] | None:
    """Headers and value of the first part, once all of it is here."""
    boundary = _BOUNDARY.match(content_type)
    if boundary is None:
        return None
    line = b"--" + (boundary[1] or boundary[2]).encode("latin-1", "replace")
    if not body.startswith(line + b"\r\n"):
        return None
    head, ended, rest = body[len(line) + 2 : HEAD_BYTES_MAX].partition(b"\r\n\r\n")
    value, closed, _ = rest.partition(b"\r\n" + line)
    return (head.replace(b"\r\n", b"\n"), value) if ended and closed else None
