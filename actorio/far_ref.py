"""The ref of an actor that lives elsewhere: an `ActorRef` without what needs the actor to be here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, NoReturn

from actorio._core.typevar import TypeVar
from actorio.actor import Actor
from actorio.errors import NotLocalError
from actorio.ref import ActorRef

__all__ = ["FarRef"]

A_co = TypeVar("A_co", bound=Actor[Any], covariant=True, default=Actor[Any])


class FarRef(ActorRef[A_co], Generic[A_co]):
    """A ref of another node, of an entity or of a singleton.

    `submit`, `submit_threadsafe`, `stream` and `statistics` raise `NotLocalError`: functions and iterators do not
    cross, and counters are where the actor is.
    """

    __slots__ = ()

    def submit(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `NotLocalError`."""
        raise self._not_local("submit")

    def submit_threadsafe(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `NotLocalError`."""
        raise self._not_local("submit_threadsafe")

    def stream(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `NotLocalError`."""
        raise self._not_local("stream")

    def statistics(self) -> NoReturn:
        """Raise `NotLocalError`."""
        raise self._not_local("statistics")

    def _not_local(self, what: str) -> NotLocalError:
        return NotLocalError(
            f"{what} needs an actor of this node, and {self.path} is not one; ask or call it"
        )
