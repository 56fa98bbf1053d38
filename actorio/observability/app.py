"""The answers of the doors: the page, JSON, streams of events, actions. Runs in the doors' thread."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from actorio.errors import ActorError, ActorStoppedError, NameNotFoundError
from actorio.inspection import Inspector
from actorio.observability import prometheus
from actorio.observability.answers import fields_in, fitting
from actorio.observability.bridge import Unavailable
from actorio.observability.capsule_writer import capsule_of
from actorio.observability.gate import refuse
from actorio.observability.listing import Listing, find_actor
from actorio.observability.queries import body_of, number_in
from actorio.observability.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from actorio.observability.bridge import Bridge
    from actorio.observability.observatory import Observatory
    from actorio.ref import ActorRef

__all__ = ["App"]

_PAGE = Path(__file__).parent / "page"
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_TURN = 0.8
"""Seconds in which a turn has to end for a suspension from outside."""


class App:
    """All that the doors of an observatory answer.

    Args:
        observatory: what is shown.
        bridge: to the system's loop.
        open_page: opens a page, and returns its link.
    """

    def __init__(
        self, observatory: Observatory, bridge: Bridge, open_page: Callable[[], Awaitable[str]]
    ) -> None:
        self._observatory = observatory
        self._bridge = bridge
        self._open_page = open_page
        self._files = _page_files()
        self._listing = Listing(observatory)
        self.streams = Streams(observatory, bridge)

    def asgi(self) -> Starlette:
        """Return the app."""
        get: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/": self.index,
            "/assets/{name:path}": self.asset,
            "/metrics": self.metrics,
            "/healthz": self.health,
            "/api/overview": self.overview,
            "/api/history": self.history,
            "/api/waits": self.waits,
            "/api/failures": self.failures,
            "/api/letters": self.letters,
            "/api/blocks": self.blocks,
            "/api/actors": self.actors,
            "/api/tree": self.tree,
            "/api/actor": self.actor,
            "/api/session": self.session,
            "/api/live": self.streams.live,
            "/api/trace": self.streams.trace,
        }
        post = {
            "/api/suspend": self.suspend,
            "/api/resume": self.resume,
            "/api/stop": self.stop,
            "/api/kill": self.kill,
            "/api/page": self.page,
        }
        return Starlette(
            routes=[
                *(Route(path, answer, methods=["GET"]) for path, answer in get.items()),
                *(Route(path, answer, methods=["POST"]) for path, answer in post.items()),
            ],
            exception_handlers=_HANDLERS,
        )

    # -- the page ----------------------------------------------------------------------------------

    async def index(self, request: Request) -> Response:
        """Give the page."""
        return self._file("index.html")

    async def asset(self, request: Request) -> Response:
        """Give a file of the page: one of those that there are, whatever is asked for."""
        return self._file(request.path_params["name"])

    def _file(self, name: str) -> Response:
        found = self._files.get(name)
        if found is None:
            raise HTTPException(404, "there is no such file")
        content, kind = found
        return Response(content, media_type=kind)

    async def health(self, request: Request) -> Response:
        """Say whether the loop runs, and nothing else."""
        if self._observatory.watchdog.blocked is None:
            return PlainTextResponse("ok")
        return PlainTextResponse("blocked", status_code=503)

    async def metrics(self, request: Request) -> Response:
        """Give all figures to Prometheus."""
        await self._look()
        return Response(prometheus.exposition(self._observatory), media_type=prometheus.CONTENT_TYPE)

    # -- what is seen ------------------------------------------------------------------------------

    async def overview(self, request: Request) -> Response:
        """Give the whole at a glance."""
        stale = await self._look()
        survey = self._survey()
        return _answer({**fields_in(survey.overview_now()), **self._observatory.abilities(), "stale": stale})

    async def history(self, request: Request) -> Response:
        """Give the figures of the last quarter of an hour."""
        self._observatory.looked()
        rows = [[round(figure, 3) for figure in row] for row in tuple(self._observatory.history)]
        return _answer({"rows": rows, "stale": self._is_blocked()})

    async def waits(self, request: Request) -> Response:
        """Give those who are waited for, each with who waits for it."""
        stale = await self._look()
        limit = number_in(request, "limit", 50, most=200)
        rows = await self._on_loop(lambda: self._listing.culprits(limit), stale)
        return _answer({"rows": rows, "stale": stale})

    async def failures(self, request: Request) -> Response:
        """Give the last failures, each with the name of its capsule where a recorder has written one."""
        self._observatory.looked()
        path = request.query_params.get("path")
        runtime = self._observatory.runtime
        rows = [
            {**fields_in(row), "capsule": capsule_of(runtime, row.path, row.incarnation)}
            for row in self._observatory.failures()
            if path is None or row.path == path
        ]
        return _answer({"rows": rows, "stale": self._is_blocked()})

    async def letters(self, request: Request) -> Response:
        """Give the last dead letters."""
        self._observatory.looked()
        return _answer({"rows": self._observatory.letters(), "stale": self._is_blocked()})

    async def blocks(self, request: Request) -> Response:
        """Give the last blocks of the loop."""
        self._observatory.looked()
        return _answer({"rows": self._observatory.blocks(), "stale": self._is_blocked()})

    async def actors(self, request: Request) -> Response:
        """Give a list of actors, searched and sorted."""
        offset, limit = number_in(request, "offset", 0), number_in(request, "limit", 50, most=200)
        sort = self._sort(request.query_params.get("sort", "depth"))
        stale = await self._look()
        total, rows = self._listing.actors(self._survey(), request.query_params, sort, offset, limit)
        return _answer({"total": total, "rows": rows, "stale": stale})

    def _sort(self, sort: str) -> str:
        try:
            self._observatory.check_sort(sort)
        except ValueError as error:
            raise HTTPException(400, str(error).replace("by must", "sort must")) from None
        return sort

    async def tree(self, request: Request) -> Response:
        """Give the children of an actor, or of the system."""
        offset, limit = number_in(request, "offset", 0), number_in(request, "limit", 50, most=200)
        stale = await self._look()
        found = self._listing.children(self._survey(), request.query_params.get("path", ""), offset, limit)
        if found is None:
            raise HTTPException(404, "there is no such actor")
        total, rows = found
        return _answer({"total": total, "rows": rows, "stale": stale})

    async def actor(self, request: Request) -> Response:
        """Give all that is known of one actor."""
        path = request.query_params.get("path", "")
        self._observatory.looked()
        stale = self._is_blocked()
        found = await self._on_loop(lambda: self._listing.actor(path, values=not stale), stale)
        return _answer({**found, "stale": stale})

    async def session(self, request: Request) -> Response:
        """Give the page the key that goes with its actions."""
        if not self._observatory.actions:
            raise HTTPException(403, "this system takes no actions")
        return _answer({"key": request.scope["state"]["key"]})

    # -- actions -----------------------------------------------------------------------------------

    async def suspend(self, request: Request) -> Response:
        """Suspend an actor."""
        body = await body_of(request)
        lease = body.get("lease", 60.0)

        def suspend(inspector: Inspector) -> Any:
            return inspector.suspend(lease=lease, timeout=_TURN)

        return await self._act(body, suspend)

    async def resume(self, request: Request) -> Response:
        """Resume an actor."""
        return await self._act(await body_of(request), lambda inspector: inspector.resume())

    async def stop(self, request: Request) -> Response:
        """Stop an actor."""
        return await self._act(await body_of(request), lambda inspector: _ref(inspector).stop())

    async def kill(self, request: Request) -> Response:
        """Kill an actor."""
        return await self._act(await body_of(request), lambda inspector: _ref(inspector).kill())

    async def page(self, request: Request) -> Response:
        """Open a page, and tell its link."""
        return _answer({"url": await self._open_page()})

    async def _act(self, body: dict[str, Any], action: Callable[[Inspector], Any]) -> Response:
        path = body.get("path")
        if not isinstance(path, str):
            raise HTTPException(400, "path must be the path of an actor")
        runtime = self._observatory.runtime
        try:
            await self._bridge.run(lambda: action(Inspector(find_actor(runtime, path))))
        except (ValueError, TypeError) as error:
            raise HTTPException(400, str(error)) from None
        except TimeoutError:
            raise HTTPException(503, "its turn has not ended; nothing was done") from None
        return _answer({"done": True})

    # -- looking -----------------------------------------------------------------------------------

    def _is_blocked(self) -> bool:
        return self._observatory.watchdog.blocked is not None

    async def _look(self) -> bool:
        """Take a census that is not old; True when it is the last one all the same, since the loop is blocked."""
        observatory = self._observatory
        if not self._is_blocked() and not observatory.is_fresh():
            try:
                await self._bridge.run(observatory.look_again)
            except (Unavailable, TimeoutError):
                return True
        observatory.looked()
        return self._is_blocked()

    def _survey(self) -> Any:
        survey = self._observatory.survey
        if survey is None:
            raise HTTPException(503, "there was no census yet")
        return survey

    async def _on_loop(self, work: Callable[[], Any], stale: bool) -> Any:  # noqa: FBT001
        """Do it on the system's loop; where that is blocked, here: it only reads."""
        if not stale:
            try:
                return await self._bridge.run(work)
            except Unavailable:
                pass
        for _ in range(3):
            try:
                return work()
            except RuntimeError:  # the loop goes on, and has changed what was read
                continue
        raise Unavailable


