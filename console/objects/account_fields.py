"""The fields of an account: one table, and from it what is typed to an `AccountDraft`, and back. Pure.

Forms, CSV, the command line and the API read through the same table. The bounds are those of the CHECKs, so what
passes here is refused by none of them; whether a reference is still there, and a name still free, the table decides.
`FieldErrors` has every fault at once.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from console.errors import FieldErrors
from console.objects import field_values as v
from console.objects.account import Account, AccountDraft
from console.objects.divided import divided, joined
from console.objects.field_values import BadValueError, Json
from console.objects.references import NO_REFERENCES, Kind, References, missing

Block = Literal["general", "originator", "terminator"]
FieldKind = Literal[
    "text", "notes", "number", "flag", "tags", "networks", "choice", "time", "reference", "references"
]
Source = Literal["form", "line"]
"""`form`: everything is there, but check boxes that are not checked; the values of the two ident types that were not
chosen may be left over. `line`: a line of a file or of the command line: what is not there stays as it is."""

BLOCKS: dict[Block, str] = {
    "general": "General",
    "originator": "Originator Settings",
    "terminator": "Terminator Settings",
}
IDENT_COLUMNS: dict[str, str] = {"ip": "ip", "name": "ident_name", "ani": "ani"}
PROTOCOLS = ("sip", "h323")
"""Offered; any other word that a switch says can be typed."""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field. `name`: in forms, files and on the command line; `column`: in `AccountDraft` and the API.

    `choices`: (value, label). `choices` of a `text` are offers.
    """

    name: str
    label: str
    block: Block
    kind: FieldKind
    read: Callable[[str], Any]
    read_json: Callable[[Json], Any]
    column: str = ""
    refers_to: Kind | None = None
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    required: bool = False

    @property
    def full_label(self) -> str:
        """The label as it stands alone: two blocks have a Rate Table."""
        return self.label if self.block == "general" else f"{BLOCKS[self.block]}: {self.label}"


def _text(name: str, label: str, block: Block, read: Callable[[str], str] = v.line, **more: Any) -> Field:
    return Field(
        name=name, label=label, block=block, kind="text", read=read, read_json=v.json_text(read), column=name, **more
    )


def _choice(name: str, label: str, block: Block, choices: tuple[tuple[str, str], ...], **more: Any) -> Field:
    read = v.choice(value for value, _ in choices)
    json = v.json_text(read)
    return Field(
        name=name, label=label, block=block, kind="choice", read=read, read_json=json, column=name,
        choices=choices, **more,
    )  # fmt: skip


def _flag(name: str, label: str, block: Block, text: str) -> Field:
    read, json = v.flag, v.json_flag
    return Field(name=name, label=label, block=block, kind="flag", read=read, read_json=json, column=name, help=text)


def _capacity(name: str, label: str, block: Block, text: str) -> Field:
    read, json = v.whole(0, v.INTEGER_MAX, ", or nothing for no limit"), v.json_whole(0, v.INTEGER_MAX)
    return Field(
        name=name, label=label, block=block, kind="number", read=read, read_json=json, column=name, help=text
    )


def _rate(name: str, label: str, block: Block, least: int, text: str) -> Field:
    read, json = v.rate(least), v.json_rate(least)
    return Field(
        name=name, label=label, block=block, kind="number", read=read, read_json=json, column=name, help=text
    )


def _tags(name: str, block: Block) -> Field:
    return Field(
        name=name, label="Tags", block=block, kind="tags", read=v.tags, read_json=v.json_texts(v.tag_list),
        column=name, help="Divided by commas; at most 64.",
    )  # fmt: skip


def _time(name: str, label: str, text: str) -> Field:
    return Field(
        name=name, label=label, block="general", kind="time", read=v.moment, read_json=v.json_moment,
        column=name, help=text,
    )  # fmt: skip


def _reference(name: str, label: str, block: Block, kind: Kind, text: str, *, required: bool = False) -> Field:
    return Field(
        name=name, label=label, block=block, kind="reference", read=str, read_json=v.json_whole(1, v.ID_MAX),
        column=f"{name}_id", refers_to=kind, help=text, required=required,
    )  # fmt: skip


