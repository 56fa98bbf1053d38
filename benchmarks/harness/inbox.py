"""The mailbox of the `lean` baseline: a deque and one future, nothing that a program does not need.

Written for one reader. The reader empties the deque without a call or an await for each message, and
waits only when it is empty::

    while True:
        while inbox:
            handle(inbox.popleft())
        await inbox.arrival()

It closes nothing, reports nothing and loses a wake-up that is cancelled: the floor, not a design.
"""

import asyncio
from collections import deque
from typing import Generic, TypeVar

__all__ = ["BoundedInbox", "Inbox"]

M = TypeVar("M")


class Inbox(deque[M], Generic[M]):
    """A deque that can be awaited for its next message."""

    __slots__ = ("_reader",)

    def __init__(self) -> None:
        super().__init__()
        self._reader: asyncio.Future[None] | None = None

    def put(self, message: M) -> None:
        """Store a message and wake the reader if it sleeps."""
        self.append(message)
        reader = self._reader
        if reader is not None:
            self._reader = None
            reader.set_result(None)

    def arrival(self) -> asyncio.Future[None]:
        """Give what the reader awaits when the inbox is empty."""
        self._reader = reader = asyncio.get_running_loop().create_future()
        return reader


class BoundedInbox(Inbox[M]):
    """An inbox whose one sender waits while it is full, until the reader calls `made_room`."""

    __slots__ = ("_capacity", "_sender")

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self._capacity = capacity
        self._sender: asyncio.Future[None] | None = None

    def full(self) -> bool:
        """Tell whether the sender has to wait for `room` before its next `put`."""
        return len(self) >= self._capacity

    def room(self) -> asyncio.Future[None]:
        """Give what the sender awaits when the inbox is full."""
        self._sender = sender = asyncio.get_running_loop().create_future()
        return sender

    def made_room(self) -> None:
        """Wake the sender if it waits."""
        sender = self._sender
        if sender is not None:
            self._sender = None
            sender.set_result(None)
