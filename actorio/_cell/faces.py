"""The faces of an actor: classes above the machinery, which makes and checks them by these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["Faces"]


class Faces(NamedTuple):
    """The class of all actors, and what makes the ref and the context of one."""

    actor: type[Any]
    ref: Callable[[Any], Any]
    context: Callable[[Any], Any]
