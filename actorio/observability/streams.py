"""Streams of server-sent events: the overview at each census and while the loop is blocked; the trace of an actor.

A reader gets the newest overview, however slowly it reads: nothing queues up for it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from actorio.observability.answers import fitting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from actorio.observability.bridge import Bridge
    from actorio.observability.observatory import Observatory

__all__ = ["Streams"]

MOST_STREAMS = 20
_ALIVE = 15.0
"""Seconds after which a silent stream says that it is there."""


class Streams:
    """The open streams of all doors, 20 at most."""

    def __init__(self, observatory: Observatory, bridge: Bridge) -> None:
        self._observatory = observatory
        self._bridge = bridge
        self._open = 0
        self._version = 0
        self._event = b""
        self._event_of = -1
        self._changed = asyncio.Event()
        self._is_over = False

    def change(self) -> None:
        """Have all readers look at the overview again; on the doors' loop."""
        self._version += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def close(self) -> None:
        """End all streams."""
        self._is_over = True
        self.change()

    async def live(self, request: Request) -> Response:
        """Give the overview at each census, and each second while the loop is blocked."""
        return self._stream(self._overviews())

    async def trace(self, request: Request) -> Response:
        """Give the trace of an actor."""
        raise HTTPException(503, "there is no trace yet")

    def _stream(self, events: AsyncIterator[bytes]) -> Response:
        if self._open >= MOST_STREAMS:
            raise HTTPException(503, f"there are {MOST_STREAMS} streams already")
        self._open += 1
        return _Stream(events, self._closed)

    def _closed(self) -> None:
        self._open -= 1

    async def _overviews(self) -> AsyncIterator[bytes]:
        seen = -1
        while not self._is_over:
            self._observatory.looked()
            if seen != self._version or seen < 0:
                seen = self._version
                yield self._overview()
                continue
            try:
                async with asyncio.timeout(_ALIVE):
                    await self._changed.wait()
            except TimeoutError:
                yield b": alive\n\n"

    def _overview(self) -> bytes:
        """Return the event of now: made once for all readers."""
        survey = self._observatory.survey
        if survey is None:
            return b": nothing yet\n\n"
        if self._event_of != self._version or not self._event:
            overview: Any = survey.overview_now()
            fields = {name: getattr(overview, name) for name in overview.__dataclass_fields__}
            history = self._observatory.history
            more = {"history": history[-1] if history else None, "stale": overview.blocked is not None}
            content = fitting({**fields, **self._observatory.abilities(), **more})
            self._event, self._event_of = b"event: overview\ndata: " + content + b"\n\n", self._version
        return self._event


class _Stream(StreamingResponse):
    """A stream that tells of its end, whatever ends it."""

    def __init__(self, content: AsyncIterator[bytes], closed: Any) -> None:
        super().__init__(content, media_type="text/event-stream")
        self._closed = closed

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._closed()