FIELDS: tuple[Field, ...] = (
    _reference("client", "Client", "general", "client", "The client to whom this account belongs.", required=True),
    _text("name", "Name", "general", help="The name of the account here; once a client.", required=True),
    _choice(
        "ident_by", "Ident by", "general", (("ip", "IP"), ("name", "Name"), ("ani", "ANI")),
        help="How calls of this account are known.", required=True,
    ),
    Field(
        name="ip", label="IP", block="general", kind="networks", read=v.networks, column="ip",
        read_json=v.json_texts(v.network_list),
        help="Gateway IP addresses, divided by “;”. Subnets in CIDR form: 10.0.0.0/24; 200.200.200.208/28.",
    ),
    _text("ident_name", "Name of gateway or user", "general",
          help="Gateway name or user login, compared with case. Counts only if the switch vouches for it or the "
               "password is proven."),
    _text("ani", "ANI", "general", v.ani, help="Caller's number (originator) or called number (terminator). "
          "Ends in * for all numbers that begin so; a leading + does not count."),
    _text("tech_prefix", "Tech Prefix", "general", v.tech_prefix,
          help="What the called number begins with, where several clients use the same gateway."),
    _flag("strip_tech_prefix", "Strip Tech Prefix", "general",
          "Take the prefix off the called number before it is routed and rated."),
    Field(
        name="gateways", label="Gateway", block="general", kind="references", read=divided, read_json=v.json_ids,
        column="gateway_ids", refers_to="gateway",
        help="Only calls that these gateways ask about; none chosen is any gateway.",
    ),
    Field(
        name="notes", label="Notes", block="general", kind="notes", read=v.notes, read_json=v.json_text(v.notes),
        column="notes", help="Additional information about the account.",
    ),
    _choice("status", "Status", "general", (("active", "Active"), ("blocked", "Blocked")),
            help="A blocked account still matches its calls, and refuses them."),
    _time("valid_from", "Valid from", "Calls before are refused; UTC unless a zone is written."),
    _time("valid_until", "Valid until", "Calls from then on are refused; UTC unless a zone is written."),
    _rate("cps_burst", "CPS Burst", "general", 1, "Calls that may come at once; unless set, one second's worth."),
    _flag("orig_enabled", "Originator", "originator", "This client sends calls to your switch."),
    _reference("orig_rate_table", "Rate Table", "originator", "rate_table", "Comes before the client's."),
    _reference("routing_plan", "Routing Plan", "originator", "routing_plan", "Comes before the client's."),
    _tags("orig_tags", "originator"),
    _capacity("orig_capacity", "Capacity", "originator", "Simultaneous calls; empty is no limit, 0 lets none in."),
    _rate("orig_cps", "CPS", "originator", 0, "New calls a second at most; empty is no limit."),
    _flag("term_enabled", "Terminator", "terminator", "You send calls from your switch to this vendor."),
    _reference("term_rate_table", "Rate Table", "terminator", "rate_table", "Comes before the client's."),
    _tags("term_tags", "terminator"),
    _capacity("term_capacity", "Capacity", "terminator", "Simultaneous calls; empty is no limit, 0 lets none in."),
    _rate("term_cps", "CPS", "terminator", 0, "New calls a second at most; empty is no limit."),
    _text("proxy", "Proxy", "terminator", help="Where the switch sends the call instead of to the address itself."),
    _text("protocol", "Protocol", "terminator", choices=tuple((word, word.upper()) for word in PROTOCOLS),
          help="Only calls over it, in both directions; empty is any."),
    Field(
        name="port", label="Port", block="terminator", kind="number", read=v.whole(1, 65_535, ", such as 5060"),
        read_json=v.json_whole(1, 65_535), column="port",
        help="Only calls from or to this port, in both directions; empty is any.",
    ),
)  # fmt: skip
"""In the order of the article's form. Passwords have their own: `password_fields.py`."""

FIELD: dict[str, Field] = {field.name: field for field in FIELDS}
COLUMN: dict[str, Field] = {field.column: field for field in FIELDS}
_NAMES = {field.column: field.name for field in FIELDS}
_COLUMNS = {field.column: field.column for field in FIELDS}
PASSWORD_NAMES = ("password", "password_keep", "password_realms", "password_remove")
"""Fields of `password_fields.py`: they are no columns that are read back."""
_NOT_OURS = frozenset({"id", *PASSWORD_NAMES})
_DEFAULTS: dict[str, Any] = {
    field.name: field.default
    for field in msgspec.structs.fields(AccountDraft)
    if field.default is not msgspec.NODEFAULT
}
_REQUIRED = {
    "client_id": "Choose the client to whom the account belongs",
    "name": "Give the account a name",
    "ident_by": "Choose how its calls are known: ip, name or ani",
}
_IDENT_MISSING = {
    "ip": "Write at least one address, such as 192.0.2.1, or a network such as 10.0.0.0/24",
    "ident_name": "Write the gateway name or user login that the switch says",
    "ani": "Write a number such as 442079460000, or a prefix such as 4420*",
}


class Difference(NamedTuple):
    """A field in which two versions of an account differ, in words."""

    label: str
    before: str
    after: str


