"""The JSON of a request: read whole, an object, and what its declared Struct says.

The sentences for what is wrong come from `console/objects`; the Struct is what the OpenAPI document promises, and
nothing that it does not allow gets past it.
"""

from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from console.api.errors import ApiError
from console.errors import FieldErrors
from console.objects.field_values import Json

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"

Struct = TypeVar("Struct", bound=msgspec.Struct)


async def json_object(request: Request) -> dict[str, Json]:
    """The object in the body. ApiError: unsupported_media_type, bad_json, invalid."""
    taken = (JSON, MERGE_PATCH) if request.method == "PATCH" else (JSON,)
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media_type.strip().lower() not in taken or charset not in ("", "utf-8"):
        raise ApiError("unsupported_media_type", f"Send the body as {' or '.join(taken)}, in UTF-8.")
    try:
        value = msgspec.json.decode(await request.body())
    except RecursionError:
        raise ApiError("bad_json", "The body is nested too deeply.") from None
    except ValueError as error:  # msgspec's own errors, and UnicodeDecodeError, are all of these
        raise ApiError("bad_json", f"The body cannot be read: {error}.") from error
    if not isinstance(value, dict):
        raise ApiError("invalid", "Send an object.", {"": "Send an object: { … }"})
    return value


def declared(values: dict[str, Any], struct: type[Struct]) -> Struct:
    """The values as the Struct that the document promises. FieldErrors with every field that is not so."""
    check_names(values, struct)
    faults: dict[str, str] = {}
    for field in msgspec.structs.fields(struct):
        if field.name in values:
            try:
                msgspec.convert(values[field.name], field.type)
            except msgspec.ValidationError as error:
                faults[field.name] = _sentence(error)
        elif field.required:
            faults[field.name] = "Send it: it is needed"
    if faults:
        raise FieldErrors(faults)
    return msgspec.convert(values, struct)


def _sentence(error: msgspec.ValidationError) -> str:
    """`Expected `int`, got `str` - at `$[0]`` as people say it."""
    said, _, place = str(error).partition(" - at ")
    said = said.replace("Expected", "Send").replace(", got", ": this is").replace("`", "")
    return f"{said}, at {place.strip('`').removeprefix('$')}" if place else said


def check_names(values: dict[str, Any], struct: type[msgspec.Struct]) -> None:
    """FieldErrors with every name that the Struct does not have."""
    unknown = sorted(set(values) - set(struct.__struct_fields__))
    if unknown:
        known = ", ".join(struct.__struct_fields__)
        raise FieldErrors(dict.fromkeys(unknown[:5], f"There is no such field: use {known}"))
