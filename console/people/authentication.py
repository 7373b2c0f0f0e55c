"""Being built."""

from starlette.requests import Request

from console.door import Actor


async def actor_of_session(request: Request) -> Actor | None:
    """The person whose session the request carries."""
    return None


async def actor_of_key(request: Request) -> Actor | None:
    """The key that the request carries."""
    return None
