"""The running systems of this user: found by their sockets, asked through them."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from actorio.observability.sockets import socket_folder

__all__ = ["Gone", "NoTarget", "Refused", "System", "client_of", "find", "running"]

_PATIENCE = 5.0
BASE = "http://actorio"


class NoTarget(Exception):
    """No system is meant, or more than one; `status` is that to leave with."""

    def __init__(self, why: str, status: int) -> None:
        super().__init__(why)
        self.status = status


class Gone(Exception):
    """The system is not there any more."""


class Refused(Exception):
    """The system says no, and why."""


@dataclass(frozen=True, slots=True)
class System:
    """A running system.

    Attributes:
        socket: by which it is asked.
        overview: what it says of itself.
    """

    socket: Path
    overview: dict[str, Any]

    @property
    def pid(self) -> int:
        """The number of its process."""
        return int(self.overview["pid"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.overview["name"])

    def get(self, what: str, /, **query: Any) -> Any:
        """Ask it for something.

        Raises:
            Gone, Refused: it is not there any more, or says no.
        """
        with client_of(self.socket) as client, _understood():
            return _content(client.get(what, params=query))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Ask it to do something; raises as `get`."""
        with client_of(self.socket) as client, _understood():
            return _content(client.post(path, json=body))

    def lines(self, what: str, /, **query: Any) -> Iterator[str]:
        """Yield the lines of a stream of events; raises as `get`."""
        timeout = httpx.Timeout(_PATIENCE, read=None)
        with (
            _understood(),
            client_of(self.socket) as client,
            client.stream("GET", what, params=query, timeout=timeout) as answer,
        ):
            if answer.is_error:
                answer.read()
                _content(answer)
            yield from answer.iter_lines()


def client_of(path: Path) -> httpx.Client:
    """Return a client that speaks through a socket."""
    return httpx.Client(base_url=BASE, transport=httpx.HTTPTransport(uds=str(path)), timeout=_PATIENCE)


@contextlib.contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except httpx.TimeoutException as error:
        raise Gone(
            "the system does not answer: its process is stopped, or code in it holds the interpreter"
        ) from error
    except httpx.TransportError as error:
        raise Gone("the system is gone") from error


def _content(answer: httpx.Response) -> Any:
    try:
        content = answer.json()
    except ValueError:
        raise Refused(f"it gave no answer that could be read ({answer.status_code})") from None
    if answer.is_error:
        raise Refused(str(content.get("error", answer.status_code)))
    return content


def running() -> tuple[list[System], list[str]]:
    """Return the running systems of this user, and a line for each that does not answer.

    The sockets of those that are dead are removed.
    """
    folder = socket_folder()
    found = sorted(path for path in folder.glob("*.sock") if path.is_socket()) if folder.is_dir() else []
    for path in [path for path in found if not _is_heard(path)]:
        found.remove(path)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()  # nobody listens: its process was killed
    asked = [(path, _asked(path)) for path in found]
    silent = [f"{path.name} does not answer" for path, system in asked if system is None]
    return [system for _, system in asked if system is not None], silent


def _asked(path: Path) -> System | None:
    try:
        with client_of(path) as client:
            return System(path, _content(client.get("/api/overview")))
    except (httpx.TransportError, Refused):
        return None


def _is_heard(path: Path) -> bool:
    """Tell whether somebody listens at a socket. Not by httpx, which leaves one open that it could not connect."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PATIENCE)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # too many wait to be heard, or it is not this user's
            return True
    return True


def find(target: str | None) -> System:
    """Return the system that is meant: by its number, its name or its socket, or the only one.

    Raises:
        NoTarget: there is none like that, or more than one.
    """
    if target is not None and "/" in target:
        path = Path(target)
        is_heard = path.is_socket() and _is_heard(path)
        found = _asked(path) if is_heard else None
        if found is None:
            raise NoTarget(f"{target} does not answer" if is_heard else f"no system listens at {target}", 1)
        return found
    systems, silent = running()
    meant = systems if target is None else [one for one in systems if target in (str(one.pid), one.name)]
    if len(meant) == 1:
        return meant[0]
    listed = "".join(f"\n  {line}" for line in (*(f"{one.pid}  {one.name}" for one in systems), *silent))
    if target is None:
        why = "which of these systems?" if systems else "no system of this user can be looked into"
        raise NoTarget(why + listed, 2)
    if meant:
        raise NoTarget(f"more than one system is called {target!r}: say its pid{listed}", 2)
    raise NoTarget(f"no system {target!r} can be looked into{listed}", 1)
