"""The operator's browser of the benches: what it sends of a form; a refusal is not taken for a fast answer."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from bench.running_console import Browser, Pass, account_form, console_dsn, pairs_of

FORM = b"""<form class="search"><input name="q" value="not this"></form>
<form class="account"><input type="hidden" name="csrf" value="t"><input name="etag" value="e1">
<input type="radio" name="ident_by" value="ip" checked><input type="radio" name="ident_by" value="ani">
<input type="checkbox" name="gateways" value="#1" checked><input type="checkbox" name="gateways" value="#2" checked>
<input type="checkbox" name="orig_enabled" value="on"><input name="off" value="x" disabled>
<select name="orig_rate_table"><option value="">none</option><option value="7" selected>RT</option></select>
<select name="routing_plan"><option value="">none</option><option value="3">RP</option></select>
<textarea name="notes">a &lt;b&gt;</textarea><button name="do" value="ok">OK</button></form>"""


def test_a_form_is_sent_as_a_browser_would() -> None:
    assert account_form(FORM) == {
        "etag": ["e1"],
        "ident_by": ["ip"],
        "gateways": ["#1", "#2"],
        "orig_rate_table": ["7"],
        "routing_plan": [""],
        "notes": ["a <b>"],
    }
    assert pairs_of({"a": ["1", "2"], "b": []}) == [("a", "1"), ("a", "2")]


def test_the_console_comes_as_its_own_role_to_a_server_of_ours_only() -> None:
    ours = "postgresql://postgres@/bench?host=%2Frun%2Fpg"
    assert console_dsn(ours, {}) == "postgresql://identd_console@/bench?host=%2Frun%2Fpg"
    assert console_dsn(ours, {"IDENTD_DATABASE_DSN": ours}) == ours


@pytest.fixture
def origin() -> Iterator[str]:
    class Refusing(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = f"{self.headers.get('Cookie')} {self.headers.get('Authorization')}".encode()
            self.send_response(200 if self.path.endswith("good") else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_refusal_ends_the_bench_in_words(origin: str) -> None:
    with Browser(Pass(origin, "c=1", "t", "idk_x")) as browser:
        assert browser.get("/good").body == b"c=1 None"
        assert browser.get("/api/good").body == b"None Bearer idk_x"
        assert browser.get("/bad", 503).milliseconds > 0
        with pytest.raises(SystemExit, match="the console answered 503"):
            browser.get("/bad")
