"""What is kept between the dry run and the writing comes back, and opens for nobody else."""

from datetime import UTC, datetime

import pytest

from console.objects.account import Account, AccountDraft, KeepPassword, PasswordChange, RemovePassword, SetPassword
from console.transfer.imports import ImportLine, Outcome
from console.transfer.judging import Judged
from console.transfer.planned import PlanError, PlannedLine, open_part, planned, seal_part
from identd.credentials import KeyRing

KEYS, NONCE = KeyRing((bytes(range(32)),)), bytes(12)
DRAFT = AccountDraft(
    client_id=1, name="rose", ident_by="ip", ip=("192.0.2.1", "10.0.0.0/8"), gateway_ids=(2, 3), orig_cps=2.5,
    valid_from=datetime(2026, 1, 31, 18, 0, 0, 500_000, tzinfo=UTC), notes="two\nlines",
)  # fmt: skip
BEFORE = Account(
    id=7, client_id=1, client="Rose", client_type="client", client_status="active", name="x", ident_by="ip", etag="e"
)


def line(password: PasswordChange = KeepPassword(), before: Account | None = None) -> PlannedLine:  # noqa: B008
    outcome: Outcome = "creates" if before is None else "changes"
    one = planned(Judged(ImportLine(2, outcome, None, "", ()), DRAFT, before, password))
    assert one is not None
    return one


@pytest.mark.parametrize("keys", [KEYS, KeyRing()])
def test_lines_come_back_as_they_were(keys: KeyRing) -> None:
    lines = (line(), line(RemovePassword(), BEFORE))
    back = open_part(seal_part(lines, 5, 0, keys, NONCE), 5, 0, keys)
    assert back == lines
    assert all(getattr(back[0].draft, name) == getattr(DRAFT, name) for name in AccountDraft.__struct_fields__)
    assert [(one.account_id, one.etag) for one in back] == [(None, ""), (7, "e")]
    assert [one.password_change for one in back] == [KeepPassword(), RemovePassword()]


def test_password_is_sealed_and_comes_back() -> None:
    password = SetPassword("swordfish", False, ("r",))
    kept = seal_part((line(password),), 5, 0, KEYS, NONCE)
    assert b"swordfish" not in kept
    (back,) = open_part(kept, 5, 0, KEYS)
    assert back.password_change == password
    assert "swordfish" not in repr(back)


@pytest.mark.parametrize("outcome", ["same", "error"])
def test_lines_that_do_nothing_are_not_kept(outcome: Outcome) -> None:
    assert planned(Judged(ImportLine(2, outcome, None, "", ()), DRAFT, BEFORE)) is None
    assert planned(Judged(ImportLine(2, "creates", None, "", ()))) is None


def test_part_opens_in_its_place_with_its_key_and_undamaged_only() -> None:
    kept = seal_part((line(),), 5, 0, KEYS, NONCE)
    for wrong in (
        lambda: open_part(kept, 6, 0, KEYS),
        lambda: open_part(kept, 5, 1, KEYS),
        lambda: open_part(kept, 5, 0, KeyRing((bytes(32),))),
        lambda: open_part(kept, 5, 0, KeyRing()),
        lambda: open_part(kept[:-1] + bytes([kept[-1] ^ 1]), 5, 0, KEYS),
        lambda: open_part(kept[:10], 5, 0, KEYS),
        lambda: open_part(b"", 5, 0, KEYS),
    ):
        with pytest.raises(PlanError):
            wrong()


def test_plain_part_is_not_taken_where_there_is_a_key() -> None:
    """Whoever may write the table but has no key must not have accounts written in another's name."""
    kept = seal_part((line(),), 5, 0, KeyRing(), NONCE)
    with pytest.raises(PlanError):
        open_part(kept, 5, 0, KEYS)
