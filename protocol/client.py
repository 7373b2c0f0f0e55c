"""The clients of the socket protocol: `Client` for trio, `BlockingClient` for plain threads and scripts.

Both are thin shells over the same `ClientConnection`. They say `hello` when they connect (if a gateway is given),
find their way back after the daemon was away, pipeline, and raise the same exceptions: `IdentdUnavailable`,
`RequestRefused`, `ProtocolViolation`.

Every request may be asked twice: a repeated `authorize` gives the same grant and takes nothing, a repeated `release`
is `already_released`. So a connection that turns out to be closed (the daemon restarted, or closed it as idle) is
opened again and what was not answered is asked once more, within the time that the caller gave.
"""

from protocol.client_blocking import BlockingClient
from protocol.client_settings import Address
from protocol.client_trio import Client
from protocol.errors import IdentdUnavailable, ProtocolViolation, RequestRefused

__all__ = ["Address", "BlockingClient", "Client", "IdentdUnavailable", "ProtocolViolation", "RequestRefused"]
