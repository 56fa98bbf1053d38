"""One HTTP connection of the doors: uvicorn's, with limits on silence, on slow readers, and on their number."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

from actorio._core.deadlines import Deadline, Deadlines

if TYPE_CHECKING:
    import asyncio

    from uvicorn import Config
    from uvicorn.server import ServerState

__all__ = ["HEADERS", "IDLE", "MOST_CONNECTIONS", "STALLED", "Connection"]

IDLE: Final = 30.0
"""Seconds without a request, or for a request to arrive as a whole."""
STALLED: Final = 10.0
"""Seconds in which a reader has to read on."""
MOST_CONNECTIONS: Final = 100

HEADERS: Final = (
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
)
"""Stand on every answer."""
_RAW = [(name.encode(), value.encode()) for name, value in HEADERS]
_LINES = b"".join(name + b": " + value + b"\r\n" for name, value in _RAW)

_silent = logging.getLogger("actorio.observability.connection")
_silent.setLevel(logging.CRITICAL + 1)  # what is sent to the doors does not fill the program's log


class Connection(H11Protocol):
    """A connection that is cut when it is silent, or does not read what it has asked for.

    Args:
        config: of uvicorn.
        state: of all connections of a door.
        timers: of the doors' loop.
        stalled: seconds in which a reader has to read on.
        idle: seconds without a request.
    """

    def __init__(
        self,
        config: Config,
        state: ServerState,
        timers: Deadlines,
        loop: asyncio.AbstractEventLoop,
        *,
        stalled: float = STALLED,
        idle: float = IDLE,
    ) -> None:
        super().__init__(config, state, {}, loop)
        self.logger = self.access_logger = _silent
        self.access_log = False
        self._timers = timers
        self._stalled = stalled
        self._idle = idle
        self._alarm: Deadline | None = None
        self._stall: Deadline | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            self._refuse(503, b"Service Unavailable", b'{"error": "too many connections"}')
            return
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._disarm()
        self._read_on()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Go on with what has arrived; a request that is whole ends the silence."""
        super().handle_events()
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            self._disarm()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if not self.transport.is_closing() and self.cycle.response_complete:
            self._arm()

    def pause_writing(self) -> None:
        """The reader does not keep up: it is cut if it goes on like that."""
        super().pause_writing()
        if self._stall is None:
            self._stall = self._timers.after(self._stalled, self.transport.abort)

    def resume_writing(self) -> None:
        """The reader has read on."""
        self._read_on()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._refuse(400, b"Bad Request", b'{"error": "no valid HTTP request"}')

    def _refuse(self, status: int, reason: bytes, body: bytes) -> None:
        length = str(len(body)).encode()
        self.transport.write(
            b"HTTP/1.1 %d %b\r\n%bcontent-type: application/json\r\ncontent-length: %b\r\nconnection: close\r\n\r\n%b"
            % (status, reason, _LINES, length, body)
        )
        self.transport.close()

    def _arm(self) -> None:
        self._disarm()
        self._alarm = self._timers.after(self._idle, self.transport.abort)

    def _disarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _read_on(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None


def default_headers() -> list[tuple[bytes, bytes]]:
    """Return what uvicorn is to put on every answer."""
    return list(_RAW)
