"""The session's cookie, as a response sets and removes it.

`__Host-` binds it to this host and to /, and browsers take that only with Secure: on plain http they do so for
loopback alone, so behind anything else the console needs https.
"""

from starlette.responses import Response

from console.people.sessions import COOKIE, Session


def set_session(response: Response, session: Session) -> None:
    """From now on the browser is this session's, until it is closed or the session is over."""
    response.set_cookie(COOKIE, session.token, path="/", secure=True, httponly=True, samesite="strict")


def remove_session(response: Response) -> None:
    """The browser forgets it."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
