"""Online facility location: customers go down a tree of quadrants; a dear quadrant splits in four.

Source: Savina, `facloc`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from benchmarks.harness.generator import Random16
from benchmarks.harness.roles import Address, Role, Runtime, programs
from benchmarks.harness.workload import Group, Workload, expect

__all__ = ["FACLOC"]

GRID = 500.0
THRESHOLD = 2.0 * math.sqrt(2) * GRID
"""The cost from which on a quadrant opens a facility of its own."""

NEXT, EXIT = "next", "exit"


class Point(NamedTuple):
    x: float
    y: float


class Box(NamedTuple):
    """A rectangle, its borders included."""

    x1: float
    y1: float
    x2: float
    y2: float

    def contains(self, point: Point) -> bool:
        """Tell whether a point is in it."""
        return self.x1 <= point.x <= self.x2 and self.y1 <= point.y <= self.y2

    def middle(self) -> Point:
        """Give the point in the middle."""
        return Point((self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2)

    def quarters(self) -> "list[Box]":
        """Give the quarters: top left, top right, bottom left, bottom right."""
        x, y = self.middle()
        return [
            Box(self.x1, y, x, self.y2),
            Box(x, y, self.x2, self.y2),
            Box(self.x1, self.y1, x, y),
            Box(x, self.y1, self.x2, y),
        ]


@dataclass(frozen=True, slots=True)
class Size:
    """How many customers."""

    points: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Customers in all quadrants at the end, facilities they count, facilities opened, messages handled."""

    customers: int
    facilities: int
    opened: int
    handled: int
    sent: int


@cache
def customers(count: int) -> Sequence[Point]:
    """Draw the customers."""
    random = Random16()
    return [Point(random.next_double() * GRID, random.next_double() * GRID) for _ in range(count)]


def check(size: Size, answer: Answer) -> None:
    """Nobody was lost, every facility that was opened is counted, and every message was handled."""
    expect("customers", answer.customers, size.points)
    expect("facilities", answer.facilities, answer.opened)
    expect("messages handled", answer.handled, answer.sent)


class Customer(NamedTuple):
    producer: Address
    point: Point


class Facility(NamedTuple):
    """A facility was opened: in a quarter, or, if `corner` is None, above or beside."""

    corner: int | None
    point: Point


class Confirm(NamedTuple):
    """A quadrant has ended with so many facilities and customers below it."""

    facilities: int
    customers: int


class Census:
    """Counts messages and facilities."""

    def __init__(self) -> None:
        self.sent = self.handled = self.opened = 0


class Quadrant(Role):
    def __init__(
        self,
        box: Box,
        corner: int | None,
        parent: Address | None,
        facilities: Sequence[Point],
        points: Sequence[Point],
        end: "End",
    ) -> None:
        self.box = box
        self.corner = corner
        self.parent = parent
        self.end = end
        self.facilities = [*facilities, box.middle()]
        self.points: list[Point] = []
        self.cost = 0.0
        self.children: Sequence[Address] = ()
        self.boxes: Sequence[Box] = ()
        self.leaving = False
        self.confirmed: list[Confirm] = []
        for point in points:
            if box.contains(point):
                self.add(point)

    async def receive(self, message: Any) -> None:
        self.end.census.handled += 1
        if isinstance(message, Customer):
            await self.take(message)
        elif isinstance(message, Facility):
            self.learn(message)
        elif message is EXIT:
            self.leaving = True
            self.tell(self.children, EXIT)
            if not self.children:
                self.leave(Confirm(0, len(self.points)))
        else:
            self.confirmed.append(message)
            if len(self.confirmed) == 4:
                below = self.confirmed
                self.leave(Confirm(1 + sum(c.facilities for c in below), sum(c.customers for c in below)))

    async def take(self, customer: Customer) -> None:
        point = customer.point
        if self.children:
            at = next(place for place, box in enumerate(self.boxes) if box.contains(point))
            self.tell([self.children[at]], customer)
        else:
            self.add(point)
            if self.cost > THRESHOLD:
                await self.split()
        if self.parent is None:
            self.tell([customer.producer], NEXT)

    def add(self, point: Point) -> None:
        self.points.append(point)
        self.cost += min(math.dist(facility, point) for facility in self.facilities)

    async def split(self) -> None:
        """Open a facility: tell the parent, and share the customers among four quarters."""
        self.end.census.opened += 1
        if self.parent is not None:
            self.tell([self.parent], Facility(self.corner, self.box.middle()))
        self.boxes = self.box.quarters()
        self.children = [
            await self.spawn(Quadrant, box, corner, self.me, self.facilities, self.points, self.end)
            for corner, box in enumerate(self.boxes)
        ]
        self.points = []

    def learn(self, facility: Facility) -> None:
        """Hear of a facility: hand it up and across when it is a child's, else down.

        Nothing goes down behind EXIT: a child has had its last customer by then, and may have ended.
        """
        self.facilities.append(facility.point)
        if facility.corner is None:
            below = self.children
        else:
            below = [self.children[3 - facility.corner]]
            if self.parent is not None:
                self.tell([self.parent], Facility(self.corner, facility.point))
        if not self.leaving:
            self.tell(below, Facility(None, facility.point))

    def leave(self, confirm: Confirm) -> None:
        if self.parent is not None:
            self.tell([self.parent], confirm)
        else:
            self.end.reach(confirm)
        self.stop()

    def tell(self, addresses: Sequence[Address], message: Any) -> None:
        self.end.census.sent += len(addresses)
        for address in addresses:
            address(message)


class End:
    """Where the root ends up."""

    def __init__(self, report: Address) -> None:
        self.census = Census()
        self.report = report

    def reach(self, confirm: Confirm) -> None:
        census = self.census
        self.report(Answer(confirm.customers, confirm.facilities, census.opened, census.handled, census.sent))


class Producer(Role):
    def __init__(self, size: Size, root: Address, census: Census) -> None:
        self.points = iter(customers(size.points))
        self.root = root
        self.census = census

    def receive(self, message: Any) -> None:
        self.census.handled += 1
        self.census.sent += 1
        point = next(self.points, None)
        if point is None:
            self.root(EXIT)
            self.stop()
        else:
            self.root(Customer(self.me, point))


async def play(size: Size, runtime: Runtime) -> None:
    end = End(runtime.report)
    box = Box(0.0, 0.0, GRID, GRID)
    root = await runtime.spawn(Quadrant, box, None, None, (), (), end)
    producer = await runtime.spawn(Producer, size, root, end.census)
    end.census.sent += 1
    producer(NEXT)


FACLOC = Workload(
    name="facloc",
    group=Group.B,
    about="customers go down a tree of quadrants",
    full=Size(20_000),
    quick=Size(300),
    messages=lambda size, answer: answer.handled,
    check=check,
    programs=programs(play),
)
