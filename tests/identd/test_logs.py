"""Log lines: nobody writes lines into our log, numbers are masked, and a reader who does not read stops nothing."""

import io
import json
import os
import time

import pytest

from identd.logs import QUEUE_LINES_MAX, Log, masked

WALL = 1_767_225_600.25


def lines(**settings) -> tuple[Log, io.StringIO]:
    stream = io.StringIO()
    return Log(stream=stream, wall=lambda: WALL, **settings), stream


def test_a_line_has_moment_level_event_and_fields() -> None:
    log, stream = lines()
    log.info("loader_connected", pid=12, database="two words", error=None, ready=True)
    log.close()
    assert stream.getvalue() == (
        '2026-01-01T00:00:00.250Z info    loader_connected pid=12 database="two words" ready=true\n'
    )


@pytest.mark.parametrize("format", ["text", "json"])
@pytest.mark.parametrize(
    "hostile", ["a\nb", "a\n", "a\r\nb", "\x1b[31mred", "a\x00b", "\x7f", "\x9b31m", "a\u2028b", '"\\']
)
def test_what_a_peer_sent_stays_on_its_line_and_controls_no_terminal(format, hostile: str) -> None:
    log, stream = lines(format=format)
    log.warning("gateway_refused", name=hostile, pid=1)
    log.close()
    [line] = stream.getvalue().split("\n")[:-1]
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char == "\u2028" for char in line)
    if format == "json":
        assert json.loads(line)["name"] == hostile


def test_a_field_cannot_take_the_place_of_the_lines_own_keys() -> None:
    log, stream = lines(format="json")
    log.log("info", "started", {"event": "forged", "level": "forged", "at": "forged"})
    log.close()
    assert json.loads(stream.getvalue()) == {"at": "2026-01-01T00:00:00.250Z", "level": "info", "event": "started"}


def test_numbers_are_masked_unless_the_settings_say_otherwise() -> None:
    log, stream = lines()
    log.info("seen", ani="4420712345", dnis="112")
    log.configure("info", "text", "clear")
    log.info("seen", ani="4420712345")
    log.close()
    first, second = stream.getvalue().splitlines()
    assert "4420712345" not in first
    assert "112" not in first
    assert "ani=4420712345" in second
    assert masked("") == ""


def test_lines_below_the_level_are_not_written() -> None:
    log, stream = lines(level="warning")
    log.debug("one")
    log.info("two")
    log.error("three", exception=ValueError("why"))
    log.close()
    assert "three" in stream.getvalue()
    assert "ValueError: why" in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 1


def test_a_reader_that_does_not_read_stops_nothing_and_what_is_lost_is_counted() -> None:
    reads, writes = os.pipe()
    with os.fdopen(reads, "rb"), os.fdopen(writes, "w") as stream:
        log = Log(stream=stream)
        began = time.monotonic()
        for _ in range(3 * QUEUE_LINES_MAX):
            log.info("edge", text="x" * 200)  # 600 KB: more than a pipe (64 KB) and the queue hold
        assert time.monotonic() - began < 2
        assert log.dropped > 0
        os.set_blocking(reads, False)
        drained = 0
        while drained < 100 and log._queue.qsize():  # let the writer's thread end before the pipe closes
            try:
                os.read(reads, 1_000_000)
            except BlockingIOError:
                time.sleep(0.01)
            drained += 1
        os.read(reads, 1_000_000)
        log.close()


def test_a_reader_that_is_gone_stops_nothing() -> None:
    stream = io.StringIO()
    stream.close()
    log = Log(stream=stream)
    log.info("edge")
    log.close()
    assert log.dropped == 1
