"""An attempt shows no secret where it might be logged."""

from matcher.attempt import CallAttempt, ChapResponse, ClearPassword


def test_a_password_is_not_in_the_repr_of_an_attempt() -> None:
    attempt = CallAttempt("orig", "4420", name="rose", credentials=ClearPassword("s3cret"))
    assert "s3cret" not in repr(attempt)
    chap = CallAttempt("orig", "4420", name="rose", credentials=ChapResponse(1, b"challenge", b"proof of s3cret.."))
    assert "s3cret" not in repr(chap)


def test_what_the_switch_does_not_say_is_unknown_and_not_vouched_for() -> None:
    attempt = CallAttempt("orig", "4420")
    assert (attempt.address, attempt.port, attempt.protocol, attempt.name_verified) == (None, 0, None, False)
