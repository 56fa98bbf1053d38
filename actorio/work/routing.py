"""Who of a pool gets a job: an open protocol, and the usual ways.

A routing is asked once for each job, when the pool takes it in, and again only when the routee it was meant
for has ended first. It must not wait.

Source: the routers of Akka and Pekko, `factory` of ractor.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

from actorio._core.checks import check_count, check_instance, check_plain_function

if TYPE_CHECKING:
    from actorio.address import Address

__all__ = [
    "Broadcast",
    "ConsistentHash",
    "LeastBusy",
    "RandomRoutee",
    "RoundRobin",
    "Routee",
    "Routing",
    "SharedQueue",
    "Work",
]


class Routee(Protocol):
    """One actor of a pool, as a routing sees it."""

    @property
    def number(self) -> int:
        """Its place in the pool, from 0; one that takes the place of another has the same."""
        raise NotImplementedError

    @property
    def ref(self) -> Address:
        """The actor."""
        raise NotImplementedError

    @property
    def load(self) -> int:
        """How many jobs it has, those that wait for it alone and the one it is at."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Work:
    """A job that is no message, as a routing sees it: a call, a cast, or submitted work."""

    func: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Routing(Protocol):
    """Says for whom of a pool a job is. Write your own: any object with this method will do."""

    def select(self, job: Any, routees: Sequence[Routee]) -> Sequence[Routee]:
        """Choose among `routees`, which is not empty and in order of number.

        Args:
            job: the message, or a `Work`.
            routees: those that take jobs now. The same object as long as they are the same.

        Returns:
            Nobody: the job waits in the pool's queue for whoever is idle first. One: it waits for that one.
            Several: each of them gets it, once; only for what expects no answer.
        """
        raise NotImplementedError


class SharedQueue:
    """The default: an idle routee takes the next job, and none of them has a queue of its own."""

    def select(self, job: Any, routees: Sequence[Routee]) -> Sequence[Routee]:
        """Choose nobody."""
        return ()


class RoundRobin:
    """One after the other."""

    def __init__(self) -> None:
        self._next = 0

    def select(self, job: Any, routees: Sequence[Routee]) -> Sequence[Routee]:
        """Choose the next one."""
        chosen = routees[self._next % len(routees)]
        self._next += 1
        return (chosen,)


class RandomRoutee:
    """Anyone, by chance.

    Args:
        source: of the chance; None is `system.random`, of the system of its pool.
    """

    def __init__(self, source: random.Random | None = None) -> None:
        self._source = None if source is None else check_instance("source", source, random.Random)

    def draw_from(self, source: random.Random) -> None:
        """Choose by this source, unless it was made with one."""
        self._source = self._source or source

    def select(self, job: Any, routees: Sequence[Routee]) -> Sequence[Routee]:
        """Choose by chance."""
        if self._source is None:  # used without a pool
            self._source = random.Random()
        return (self._source.choice(routees),)


class LeastBusy:
    """The one with the fewest jobs, the first of several such."""

    def select(self, job: Any, routees: Sequence[Routee]) -> Sequence[Routee]:
        """Choose the one with the smallest load."""
        return (min(routees, key=lambda routee: routee.load),)


class ConsistentHash:
    """Jobs of one key always go to the same routee; a pool resized from n to n + 1 moves 1 key in n + 1.

    Args:
        key: gives the key of a job, a message or a `Work`; its `repr` is hashed, so it must tell keys apart.
        points: places of each routee on the ring; more spread the keys more evenly.
    """

    def __init__(self, key: Callable[[Any], object], *, points: int = 64) -> None:
        check_plain_function("key", key)
        self._key = key
        self._points = check_count("points", points, least=1)
        self._routees: Sequence[Routee] = ()
        self._ring: list[tuple[int, int]] = []

    def select(self, job: Any, routees: Sequence[Routee]) -> Sequence[Routee]:
        """Choose the next one on the ring, from the place of the key on."""
        if routees is not self._routees:
            self._routees, self._ring = routees, self._ring_of(routees)
        place = bisect.bisect(self._ring, (_hash(repr(self._key(job))), -1)) % len(self._ring)
        return (routees[self._ring[place][1]],)

    def _ring_of(self, routees: Sequence[Routee]) -> list[tuple[int, int]]:
        return sorted(
            (_hash(f"{routee.number} {point}"), index)
            for index, routee in enumerate(routees)
            for point in range(self._points)
        )


class Broadcast:
    """Everyone. Only for what expects no answer: an ask, a call or submitted work fails."""

    def select(self, job: Any, routees: Sequence[Routee]) -> Sequence[Routee]:
        """Choose them all."""
        return routees


def _hash(text: str) -> int:
    """Hash the same way in every process, which `hash` does not."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
