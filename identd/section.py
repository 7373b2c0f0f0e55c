"""What every table of the configuration is made of: the strict base and the bounded types its keys share."""

from typing import Annotated

import msgspec
from msgspec import Meta

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Count = Annotated[int, Meta(ge=1, le=10_000_000)]
NO_NUL = r"^[^\x00]*$"
PathText = Annotated[str, Meta(max_length=4096, pattern=NO_NUL)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the file."""
