"""Single values: what is taken and as what; what is refused, and that the sentence says what to do instead."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.objects import field_values as v
from console.objects.field_values import BadValueError, Json

TAKEN: list[tuple[Callable[[str], Any], str, Any]] = [
    (v.networks, "10.0.0.0/24;200.200.200.208/28", ("10.0.0.0/24", "200.200.200.208/28")),
    (v.networks, "192.0.2.1, 192.0.2.2\n192.0.2.3 ;", ("192.0.2.1", "192.0.2.2", "192.0.2.3")),
    (v.networks, "192.0.2.1/32 192.0.2.1", ("192.0.2.1",)),
    (v.networks, "10.0.0.5/24", ("10.0.0.0/24",)),
    (v.networks, "::ffff:192.0.2.1 ::ffff:192.0.2.7/120", ("192.0.2.1", "192.0.2.0/24")),
    (v.networks, "2001:DB8:0:0::1", ("2001:db8::1",)),
    (v.ani, "+4420*", "+4420*"),
    (v.tech_prefix, "1234#", "1234#"),
    (v.rate(0), "2.50", 2.5),
    (v.rate(0), "1E-05", 1e-05),
    (v.rate(1), "1000000", 1_000_000.0),
    (v.whole(1, 65_535, ""), "05060", 5060),
    (v.flag, "Yes", True),
    (v.flag, "on", True),
    (v.flag, "0", False),
    (v.choice(("ip", "name", "ani")), "IP", "ip"),
    (v.tags, "gold, silver; gold", ("gold", "silver")),
    (v.notes, "one\r\ntwo\rthree", "one\ntwo\nthree"),
    (v.moment, "2026-01-31T18:00", datetime(2026, 1, 31, 18, tzinfo=UTC)),
    (v.moment, "2026-01-31 18:00:00+02:00", datetime(2026, 1, 31, 16, tzinfo=UTC)),
    (v.moment, "2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
    (v.line, "é" * 127, "é" * 127),
]


@pytest.mark.parametrize(("read", "text", "value"), TAKEN)
def test_what_is_typed_becomes_what_it_means(read: Callable[[str], Any], text: str, value: Any) -> None:
    assert read(text) == value


ADDRESSES = ": write 192.0.2.1, or a network such as 10.0.0.0/24; divide several with ;"
REFUSED: list[tuple[Callable[[str], Any], str, str]] = [
    (v.networks, "10.0.0.300", "“10.0.0.300” is no IP address" + ADDRESSES),
    (v.networks, "10.0.0.1-10.0.0.9", "“10.0.0.1-10.0.0.9” is no IP address" + ADDRESSES),
    (v.networks, "010.0.0.1", "“010.0.0.1” is no IP address" + ADDRESSES),
    (v.networks, "10.0.0.0/33", "“/33” is no length of a network: 0 to 32" + ADDRESSES),
    (v.networks, "2001:db8::/129", "“/129” is no length of a network: 0 to 128" + ADDRESSES),
    (v.networks, "10.0.0.0/255.255.255.0", "has its mask in the long form, which here is 10.0.0.0/24"),
    (v.networks, "10.0.0.0/255.0.255.0", "“/255.0.255.0” is no length of a network"),
    (v.networks, "a b c d e f g", "“e” is no IP address; and 2 more"),
    (v.networks, ";;", "at least one address"),
    (v.networks, " ".join(f"10.0.{n >> 8}.{n & 255}" for n in range(4097)), "at most 4,096 fit, these are 4,097"),
    (v.ani, "+", "a + alone is none"),
    (v.ani, "+44 20 7946", "Take the blanks out"),
    (v.tech_prefix, "12 34", "0-9 A-Z a-z # * +"),
    (v.tech_prefix, "é", "0-9 A-Z a-z # * +"),
    (v.tech_prefix, "1" * 256, "up to 255"),
    (v.rate(0), "-1", "a number from 0 to 1,000,000"),
    (v.rate(1), "0.5", "a number from 1 to 1,000,000"),
    (v.rate(0), "1000000.1", "a number from 0"),
    (v.rate(0), "inf", "a number from 0"),
    (v.rate(0), "nan", "a number from 0"),
    (v.rate(0), "1e999", "a number from 0"),
    (v.whole(1, 65_535, ", such as 5060"), "65536", "a whole number from 1 to 65,535, such as 5060"),
    (v.whole(1, 65_535, ""), "0", "a whole number"),
    (v.whole(0, v.INTEGER_MAX, ""), "2147483648", "a whole number"),
    (v.whole(0, v.INTEGER_MAX, ""), "1,000", "a whole number"),
    (v.whole(0, v.INTEGER_MAX, ""), "१", "a whole number"),
    (v.flag, "maybe", "write yes or no"),
    (v.choice(("ip", "name", "ani")), "address", "choose ip, name or ani"),
    (v.tags, ", ".join(map(str, range(65))), "Take 1 out: at most 64 tags fit, these are 65"),
    (v.tags, "x" * 256, "The tag “xxx"),
    (v.notes, "x" * 65_537, "Shorten it to 65,536 bytes: it has 65,537"),
    (v.moment, "tomorrow", "write 2026-01-31T18:00, in UTC"),
    (v.moment, "0001-01-01T00:00+05:00", "is no time"),
    (v.line, "é" * 128, "Shorten it to 255 bytes: it has 256"),
    (v.line, "a\nb", "on one line"),
    (v.line, "a\x00b", "Take out the character NUL"),
    (v.line, "a\ud800", "lone surrogates"),
]


@pytest.mark.parametrize(("read", "text", "sentence"), REFUSED)
def test_what_does_not_do_is_answered_with_what_to_write(
    read: Callable[[str], Any], text: str, sentence: str
) -> None:
    with pytest.raises(BadValueError) as caught:
        read(text)
    assert sentence in str(caught.value)
    assert len(str(caught.value)) < 700, "an error is a sentence, however long the text was"


JSON_REFUSED: list[tuple[Callable[[Json], Any], Json, str]] = [
    (v.json_text(v.line), 5, "Send a string: this is a number"),
    (v.json_text(v.line), "", "Send null"),
    (v.json_text(v.line), "\x00", "NUL"),
    (v.json_whole(1, 9), True, "Send a whole number: this is true or false"),
    (v.json_whole(1, 9), 1.0, "Send a whole number: this is a number"),
    (v.json_whole(1, 9), 10, "Send a whole number from 1 to 9"),
    (v.json_whole(1, 9), "1", "Send a whole number: this is a string"),
    (v.json_rate(0), float("nan"), "Send a number from 0"),
    (v.json_rate(0), float("inf"), "Send a number from 0"),
    (v.json_rate(0), 10**400, "Send a number from 0"),
    (v.json_rate(0), False, "Send a number: this is true or false"),
    (v.json_flag, 1, "Send true or false: this is a number"),
    (v.json_flag, None, "Send true or false: this is null"),
    (v.json_texts(v.tag_list), "gold", "Send an array of strings: this is a string"),
    (v.json_texts(v.tag_list), ["gold", 1], "one is a number"),
    (v.json_texts(v.tag_list), ["gold", ""], "Leave out the empty tag"),
    (v.json_texts(v.network_list), ["10.0.0.1; 10.0.0.2"], "is no IP address"),
    (v.json_ids, [1, 0], "Send a whole number from 1"),
    (v.json_ids, {"a": 1}, "Send an array of ids: this is an object"),
    (v.json_moment, 1_700_000_000, "Send a string such as 2026-01-31T18:00:00Z: this is a number"),
]


@pytest.mark.parametrize(("read", "value", "sentence"), JSON_REFUSED)
def test_json_of_another_type_is_answered_with_what_to_send(
    read: Callable[[Json], Any], value: Json, sentence: str
) -> None:
    with pytest.raises(BadValueError) as caught:
        read(value)
    assert sentence in str(caught.value)


def test_json_is_kept_exactly() -> None:
    assert v.json_text(v.line)(" rose ") == " rose "
    assert v.json_ids([3, 1, 3]) == (1, 3)
    assert str(v.json_rate(0)(-0.0)) == "0.0"


def test_bits_below_the_mask_are_told_apart_from_what_is_written_well() -> None:
    written = v.written_networks("10.0.0.5/24; 10.0.0.0/24 nonsense 2001:db8::1/64")
    assert v.masked_bits(written) == [("10.0.0.5/24", "10.0.0.0/24"), ("2001:db8::1/64", "2001:db8::/64")]


ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=ZONES))
def test_a_time_reads_back_as_the_same_moment(when: datetime) -> None:
    assert v.moment(v.moment_text(when)) == when
    assert v.moment(v.moment_text(when, zone=False)) == when


def test_the_ends_of_time_are_written_and_read_back() -> None:
    for end, text in ((datetime.min, "0001-01-01T00:00:00Z"), (datetime.max, "9999-12-31T23:59:59.999999Z")):
        assert v.moment_text(end) == v.moment_text(end.replace(tzinfo=UTC)) == text
        assert v.moment(text) == end.replace(tzinfo=UTC)


@given(st.floats(0, 1_000_000))
def test_a_rate_reads_back_as_the_same_number(value: float) -> None:
    assert v.rate(0)(v.rate_text(value)) == value


@given(st.text(max_size=40))
def test_what_a_sentence_quotes_is_short_and_prints(text: str) -> None:
    assert v.shown(text).isprintable()
