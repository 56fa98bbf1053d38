"""Streams of server-sent events: the overview at each census and while the loop is blocked; the trace of an actor.

A reader gets the newest overview, however slowly it reads: nothing queues up for it.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from actorio.inspection.trace import Trace
from actorio.observability.answers import fields_in, fitting
from actorio.observability.bridge import Unavailable
from actorio.observability.listing import find_actor
from actorio.observability.queries import number_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

    from actorio.inspection import TraceEvent
    from actorio.observability.bridge import Bridge
    from actorio.observability.seen import Seen

__all__ = ["Streams"]

MOST_STREAMS = 20
_BETWEEN_TAKES = 0.1
_ALIVE = 15.0
"""Seconds after which a silent stream says that it is there."""


class Streams:
    """The open streams of all doors, 20 at most."""

    def __init__(self, observatory: Seen, bridge: Bridge) -> None:
        self._observatory = observatory
        self._bridge = bridge
        self._open = 0
        self._version = 0
        self._event = b""
        self._event_of = -1
        self._changed = asyncio.Event()
        self._is_over = False

    def change(self) -> None:
        """Wake all readers to look at the overview again; on the doors' loop."""
        self._version += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def close(self) -> None:
        """End all streams."""
        self._is_over = True
        self.change()

    async def live(self, request: Request) -> Response:
        """Give the overview at each census, and each second while the loop is blocked."""
        return self._stream(self._overviews(), lambda: None)

    async def trace(self, request: Request) -> Response:
        """Give the trace of an actor."""
        path = request.query_params.get("path", "")
        limit = number_in(request, "limit", 1000, most=100_000)
        seconds = number_in(request, "for", 60, most=3600)
        if not limit:
            raise HTTPException(400, "limit must be more than 0")
        trace = await self._bridge.run(lambda: self._begin(path, limit, float(seconds)))
        return self._stream(self._events(trace), lambda: self._bridge.tell(trace.close))

    def _begin(self, path: str, limit: int, seconds: float) -> Trace:
        observatory = self._observatory
        if self._open >= MOST_STREAMS:
            raise HTTPException(503, f"there are {MOST_STREAMS} streams already")
        cell = find_actor(observatory.runtime, path)
        trace = Trace(cell, limit, seconds, observatory.redact if observatory.values else None)
        trace.open()
        return trace

    async def _events(self, trace: Trace) -> AsyncIterator[bytes]:
        """Take what the trace holds, now and then, until nothing follows."""
        silent = time.monotonic()
        yield b": begun\n\n"
        while not self._is_over:
            events, is_over = await self._taken(trace)
            for event in events:
                yield b"event: trace\ndata: " + fitting(fields_in(event)) + b"\n\n"
            if is_over:
                break
            if events:
                silent = time.monotonic()
            elif time.monotonic() - silent > _ALIVE:
                silent = time.monotonic()
                yield b": alive\n\n"
            await asyncio.sleep(_BETWEEN_TAKES)
        yield b"event: end\ndata: " + fitting({"dropped": trace.dropped}) + b"\n\n"

    async def _taken(self, trace: Trace) -> tuple[list[TraceEvent], bool]:
        try:
            return await self._bridge.run(trace.take)  # type: ignore[no-any-return]
        except Unavailable:
            return [], self._observatory.runtime.has_ended

    def _stream(self, events: AsyncIterator[bytes], let_go: Callable[[], None]) -> Response:
        """Return a stream; what it holds is let go with it, though not one of its events was ever asked for."""
        if self._open >= MOST_STREAMS:
            let_go()
            raise HTTPException(503, f"there are {MOST_STREAMS} streams already")
        self._open += 1

        def closed() -> None:
            self._open -= 1
            let_go()

        return _Stream(events, closed)

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
            history = self._observatory.history
            more = {"history": history[-1] if history else None, "stale": overview.blocked is not None}
            content = fitting({**fields_in(overview), **self._observatory.abilities(), **more})
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
