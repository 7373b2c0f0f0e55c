"""A program of ours runs inside and is gone afterwards; its last words are kept."""

from demo.process import LAST_LINES, last_words, running


def test_it_is_ended_in_good_order_and_its_log_is_kept(tmp_path):
    log = tmp_path / "log"
    with running(["--help"], {}, log) as process:
        process.wait(30)
    assert process.returncode == 0
    assert "usage: identd" in log.read_text()


def test_the_last_words_are_the_end_of_the_log(tmp_path):
    log = tmp_path / "log"
    log.write_text("\n".join(map(str, range(100))))
    assert last_words(log).splitlines() == [str(number) for number in range(100 - LAST_LINES, 100)]
