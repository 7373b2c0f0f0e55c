"""What PostgreSQL refuses of clients, resellers, gateways, rate tables and routing plans -> the field and a sentence.

The fields of `console/objects` refuse nearly all of this before; what is left are races (an entry deleted while the
form was open) and names that are taken. PostgreSQL's own words are shown to nobody. A table; no I/O.
"""

import contextlib
from collections.abc import Iterator

import asyncpg

from console.errors import FieldErrors

_BYTES = "Write 1 to 255 bytes."
_CALLS = "Write 0 or more calls, or leave it empty for no limit."
_CPS = "Write 0 to 1,000,000 calls a second, or leave it empty for no limit."
_MONEY = "Write an amount of less than a million millions."
_GONE = "It is no longer there: choose another, or none."

TAKEN: dict[str, str] = {
    "resellers_name_key": "There is a reseller of that name already: choose another name.",
    "clients_name_key": "There is a client of that name already: choose another name.",
    "rate_tables_name_key": "There is a rate table of that name already: choose another name.",
    "routing_plans_name_key": "There is a routing plan of that name already: choose another name.",
    "gateways_name_key": "There is a gateway of that name already: choose another name.",
}

FAULTS: dict[str, tuple[str, str]] = {
    **{constraint: ("name", sentence) for constraint, sentence in TAKEN.items()},
    **{
        f"{table}_{rule}": fault
        for table in ("resellers", "clients", "rate_tables", "routing_plans", "gateways")
        for rule, fault in (
            ("pkey", ("", "An entry with this id was made in the meantime: try again.")),
            ("id_is_positive", ("", "An id is 1 or more.")),
            ("name_has_1_to_255_bytes", ("name", _BYTES)),
        )
    },
    "resellers_status_is_active_or_blocked": ("status", "Choose active or blocked."),
    "resellers_orig_capacity_is_not_negative": ("orig_capacity", _CALLS),
    "resellers_term_capacity_is_not_negative": ("term_capacity", _CALLS),
    "clients_client_type_has_1_to_255_bytes": ("client_type", _BYTES),
    "clients_status_is_active_blocked_or_archived": ("status", "Choose active, blocked or archived."),
    "clients_balance_is_below_a_million_millions": ("balance", _MONEY),
    "clients_credit_limit_is_below_a_million_millions": ("credit_limit", _MONEY),
    "clients_low_balance_threshold_is_below_a_million_millions": ("low_balance_threshold", _MONEY),
    "clients_low_balance_capacity_is_not_negative": ("low_balance_capacity", _CALLS),
    "clients_orig_capacity_is_not_negative": ("orig_capacity", _CALLS),
    "clients_term_capacity_is_not_negative": ("term_capacity", _CALLS),
    "clients_orig_cps_is_0_to_1000000": ("orig_cps", _CPS),
    "clients_term_cps_is_0_to_1000000": ("term_cps", _CPS),
    "clients_cps_burst_is_1_to_1000000": ("cps_burst", "Write 1 to 1,000,000 calls, or leave it empty."),
    "clients_reseller_id_fkey": ("reseller_id", _GONE),
    "clients_orig_rate_table_id_fkey": ("orig_rate_table_id", _GONE),
    "clients_term_rate_table_id_fkey": ("term_rate_table_id", _GONE),
    "clients_routing_plan_id_fkey": ("routing_plan_id", _GONE),
    "gateways_secret_hash_has_1_to_255_bytes": ("", "Make a new secret."),
    "gateways_addresses_are_1_to_4096": ("addresses", "Write 1 to 4,096 networks, or leave it empty for any."),
    "gateways_ident_order_lists_ident_types_once": ("ident_order", "Write some of name, ip, ani, each once."),
    "gateways_on_ambiguous_is_first_or_refuse": ("on_ambiguous", "Choose first or refuse."),
    "gateways_reserve_seconds_is_1_to_86400": ("reserve_seconds", "Write 1 to 86,400 seconds."),
    "gateways_active_seconds_is_1_to_2592000": ("active_seconds", "Write 1 to 2,592,000 seconds."),
    "gateways_sip_codes_are_reason_to_400_to_699": (
        "sip_codes",
        "Write lines such as no_credit = 402, codes 400 to 699.",
    ),
}
"""Constraint -> (field, sentence). A test reads the constraints of the tables from the database: none is missing."""

_OTHER = "The database does not take these values: look them over and try again."


@contextlib.contextmanager
def as_field_errors() -> Iterator[None]:
    """Within it, what PostgreSQL refuses is a `FieldErrors`. The transaction is lost all the same."""
    try:
        yield
    except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError) as error:
        field, sentence = FAULTS.get(getattr(error, "constraint_name", None) or "", ("", _OTHER))
        raise FieldErrors({field: sentence}) from error
