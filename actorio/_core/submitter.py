"""Whom streams and mappings hand their work to: a ref, as they see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from actorio._core.result import Result

__all__ = ["SizedSubmitter", "Submitter"]


class Submitter(Protocol):
    """Takes functions as messages."""

    _cell: Any

    def submit(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Result[Any]: ...
    def _check_thread(self) -> None: ...


class SizedSubmitter(Submitter, Protocol):
    """Several actors that share work: a pool."""

    @property
    def size(self) -> int: ...
