"""Tells the oracles of the simulation of a cluster. Off, each event costs one `is not None`."""

from __future__ import annotations

from typing import Any

__all__ = ["Tap"]


class Tap:
    """Told of every event at the boundary of a cluster. Subclass it; what is not overridden does nothing."""

    def joined(self, cluster: Any, incarnation: str) -> None:
        """A node is a member."""

    def parted(self, cluster: Any, incarnation: str, why: str) -> None:
        """A node is none any more: detached, left or killed."""

    def posted(self, cluster: Any, cell: Any, serial: int) -> None:
        """A message was given to a line, for the first time."""

    def taken(self, cluster: Any, sender: str, target: Any, serial: int) -> None:
        """A mailbox, or the line before it, has a message of another node."""

    def fated(self, cluster: Any, serial: int, fate: str) -> None:
        """Its sender knows what became of a message: `taken`, `not taken`, `withdrawn` or `unknown`."""

    def activated(self, cluster: Any, target: Any, cell: Any, token: int) -> None:
        """An activation of a key is about to take messages."""

    def claimed(self, cluster: Any, shard: str, token: int) -> None:
        """A shard was claimed."""

    def named(self, cluster: Any, name: str, incarnation: str) -> None:
        """A name was registered."""

    def unnamed(self, cluster: Any, name: str, incarnation: str) -> None:
        """A name is about to be freed."""
