"""The page after a form, as a browser gets it: with the cookie that carries what the form has to say."""

import httpx


async def follow(browser: httpx.AsyncClient, answer: httpx.Response) -> str:
    """Where the answer redirects to. The fixture's session is a header of its own, which the jar does not add to."""
    assert answer.status_code == 303, answer.text
    cookies = [browser.headers["cookie"], *(f"{name}={value}" for name, value in answer.cookies.items())]
    page = await browser.get(answer.headers["location"], headers={"cookie": "; ".join(cookies)})
    assert page.status_code == 200, page.text
    return page.text