def _ref(inspector: Inspector) -> ActorRef[Any]:
    return cast("ActorRef[Any]", inspector.ref)


def _page_files() -> dict[str, tuple[bytes, str]]:
    """Read all files of the page: what is not among them is not given out."""
    files = (file for file in sorted(_PAGE.rglob("*")) if file.is_file())
    return {
        file.relative_to(_PAGE).as_posix(): (file.read_bytes(), _TYPES.get(file.suffix, "text/plain"))
        for file in files
    }


def _answer(value: dict[str, Any]) -> Response:
    return Response(fitting(value), media_type="application/json")


async def _http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return refuse(500, "an internal error")
    words = {404: "there is nothing here", 405: "this method is not known here"}
    is_plain = error.detail in ("Not Found", "Method Not Allowed")
    return refuse(error.status_code, words.get(error.status_code, error.detail) if is_plain else error.detail)


async def _no_such_actor(_: Request, __: Exception) -> Response:
    return refuse(404, "there is no such actor")


async def _has_ended(_: Request, __: Exception) -> Response:
    return refuse(409, "it has ended")


async def _unavailable(_: Request, __: Exception) -> Response:
    return refuse(503, "the loop of the system is blocked")


async def _not_now(_: Request, error: Exception) -> Response:
    return refuse(409, str(error))


_HANDLERS = {
    HTTPException: _http_error,
    NameNotFoundError: _no_such_actor,
    ActorStoppedError: _has_ended,
    ActorError: _not_now,
    Unavailable: _unavailable,
    Exception: _http_error,
}
