"""The session's cookie, to the letter."""

from starlette.responses import Response

from console.people.cookies import remove_session, set_session
from console.people.sessions import Session


def test_it_is_bound_to_this_host_and_no_script_or_other_site_gets_it():
    response = Response()
    set_session(response, Session("TOKEN", "csrf"))
    assert response.headers["set-cookie"] == "__Host-identd=TOKEN; HttpOnly; Path=/; SameSite=strict; Secure"


def test_removing_it_says_the_same_of_it_or_browsers_would_keep_it():
    response = Response()
    remove_session(response)
    said = response.headers["set-cookie"]
    assert said.startswith('__Host-identd=""; ')
    for part in ("Max-Age=0", "HttpOnly", "Path=/", "SameSite=strict", "Secure"):
        assert part in said
