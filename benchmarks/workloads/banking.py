"""Bank transactions: a teller orders transfers; the source waits for the target's reply before its next.

Transfers only go to a higher account number, so accounts that wait for each other never close a circle.
Amounts are the raw draws: with Savina's balances of 3.6e300 no debit would change anything.

Source: Savina 15, `banking`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from actorio import Actor, ActorRef, ActorSystem, Ask, Mailbox
from benchmarks.harness.generator import Random16
from benchmarks.harness.workload import Group, Outcome, Workload, expect

__all__ = ["BANKING"]

SEED = 123456

Transfer = tuple[int, int, int]  # from, to, amount


@dataclass(frozen=True, slots=True)
class Size:
    """How many accounts, and how many transfers."""

    accounts: int
    transfers: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Replies that the teller got, and how much each account has changed."""

    replies: int
    changes: Sequence[int]


@cache
def transfers(size: Size) -> Sequence[Transfer]:
    """Draw the transfers."""
    random = Random16(SEED)
    drawn = []
    for _ in range(size.transfers):
        source = random.next_below(size.accounts // 10 * 8)
        target = source + (random.next_below(size.accounts - source) or 1)
        drawn.append((source, target, random.next_int()))
    return drawn


def check(size: Size, answer: Answer) -> None:
    """Each transfer was confirmed, and each account has changed by what went out and came in."""
    expect("replies", answer.replies, size.transfers)
    changes = [0] * size.accounts
    for source, target, amount in transfers(size):
        changes[source] -= amount
        changes[target] += amount
    expect("changes", list(answer.changes), changes)


# --- asyncio.Queue ---------------------------------------------------------------------------------

Debit = tuple[int, asyncio.Future[None]]
Credit = tuple[int, "Box", asyncio.Queue[None]]
Box = asyncio.Queue[Debit | Credit | None]


async def queue_account(mailbox: Box) -> int:
    loop = asyncio.get_running_loop()
    change = 0
    while (message := await mailbox.get()) is not None:
        if len(message) == 2:
            change += message[0]
            message[1].set_result(None)
            continue
        amount, target, teller = message
        change -= amount
        reply = loop.create_future()
        target.put_nowait((amount, reply))
        await reply
        teller.put_nowait(None)
    return change


async def queue(size: Size) -> Outcome[Answer]:
    mailboxes: list[Box] = [asyncio.Queue() for _ in range(size.accounts)]
    accounts = [asyncio.create_task(queue_account(mailbox)) for mailbox in mailboxes]
    teller: asyncio.Queue[None] = asyncio.Queue()
    for source, target, amount in transfers(size):
        mailboxes[source].put_nowait((amount, mailboxes[target], teller))
    replies = 0
    while replies < size.transfers:
        await teller.get()
        replies += 1
    for mailbox in mailboxes:
        mailbox.put_nowait(None)
    return Outcome(Answer(replies, await asyncio.gather(*accounts)), actors=size.accounts + 1)


# --- actorio ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Deposit(Ask[None]):
    """Put an amount into an account; answered when it is there."""

    amount: int


@dataclass(frozen=True, slots=True)
class Send:
    """Move an amount to another account, then tell the teller."""

    amount: int
    target: "ActorRef[Account]"
    teller: "ActorRef[Teller]"


class Account(Actor[Deposit | Send]):
    def __init__(self, number: int, changes: list[int]) -> None:
        self.number = number
        self.changes = changes

    async def receive(self, message: Deposit | Send) -> None:
        if isinstance(message, Deposit):
            self.changes[self.number] += message.amount
            return
        self.changes[self.number] -= message.amount
        await message.target.ask(Deposit(message.amount))
        await message.teller.send(None)


class Run(Ask[int]):
    """Order all transfers; answered with the number of replies when they are all there."""


class Teller(Actor[Run | None]):
    def __init__(self, size: Size, accounts: Sequence[ActorRef[Account]]) -> None:
        self.size = size
        self.accounts = accounts
        self.replies = 0

    async def receive(self, message: Run | None) -> None:
        if isinstance(message, Run):
            self.answer = self.context.defer()
            for source, target, amount in transfers(self.size):
                await self.accounts[source].send(Send(amount, self.accounts[target], self.context.ref))
            return
        self.replies += 1
        if self.replies == self.size.transfers:
            self.answer.set_result(self.replies)


async def actorio(size: Size) -> Outcome[Answer]:
    changes = [0] * size.accounts
    async with ActorSystem() as system:
        accounts = [
            await system.spawn(Account, number, changes, mailbox=Mailbox(None))
            for number in range(size.accounts)
        ]
        teller = await system.spawn(Teller, size, accounts, mailbox=Mailbox(None))
        replies = await teller.ask(Run())
    return Outcome(Answer(replies, changes), actors=size.accounts + 1)


BANKING = Workload(
    name="banking",
    group=Group.B,
    about="1,000 accounts, an ask inside each transfer",
    full=Size(1_000, 25_000),
    quick=Size(20, 100),
    messages=lambda size, answer: 4 * size.transfers,
    check=check,
    programs={"queue": queue, "actorio": actorio},
)
