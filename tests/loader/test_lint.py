"""Lint against a real PostgreSQL: one snapshot, the daemon's own role, and every way in which nothing can be read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from loader.findings import kind_of, sentence
from loader.lint import LintError, lint
from tests.loader.conftest import Session

UNTIDY = """
ALTER TABLE identd.accounts DROP CONSTRAINT {constraint};
INSERT INTO identd.accounts (id, client_id, name, ident_by, ip, orig_enabled) VALUES
    (200, 13, 'iris_twin', 'ip', '{{11.11.20.33}}', true),
    (201, 12, 'rose_net', 'ip', '{{192.0.2.10/24}}', true),
    (202, 12, 'rose_again', 'ip', '{{192.0.2.0/24}}', true);
INSERT INTO identd.account_gateways VALUES (200, 2);
INSERT INTO identd.accounts (id, client_id, name, ident_by, ip, port, orig_enabled) VALUES
    (203, 12, 'rose_port', 'ip', '{{192.0.2.11}}', 0, true);
"""


@pytest.mark.rule("M2.4", "M3.9")
def test_what_the_tables_hold_is_found(billing: Session) -> None:
    assert lint(billing.dsn)[0] == []
    constraint = billing.one(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'identd.accounts'::regclass AND contype = 'c'"
        " AND pg_get_constraintdef(oid) LIKE '%port >%'"
    )
    billing(UNTIDY.format(constraint=constraint))
    findings, summary = lint(billing.dsn)
    assert list(map(sentence, findings)) == [
        "accounts 176: ambiguous: 176 rose_orig (client 12 Rose) ties with 200 iris_twin (client 13 Iris)"
        " for orig calls by ip 11.11.20.33",
        "accounts 201: host_bits: 192.0.2.10/24 is used as 192.0.2.0/24",
        "accounts 202: shadowed: 202 rose_again (client 12 Rose) never wins: it stands behind 201",
        "accounts 203: quarantined: port is 0, not 1 to 65535",
    ]
    assert (summary.total, summary.shown) == (4, 4)
    assert [kind_of(finding) for finding in lint(billing.dsn, 1)[0]] == ["ambiguous"]


def test_the_role_of_the_daemon_is_enough(billing: Session, connect: Callable[..., Session]) -> None:
    separator = "&" if "?" in billing.dsn else "?"
    assert lint(f"{billing.dsn}{separator}role=identd_reader")[1].total == 0
    billing("REVOKE SELECT ON identd.accounts FROM identd_reader")
    with pytest.raises(LintError, match="our role lacks a privilege"):
        lint(f"{billing.dsn}{separator}role=identd_reader")


def test_a_database_that_cannot_be_read_is_an_error_in_words_without_its_password(
    empty_database: str, tmp_path: Path
) -> None:
    for dsn, words in (
        (empty_database, "run identd init-db"),
        (f"postgresql://u:hunter2@/d?host={tmp_path}", "cannot be reached"),
        ("postgresql://u:hunter2@host:port/d", "the DSN cannot be understood"),
    ):
        with pytest.raises(LintError, match=words) as caught:
            lint(dsn)
        assert "hunter2" not in str(caught.value)
