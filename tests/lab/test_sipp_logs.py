"""What SIPp writes, as it was written by SIPp 3.6.1."""

from lab.sipp_logs import Reached, again, ended, finals, reached, response_milliseconds

RTT = "Date_ms;response_time_ms;rtd_no\n112.001;8;final\n116.001;12;final\n"


def test_the_last_word_to_each_caller():
    assert finals("final|call3-1|200\nfinal|call3-2|503\n") == {"call3-1": "200", "call3-2": "503"}


def test_a_caller_that_was_answered_twice_has_the_later_word():
    assert finals("final|call3-1|407\nfinal|call3-1|200\n") == {"call3-1": "200"}


def test_a_line_that_is_still_being_written_is_not_read():
    assert finals("final|call3-1|200\nfinal|call3-2|50") == {"call3-1": "200"}


def test_what_the_switch_wrote_into_an_invite():
    assert reached("reached|call1-1|442071234567|alder_lines|5|3\n") == {
        "call1-1": Reached("call1-1", "442071234567", "alder_lines", "5", "3")
    }


def test_an_invite_without_headers_has_empty_ones():
    assert reached("reached|call1-1|99|||\n")["call1-1"].account == ""


def test_a_re_invite_names_an_account_or_nobody():
    assert again("again|call1-1|\nagain|call2-1|alder_one\n") == {"call1-1": "", "call2-1": "alder_one"}


def test_calls_of_which_the_far_side_has_a_bye():
    assert ended("reached|call1-1|99|||\nended|call1-1\nended|call2") == {"call1-1"}


def test_each_log_has_lines_of_its_own_only():
    assert finals("reached|call1-1|99|||\n") == {}
    assert reached("final|call1-1|200\n") == {}


def test_response_times_without_the_heading():
    assert response_milliseconds(RTT) == [8.0, 12.0]


def test_a_time_that_is_still_being_written_is_not_read():
    assert response_milliseconds(RTT + "120.001;1") == [8.0, 12.0]
