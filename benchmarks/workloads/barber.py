"""Sleeping barber: a room with chairs, customers who come again when it is full, an actor for each.

The factory gives way now and then: without it all customers would come before the first is served, and
millions of messages would say that the room is full.

Source: Savina 12, `barber`, without its busy waits.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.roles import Address, Role, Runtime, programs
from benchmarks.harness.workload import Group, Workload, expect

__all__ = ["BARBER"]

ARRIVE, FULL, WAIT, START, DONE, NEXT, EXIT = "arrive", "full", "wait", "start", "done", "next", "exit"


@dataclass(frozen=True, slots=True)
class Size:
    """How many customers, how many chairs in the waiting room, and arrivals before the factory gives way."""

    customers: int
    chairs: int
    burst: int


class Shop:
    """Counts what happened, as seen from outside."""

    def __init__(self) -> None:
        self.haircuts = 0
        self.attempts = 0
        self.turned_away = 0
        self.overfull = 0
        self.served_at_once = 0
        self.in_chair = 0
        self.customers_gone = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """The counts; `overfull` is how often more waited than there are chairs."""

    haircuts: int
    attempts: int
    turned_away: int
    overfull: int
    most_served_at_once: int
    gone: int


def check(size: Size, answer: Answer) -> None:
    """Each had one haircut and went home, the room never held too many, the barber served one at a time."""
    expect("haircuts", answer.haircuts, size.customers)
    expect("attempts", answer.attempts, size.customers + answer.turned_away)
    expect("customers gone home", answer.gone, size.customers)
    expect("served at once", answer.most_served_at_once, 1)
    expect("times that the room was overfull", answer.overfull, 0)


def messages(size: Size, answer: Answer) -> int:
    return 7 * size.customers + 3 * answer.turned_away


class Room(Role):
    def __init__(self, size: Size, barber: Address, shop: Shop) -> None:
        self.chairs = size.chairs
        self.barber = barber
        self.shop = shop
        self.waiting: deque[Address] = deque()
        self.barber_sleeps = True

    def receive(self, message: Any) -> None:
        if message is NEXT:
            self.next_customer()
        elif message is EXIT:
            self.barber(EXIT)
            self.stop()
        else:
            self.enter(message)

    def enter(self, customer: Address) -> None:
        self.shop.attempts += 1
        if len(self.waiting) == self.chairs:
            customer(FULL)
            return
        self.waiting.append(customer)
        self.shop.overfull += len(self.waiting) > self.chairs
        if self.barber_sleeps:
            self.barber_sleeps = False
            self.me(NEXT)
        else:
            customer(WAIT)

    def next_customer(self) -> None:
        if self.waiting:
            self.barber((self.waiting.popleft(), self.me))
        else:
            self.barber(WAIT)
            self.barber_sleeps = True


class Barber(Role):
    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def receive(self, message: Any) -> None:
        if message is WAIT:
            return  # and sleep
        if message is EXIT:
            self.stop()
        else:
            customer, room = message
            self.shop.in_chair += 1
            self.shop.served_at_once = max(self.shop.served_at_once, self.shop.in_chair)
            customer(START)
            customer(DONE)
            self.shop.in_chair -= 1
            room(NEXT)


class Customer(Role):
    def __init__(self, factory: Address, shop: Shop) -> None:
        self.factory = factory
        self.shop = shop
        self.in_service = False

    def receive(self, message: Any) -> None:
        if message is FULL:
            self.factory((self.me,))
        elif message is START:
            self.in_service = True
        elif message is DONE:
            self.shop.haircuts += self.in_service
            self.shop.customers_gone += 1
            self.factory(DONE)
            self.stop()


class Factory(Role):
    def __init__(self, size: Size, room: Address, shop: Shop, report: Address) -> None:
        self.customers = self.unserved = size.customers
        self.burst = size.burst
        self.arrivals = 0
        self.room = room
        self.shop = shop
        self.report = report

    async def receive(self, message: Any) -> None:
        if message is ARRIVE:
            for _ in range(self.customers):
                await self.send_in(await self.spawn(Customer, self.me, self.shop))
        elif message is DONE:
            self.unserved -= 1
            if self.unserved == 0:
                self.finish()
        else:
            self.shop.turned_away += 1
            await self.send_in(message[0])

    async def send_in(self, customer: Address) -> None:
        self.room(customer)
        self.arrivals += 1
        if self.arrivals % self.burst == 0:
            await asyncio.sleep(0)

    def finish(self) -> None:
        shop = self.shop
        self.room(EXIT)
        self.report(
            Answer(
                shop.haircuts,
                shop.attempts,
                shop.turned_away,
                shop.overfull,
                shop.served_at_once,
                shop.customers_gone,
            )
        )
        self.stop()


async def play(size: Size, runtime: Runtime) -> None:
    shop = Shop()
    barber = await runtime.spawn(Barber, shop)
    room = await runtime.spawn(Room, size, barber, shop)
    factory = await runtime.spawn(Factory, size, room, shop, runtime.report)
    factory(ARRIVE)


BARBER = Workload(
    name="barber",
    group=Group.B,
    about="an actor for each customer, a room for 1,000",
    full=Size(5_000, 1_000, 2),
    quick=Size(50, 5, 10),
    messages=messages,
    check=check,
    programs=programs(play),
)