def typed(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The pairs of a form as `read_text` takes them: several chosen gateways or tags become one text."""
    values: dict[str, str] = {}
    for name, text in pairs:
        field = FIELD.get(name)
        several = name in values and field is not None and field.kind in {"references", "tags", "networks"}
        values[name] = f"{values[name]}; {text}" if several else text
    return values


def read_text(
    values: Mapping[str, str],
    references: References = NO_REFERENCES,
    *,
    before: AccountDraft | None = None,
    source: Source = "form",
) -> AccountDraft:
    """What was typed, as what may be written. Raises FieldErrors, by names of FIELDS.

    `before`: what is there now; fields that are not in `values` stay as there, and so does what is typed as it stands
    there. What is empty is not set. Of a `line`, every name must be one of FIELDS, of PASSWORD_NAMES, or `id`.
    """
    columns = _columns(before)
    names = {} if before is None else _names(before)
    errors = _unknown(values.keys() - FIELD.keys() - _NOT_OURS, FIELD) if source == "line" else {}
    for field in FIELDS:
        column, written = field.column, values.get(field.name)
        text = None if written is None else written.strip()
        if not _is_asked(field, columns):
            if text and source == "line" and columns.get("ident_by"):
                errors[field.name] = _not_asked(columns)
            columns.pop(column, None)
            continue
        if text is None:
            if source == "form" and field.kind == "flag":
                columns[column] = False
            continue
        if before is not None and _lines(text) == _lines(_text_of(field, before, names, references).strip()):
            continue
        columns.pop(column, None)
        if not text:
            if source == "form" and field.kind == "flag":
                columns[column] = False
            continue
        try:
            columns[column] = _referred(field, text, references) if field.refers_to else field.read(text)
        except BadValueError as fault:
            errors[field.name] = str(fault)
    return _draft(columns, errors, _NAMES)


def read_values(values: Mapping[str, Json], *, before: AccountDraft | None = None) -> AccountDraft:
    """Typed JSON of the API, by columns of AccountDraft, with the same checks. Raises FieldErrors, by column.

    null is not set. `before` as in `read_text`.
    """
    columns = _columns(before)
    errors = _unknown(values.keys() - COLUMN.keys() - _NOT_OURS, COLUMN)
    for field in FIELDS:
        column = field.column
        given = column in values
        value = values.get(column)
        if value == [] or (value == "" and field.kind == "notes"):
            value = None
        if not _is_asked(field, columns):
            if value is not None and columns.get("ident_by"):
                errors[column] = _not_asked(columns)
            columns.pop(column, None)
            continue
        if not given:
            continue
        columns.pop(column, None)
        if value is None:
            continue
        try:
            columns[column] = field.read_json(value)
        except BadValueError as fault:
            errors[column] = str(fault)
    return _draft(columns, errors, _COLUMNS)


def _columns(before: AccountDraft | None) -> dict[str, Any]:
    return {} if before is None else {name: getattr(before, name) for name in AccountDraft.__struct_fields__}


def _unknown(names: Iterable[str], known: Mapping[str, Field]) -> dict[str, str]:
    errors = {}
    for name in sorted(names)[: v.FAULTS_SHOWN_MAX]:
        near = difflib.get_close_matches(name[:64], known, 1)
        errors[name] = f"There is no field {v.shown(name)}" + (
            f": did you mean {near[0]}?" if near else ": leave it out"
        )
    return errors


def _is_asked(field: Field, columns: Mapping[str, Any]) -> bool:
    """Whether the field is not a value of another ident type than the one that was chosen."""
    return field.column not in _IDENT_MISSING or field.column == IDENT_COLUMNS.get(columns.get("ident_by", ""))


def _not_asked(columns: Mapping[str, Any]) -> str:
    known_by = dict(FIELD["ident_by"].choices)[columns["ident_by"]]
    return f"Leave it empty: the account is known by {known_by}; or choose another Ident by"


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _referred(field: Field, text: str, references: References) -> int | tuple[int, ...]:
    """The ids of what was typed; a single one for a `reference`."""
    kind = field.refers_to
    assert kind is not None, "asked of references only"
    parts = divided(text) if field.kind == "references" else (text,)
    faults = [
        missing(kind, part, references.nearest.get((kind, part), ()))
        for part in parts
        if (kind, part) not in references.ids
    ]
    if faults:
        raise BadValueError("; ".join(faults[: v.FAULTS_SHOWN_MAX]))
    ids = sorted({references.ids[kind, part] for part in parts})
    return tuple(ids) if field.kind == "references" else ids[0]


def _draft(columns: dict[str, Any], errors: dict[str, str], names: Mapping[str, str]) -> AccountDraft:
    """What all fields together must fulfil; `names`: what a column is called in an error."""
    for column, sentence in _REQUIRED.items():
        if not columns.get(column):
            errors.setdefault(names[column], sentence)
    ident_column = IDENT_COLUMNS.get(columns.get("ident_by", ""))
    if ident_column is not None and not columns.get(ident_column):
        errors.setdefault(names[ident_column], _IDENT_MISSING[ident_column])
    valid_from, valid_until = columns.get("valid_from"), columns.get("valid_until")
    if valid_from is not None and valid_until is not None and valid_until <= valid_from:
        errors.setdefault(
            names["valid_until"], f"Write a time after Valid from, which is {v.moment_text(valid_from)}"
        )
    if errors:
        raise FieldErrors(errors)
    return AccountDraft(**columns)


def to_text(account: AccountDraft, references: References = NO_REFERENCES, *, zone: bool = True) -> dict[str, str]:
    """What `read_text` reads back as this account, by names of FIELDS, in their order. Flags are `yes` and `no`.

    References by name where it is known (an `Account` has them) and as `#12` else. `zone` False: times as
    `datetime-local` inputs want them, in UTC.
    """
    names = _names(account)
    return {field.name: _text_of(field, account, names, references, zone=zone) for field in FIELDS}


def _text_of(
    field: Field,
    account: AccountDraft,
    names: Mapping[tuple[Kind, int], str],
    references: References,
    *,
    zone: bool = True,
) -> str:
    """One field of `to_text`. `names` come before those of `references`."""
    value = getattr(account, field.column)
    if value is None:
        return ""
    if field.kind == "flag":
        return "yes" if value else "no"
    if field.kind == "time":
        return v.moment_text(value, zone=zone)
    if field.refers_to is not None:
        ids = (value,) if field.kind == "reference" else value
        called = [_called(names.get((field.refers_to, one)) or references.names.get((field.refers_to, one)), one)
                  for one in ids]  # fmt: skip
        return called[0] if field.kind == "reference" else joined(called)
    if isinstance(value, tuple):
        return joined(value)
    return v.rate_text(value) if isinstance(value, float) else str(value)


def _called(name: str | None, row_id: int) -> str:
    return f"#{row_id}" if name is None or name != name.strip() else name


def _names(account: AccountDraft) -> dict[tuple[Kind, int], str]:
    """The names that an `Account` brings along."""
    if not isinstance(account, Account):
        return {}
    names: dict[tuple[Kind, int], str] = {("client", account.client_id): account.client}
    if len(account.gateways) == len(account.gateway_ids):
        names |= {("gateway", one): name for one, name in zip(account.gateway_ids, account.gateways, strict=True)}
    rest: tuple[tuple[Kind, int | None, str | None], ...] = (
        ("rate_table", account.orig_rate_table_id, account.orig_rate_table),
        ("rate_table", account.term_rate_table_id, account.term_rate_table),
        ("routing_plan", account.routing_plan_id, account.routing_plan),
    )
    for kind, row_id, name in rest:
        if row_id is not None and name is not None:
            names[kind, row_id] = name
    return names


def changes(before: AccountDraft, after: AccountDraft, references: References = NO_REFERENCES) -> list[Difference]:
    """The fields in which two versions differ, in the order of the form, in words; "" where nothing is set."""
    was, becomes = _names(before), _names(after)
    was, becomes = {**becomes, **was}, {**was, **becomes}  # a draft has no names, the account that it was may have
    found = [
        Difference(
            field.full_label,
            _text_of(field, before, was, references),
            _text_of(field, after, becomes, references),
        )
        for field in FIELDS
        if getattr(before, field.column) != getattr(after, field.column)
    ]
    if isinstance(before, Account) and isinstance(after, Account) and before.has_password != after.has_password:
        words = ("not set", "set")
        found.append(Difference("Password", words[before.has_password], words[after.has_password]))
    return found


def remarks(values: Mapping[str, object]) -> dict[str, str]:
    """What is taken and means something else than it seems, by field: bits below the mask of a network."""
    ip = values.get("ip")
    parts = v.written_networks(ip) if isinstance(ip, str) else ip if isinstance(ip, list) else []
    masked = v.masked_bits(part for part in parts if isinstance(part, str))
    if not masked:
        return {}
    more = f"; and {len(masked) - v.FAULTS_SHOWN_MAX:,} more" if len(masked) > v.FAULTS_SHOWN_MAX else ""
    said = "; ".join(f"{written} means {network}" for written, network in masked[: v.FAULTS_SHOWN_MAX])
    return {"ip": f"{said}{more}: what stands below the mask does not count"}


def by_name(errors: FieldErrors) -> FieldErrors:
    """Errors by column, as the store raises them, by the names that forms and files have."""
    return FieldErrors({COLUMN[key].name if key in COLUMN else key: said for key, said in errors.errors.items()})
