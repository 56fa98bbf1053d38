"""One reader at a time: a second one would take items from the first, and wait for those that the first one has."""

from __future__ import annotations

__all__ = ["OneReader"]


class OneReader:
    """Held while a task waits for the next item: `with reading: ...`. It is refused to a second one, at once."""

    __slots__ = ("_is_held",)

    def __init__(self) -> None:
        self._is_held = False

    def __enter__(self) -> None:
        if self._is_held:  # as an async generator that is running already
            raise RuntimeError("another task waits for the next item already: this is read by one at a time")
        self._is_held = True

    def __exit__(self, *_: object) -> None:
        self._is_held = False
