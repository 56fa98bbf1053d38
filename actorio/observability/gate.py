"""Who gets in: the rules of the doors, checked before anything is answered.

The socket needs no token: who can open its file is its owner. The page is for who has the token, from this machine,
by a page of its own: a foreign page in the same browser can neither read nor write.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Gate", "Pass", "refuse"]

_SAFE = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Pass:
    """The secret that opens a page, new with each start.

    Attributes:
        port: of the page.
        token: is in the link.
        session: is in the cookie.
        key: goes with each action of the page.
    """

    port: int
    token: str
    session: str
    key: str

    @property
    def cookie(self) -> str:
        """The name of the cookie."""
        return f"actorio-{self.port}"

    @property
    def hosts(self) -> tuple[str, ...]:
        """By which names the page may be asked for."""
        return f"127.0.0.1:{self.port}", f"localhost:{self.port}", f"[::1]:{self.port}"


class Gate:
    """Lets a request through to the app, or refuses it.

    Args:
        app: what is behind it.
        admission: what opens it; None for the socket.
        actions: whether anything may be changed.
    """

    def __init__(self, app: ASGIApp, admission: Pass | None, *, actions: bool) -> None:
        self._app = app
        self._pass = admission
        self._actions = actions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        request = Request(scope)
        answer = self._of_socket(request) if self._pass is None else self._of_page(request, self._pass)
        if answer is not None:
            await answer(scope, receive, send)
            return
        scope["state"]["is_socket"] = self._pass is None
        scope["state"]["key"] = None if self._pass is None else self._pass.key
        await self._app(scope, receive, send)

    def _of_socket(self, request: Request) -> Response | None:
        if request.method in _SAFE:
            return None
        if request.method != "POST":
            return refuse(405, "this method is not known here")
        if not self._actions and request.url.path != "/api/page":
            return refuse(403, "this system takes no actions")
        return None

    def _of_page(self, request: Request, admission: Pass) -> Response | None:
        if request.headers.get("host", "").lower() not in admission.hosts:
            return refuse(421, "this page is for 127.0.0.1 and localhost alone")
        if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return refuse(403, "this page is not for other pages")
        if request.method not in (*_SAFE, "POST"):
            return refuse(405, "this method is not known here")
        if request.url.path == "/healthz" and request.method in _SAFE:
            return None
        if request.url.path == "/" and "token" in request.query_params and request.method in _SAFE:
            return _enter(request, admission)
        if not _is_known(request, admission):
            return refuse(401, "open the link that has the token in it")
        return self._of_action(request, admission) if request.method == "POST" else None

    def _of_action(self, request: Request, admission: Pass) -> Response | None:
        if not self._actions:
            return refuse(403, "this system takes no actions")
        if request.url.path == "/api/page":
            return refuse(403, "a page is opened by the socket alone")
        if request.headers.get("origin") != f"http://{request.headers['host'].lower()}":
            return refuse(403, "actions are taken from the page itself alone")
        given = request.headers.get("x-actorio-token", "")
        if not (_same(given, admission.token) or _same(given, admission.key)):
            return refuse(403, "an action needs the key of the page")
        return None


def _enter(request: Request, admission: Pass) -> Response:
    """Take the token out of the link, and give a cookie for it."""
    if not _same(request.query_params["token"], admission.token):
        return refuse(401, "open the link that has the token in it")
    answer = RedirectResponse("/", status_code=303)
    answer.set_cookie(admission.cookie, admission.session, httponly=True, samesite="strict")
    return answer


def _is_known(request: Request, admission: Pass) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return _same(given.strip(), admission.token)
    cookies = ";".join(request.headers.getlist("cookie")).split(";")
    found = [
        value
        for name, _, value in (one.strip().partition("=") for one in cookies)
        if name == admission.cookie
    ]
    return any([_same(value, admission.session) for value in found])  # noqa: C419 - all, in the same time


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def refuse(status: int, why: str) -> Response:
    """Return an answer that says what is wrong."""
    return JSONResponse({"error": why}, status_code=status)
