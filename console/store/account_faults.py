"""What PostgreSQL refuses of an account -> the field and a sentence that says what to do. A table; no I/O.

`account_fields.py` refuses nearly all of this before it gets here; what is left are races (a client deleted while the
form was open) and whoever calls the store without it. PostgreSQL's own words are shown to nobody.
"""

import contextlib
from collections.abc import Iterator

import asyncpg

from console.errors import FieldErrors

FAULTS: dict[str, tuple[str, str]] = {
    "accounts_pkey": ("", "An account with this id was created in the meantime: try again."),
    "accounts_client_id_name_key": ("name", "This client has an account of that name already: choose another name."),
    "accounts_client_id_fkey": ("client_id", "This client is no longer there: choose another."),
    "accounts_orig_rate_table_id_fkey": ("orig_rate_table_id", "This rate table is no longer there: choose another."),
    "accounts_routing_plan_id_fkey": ("routing_plan_id", "This routing plan is no longer there: choose another."),
    "accounts_term_rate_table_id_fkey": ("term_rate_table_id", "This rate table is no longer there: choose another."),
    "account_gateways_gateway_id_fkey": ("gateway_ids", "One of these gateways is no longer there: choose again."),
    "account_gateways_account_id_fkey": ("", "The account was deleted in the meantime."),
    "account_gateways_pkey": ("gateway_ids", "A gateway is named twice: name each once."),
    "accounts_id_is_positive": ("", "An account's id is 1 or more."),
    "accounts_name_has_1_to_255_bytes": ("name", "Enter a name of 1 to 255 bytes."),
    "accounts_ident_by_is_ip_name_or_ani": ("ident_by", "Choose one of IP, Name and ANI."),
    "accounts_only_the_column_of_ident_by_is_set": (
        "ident_by",
        "Fill in the one of IP, Name and ANI that the account is known by, and only that.",
    ),
    "accounts_ip_has_1_to_4096_networks": ("ip", "Enter 1 to 4,096 addresses or networks, divided by ;"),
    "accounts_ident_name_has_1_to_255_bytes": ("ident_name", "Enter a name of 1 to 255 bytes."),
    "accounts_ani_has_1_to_255_bytes": ("ani", "Enter a number of 1 to 255 bytes; a + alone is none."),
    "accounts_tech_prefix_is_digits_letters_hash_star_plus": (
        "tech_prefix",
        "Use up to 255 of the characters 0-9 A-Z a-z # * + or leave it empty.",
    ),
    "accounts_password_is_made_by_identd_seal_password": ("password", "This password is too long to be kept."),
    "accounts_protocol_has_1_to_255_bytes": ("protocol", "Choose a protocol or leave it empty."),
    "accounts_port_is_1_to_65535": ("port", "Enter a port from 1 to 65535 or leave it empty."),
    "accounts_proxy_has_1_to_255_bytes": ("proxy", "Enter 1 to 255 bytes or leave it empty."),
    "accounts_notes_have_at_most_65536_bytes": ("notes", "Shorten the notes to 65,536 bytes."),
    "accounts_status_is_active_or_blocked": ("status", "Choose active or blocked."),
    "accounts_valid_until_is_after_valid_from": ("valid_until", "Enter a time after the one it is valid from."),
    "accounts_orig_tags_are_64_texts_of_1_to_255_bytes": ("orig_tags", "Enter at most 64 tags of 1 to 255 bytes."),
    "accounts_term_tags_are_64_texts_of_1_to_255_bytes": ("term_tags", "Enter at most 64 tags of 1 to 255 bytes."),
    "accounts_orig_capacity_is_not_negative": ("orig_capacity", "Enter 0 or more calls, or leave it empty."),
    "accounts_term_capacity_is_not_negative": ("term_capacity", "Enter 0 or more calls, or leave it empty."),
    "accounts_orig_cps_is_0_to_1000000": ("orig_cps", "Enter 0 to 1,000,000 calls a second, or leave it empty."),
    "accounts_term_cps_is_0_to_1000000": ("term_cps", "Enter 0 to 1,000,000 calls a second, or leave it empty."),
    "accounts_cps_burst_is_1_to_1000000": ("cps_burst", "Enter 1 to 1,000,000 calls, or leave it empty."),
}
"""Constraint -> (field, sentence). A test reads the constraints of both tables from the database: none is missing."""

_OTHER = "The database does not take these values: look them over and try again."


def fault_of(error: asyncpg.PostgresError) -> tuple[str, str]:
    """The field that is at fault, and what to do."""
    return FAULTS.get(error.constraint_name or "", ("", _OTHER))


@contextlib.contextmanager
def as_field_errors() -> Iterator[None]:
    """Within it, what PostgreSQL refuses of an account is a `FieldErrors`. The transaction is lost all the same."""
    try:
        yield
    except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError) as error:
        field, sentence = fault_of(error)
        raise FieldErrors({field: sentence}) from error
