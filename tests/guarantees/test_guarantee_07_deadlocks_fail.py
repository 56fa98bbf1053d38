"""Guarantee 7: a wait that would close a cycle of waiting actors raises at once; another one never does."""

import asyncio
import functools
from collections.abc import Callable
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorRef,
    ActorStoppedError,
    ActorSystem,
    DeadlockError,
    ExitReason,
    Mailbox,
    Result,
    Supervisor,
    all_results,
    as_completed,
    child,
    first_result,
    interleave,
)
from actorio.testing import until
from tests.guarantees.actors import SOON, outcome, soon, started
from tests.stage import Gate, Puppet, in_virtual_time, now, ticks


class Link(Actor[Any]):
    """Passes each message on to the next one in the way it is told, and replies with what came back."""

    def __init__(self, way: str = "ask") -> None:
        self.way = way
        self.next: ActorRef[Any] | None = None
        self.meeting: asyncio.Barrier | None = None

    def join_to(self, following: ActorRef[Any] | None, meeting: asyncio.Barrier | None = None) -> None:
        self.next = following
        self.meeting = meeting

    async def receive(self, message: Any) -> Any:
        if self.next is None:
            return message
        if self.meeting is not None:
            await self.meeting.wait()
        if self.way == "ask":
            return await self.next.ask(message)
        if self.way == "call":
            return await self.next.call(Link.receive, message)
        if self.way == "submit":
            return await self.next.submit(int)
        return await self.next.join()


async def ring(
    system: ActorSystem, length: int, way: str = "ask", meeting: asyncio.Barrier | None = None
) -> list[ActorRef[Link]]:
    links = [await system.spawn(Link, way, name=f"link-{index}") for index in range(length)]
    for index, link in enumerate(links):
        await link.call(Link.join_to, links[(index + 1) % length], meeting)
    return links


@pytest.mark.parametrize("length", range(1, 11))
async def test_guarantee_07_a_cycle_of_asks_fails_with_its_path(length: int) -> None:
    async with soon(), ActorSystem() as system:
        links = await ring(system, length)
        with pytest.raises(DeadlockError) as caught:
            await links[0].ask("round")
        names = [f"/link-{index}" for index in range(length)]
        last = length - 1
        assert caught.value.path == (names[last], *names)
        assert " -> ".join(caught.value.path) in str(caught.value)
        assert all(link.statistics().restarts == 0 for link in links)


@pytest.mark.parametrize("way", ["call", "submit", "join"])
@pytest.mark.parametrize("length", [1, 3])
async def test_guarantee_07_a_cycle_of_other_waits_fails_as_well(way: str, length: int) -> None:
    async with soon(), ActorSystem() as system:
        meeting = None if way == "call" else asyncio.Barrier(length)  # all are in a turn as the first waits
        links = await ring(system, length, way, meeting)
        waits = [started(outcome(link.ask("round"))) for link in links]
        answers = [await wait for wait in (waits if way == "call" or length == 1 else [])]
        if way != "call" and length > 1:
            while not any(wait.done() for wait in waits):
                await ticks(1)
            answers = [wait.result() for wait in waits if wait.done()]
            for link in links:
                link.kill()
            await asyncio.wait(waits)
        assert any(isinstance(answer, DeadlockError) for answer in answers)


async def test_guarantee_07_two_asks_that_cross_fail_one_of_them() -> None:
    async with soon(), ActorSystem() as system:
        links = await ring(system, 2)
        answers = [await wait for wait in [started(outcome(link.ask("cross"))) for link in links]]
        assert all(isinstance(answer, DeadlockError) for answer in answers)
        await links[0].call(Link.join_to, None)
        assert await links[1].ask("open") == "open"


class Pusher(Actor[int]):
    """Sends two messages for each one to the next actor, and puts down what becomes of them."""

    def __init__(self, errors: list[Any]) -> None:
        self.errors = errors
        self.next: ActorRef[Any] | None = None

    def join_to(self, following: ActorRef[Any]) -> None:
        self.next = following

    async def receive(self, message: int) -> None:
        assert self.next is not None
        for _ in range(2 if message else 0):
            self.errors.append(await outcome(self.next.send(message - 1)))


@pytest.mark.parametrize("length", [2, 3, 5])
async def test_guarantee_07_a_cycle_of_full_mailboxes_fails(length: int) -> None:
    errors: list[Any] = []
    async with soon(), ActorSystem() as system:
        links = [await system.spawn(Pusher, errors, mailbox=Mailbox(1)) for _ in range(length)]
        for index, link in enumerate(links):
            await link.call(Pusher.join_to, links[(index + 1) % length])
        await asyncio.wait([started(outcome(link.send(6))) for link in links])
        await until(lambda: any(isinstance(error, DeadlockError) for error in errors))
        for link in links:
            link.stop()
        for link in links:
            assert (await link.join()).error is None
    stuck = [error for error in errors if isinstance(error, DeadlockError)]
    assert len(set(stuck[0].path)) == length
    assert stuck[0].path[0] == stuck[0].path[-1]


async def test_guarantee_07_a_send_that_waits_for_room_closes_a_cycle_with_an_ask() -> None:
    class Asker(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            if message == "go":
                entered.set()
                await go.wait()
                return await outcome(other[0].ask("answer"))
            return None

    class Sender(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            if message == "go":
                return await outcome(asker.send("no room"))
            return "answer"

    entered, go = asyncio.Event(), asyncio.Event()
    other: list[ActorRef[Any]] = []
    async with soon(), ActorSystem() as system:
        asker = await system.spawn(Asker, mailbox=Mailbox(1), name="asker")
        other.append(await system.spawn(Sender, name="sender"))
        asking = started(asker.ask("go"))
        await entered.wait()
        await asker.send("fills it")
        sending = started(other[0].ask("go"))
        await ticks(5)
        go.set()
        error = await asking
        assert isinstance(error, DeadlockError)
        assert error.path == ("/asker", "/sender", "/asker")
        assert await sending is None  # the cycle is broken: there is room now


async def test_guarantee_07_an_actor_never_waits_for_room_in_its_own_mailbox() -> None:
    class Own(Actor[int]):
        async def receive(self, message: int) -> None:
            seen.append(message)
            if message < 3:
                for _ in range(4):
                    await self.context.ref.send(message + 1)

    seen: list[int] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Own, mailbox=Mailbox(1))
        await ref.send(0)
        while len(seen) < 85:
            await ticks(1)
    assert len(seen) == 1 + 4 + 16 + 64


async def test_guarantee_07_a_child_that_asks_its_parent_while_the_parent_waits_for_its_start_fails() -> None:
    class Child(Actor[Any]):
        async def on_start(self) -> None:
            parent = self.context.parent
            assert parent is not None
            await parent.ask("hello")

    class Parent(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            return await outcome(self.context.spawn(Child, name="child"))

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Parent, name="parent")
        error = await ref.ask("spawn")
        assert isinstance(error, DeadlockError)
        assert error.path == ("/parent/child", "/parent", "/parent/child")


async def test_guarantee_07_a_start_that_waits_for_itself_fails() -> None:
    class Impatient(Actor[Any]):
        async def on_start(self) -> None:
            await self.context.system.get_or_spawn("impatient", Impatient)

    async with soon(), ActorSystem() as system:
        for start in (system.get_or_spawn("impatient", Impatient), system.spawn(Impatient, name="impatient")):
            error = await outcome(start)
            assert isinstance(error, DeadlockError)
            assert error.path == ("/impatient", "/impatient")


async def test_guarantee_07_an_actor_that_runs_may_get_itself() -> None:
    class Finding(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            return await self.context.system.get_or_spawn("it", Finding)

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Finding, name="it")
        assert await ref.ask(1) == ref


async def test_guarantee_07_an_ask_with_a_timeout_fails_at_once_all_the_same() -> None:
    class Timed(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            return await outcome(self.context.ref.ask("itself", timeout=3_600))

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Timed)
        assert isinstance(await ref.ask(1), DeadlockError)
        assert len(system._runtime.timers) == 0


async def test_guarantee_07_a_chain_without_a_cycle_never_fails() -> None:
    async with soon(), ActorSystem() as system:
        links = await ring(system, 50)
        await links[-1].call(Link.join_to, None)
        asks = [started(links[0].ask(number)) for number in range(100)]
        asks += [started(links[25].ask(number)) for number in range(100, 200)]
        assert [await ask for ask in asks] == list(range(200))


async def test_guarantee_07_a_storm_of_asks_down_a_tree_has_no_false_alarm() -> None:
    """Each of twenty actors asks only actors after it, many at a time: no cycle, whatever the order."""

    class Node(Actor[Any]):
        def __init__(self, index: int) -> None:
            self.index = index

        async def receive(self, message: int) -> int:
            asked = 0
            for step in (1, 2, 5):
                if message and self.index + step < len(nodes):
                    asked += await nodes[self.index + step].ask(message - 1)
            return asked + 1

    nodes: list[ActorRef[Node]] = []
    async with soon(), ActorSystem() as system:
        for index in range(20):
            nodes.append(await system.spawn(Node, index, mailbox=Mailbox(1)))
        asks = [started(nodes[number % 5].ask(2)) for number in range(200)]
        assert {await ask for ask in asks} == {13}


async def test_guarantee_07_a_wait_that_is_over_leaves_no_edge() -> None:
    class Peer(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            if message == "start":
                first = await outcome(peers[1].ask("slow", timeout=0.01))
                slow.set()
                return type(first).__name__, await peers[1].ask("back")
            if message == "slow":
                await slow.wait()
            return "answer"

        async def back(self) -> Any:
            return await peers[0].ask("hello")

    slow = asyncio.Event()
    peers: list[ActorRef[Peer]] = []
    async with soon(), ActorSystem() as system:
        peers += [await system.spawn(Peer, name=name) for name in ("a", "b")]
        assert await peers[0].ask("start") == ("AskTimeoutError", "answer")
        assert await peers[1].call(Peer.back) == "answer"


async def test_guarantee_07_a_deferred_ask_is_no_edge_of_the_cycle() -> None:
    class Broker(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            if message == "wait":
                self.context.start_soon(self.later, self.context.defer())
                return None
            return "free"

        async def later(self, handle: Any) -> None:
            handle.set_result(await client.ask("still there?"))

    class Client(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            if message == "go":
                broker_answers.append(await broker.ask("free?"))
                return await outcome(broker.ask("wait", timeout=0.05))
            return "yes"

    broker_answers: list[str] = []
    async with soon(), ActorSystem() as system:
        broker = await system.spawn(Broker)
        client = await system.spawn(Client)
        await client.ask("go")
        assert broker_answers == ["free"]


async def test_guarantee_07_asks_of_background_tasks_and_of_the_outside_are_no_edges() -> None:
    class One(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            if message == "go":
                task = self.context.start_soon(self.ask_other)
                return await other.ask("answer"), await task
            return "one"

        async def ask_other(self) -> Any:
            return await other.ask("answer")

    class Other(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            return "other"

    async with soon(), ActorSystem() as system:
        other = await system.spawn(Other)
        one = await system.spawn(One)
        assert await one.ask("go") == ("other", "other")


class Worker(Actor[Any]):
    """Does what its message says: a coroutine function, called with itself."""

    async def receive(self, message: Any) -> Any:
        return await message(self)


async def some(system: ActorSystem, *names: str, **options: Any) -> list[ActorRef[Worker]]:
    return [await system.spawn(Worker, name=name, **options) for name in names]


# -- several results at once -----------------------------------------------------------------------

GATHERERS: dict[str, Any] = {
    "await": lambda results: results[0],
    "all_results": all_results,
    "first_result": first_result,
    "as_completed": lambda results: anext(aiter(as_completed(results))),
}


@pytest.mark.parametrize("how", GATHERERS)
@pytest.mark.parametrize("submitted", [1, 3])
async def test_guarantee_07_results_that_all_wait_for_their_waiter_are_a_deadlock(
    how: str, submitted: int
) -> None:
    async def gather(me: Worker) -> Any:
        results = [me.context.ref.submit(int) for _ in range(submitted)]
        return await outcome(GATHERERS[how](results))

    async with soon(), ActorSystem() as system:
        (ref,) = await some(system, "it")
        error = await ref.ask(gather)
        assert isinstance(error, DeadlockError)
        assert error.path == ("/it", "/it")


@pytest.mark.parametrize("how", ["all_results", "first_result", "as_completed"])
@pytest.mark.parametrize("first", ["waits", "is waited for"])
async def test_guarantee_07_one_result_of_two_that_closes_a_cycle(how: str, first: str) -> None:
    """All of them can never be there; of any of them one still can."""

    async def gather(me: Worker) -> Any:
        results = [back.submit(ask_back), other.submit(held)]
        if first == "is waited for":
            await begun.wait()
        return await outcome(GATHERERS[how](results))

    async def ask_back() -> Any:
        begun.set()
        answers.append(await outcome(it.ask(reply)))
        return "back"

    async def held() -> str:
        await free.wait()
        return "other"

    async def reply(me: Worker) -> str:
        return "reply"

    begun, free, answers = asyncio.Event(), asyncio.Event(), []
    async with soon(), ActorSystem() as system:
        it, back, other = await some(system, "it", "back", "other")
        asking = started(it.ask(gather))
        await begun.wait()
        await ticks(5)
        stuck = [*answers, *([asking.result()] if asking.done() else [])]
        assert any(isinstance(error, DeadlockError) for error in stuck) == (how == "all_results")
        free.set()
        await asking
        if how == "as_completed":  # which leaves the other work alone
            await until(lambda: answers == ["reply"])
    if how == "all_results":
        assert isinstance(stuck[0], DeadlockError)
        assert set(stuck[0].path) == {"/it", "/back"}


@pytest.mark.parametrize("how", ["first_result", "as_completed"])
async def test_guarantee_07_the_last_way_out_that_closes_makes_a_deadlock(how: str) -> None:
    async def gather(me: Worker) -> Any:
        return await outcome(
            GATHERERS[how]([ref.submit(ask_back, number) for number, ref in enumerate(backs)])
        )

    async def ask_back(number: int) -> Any:
        for _ in range(number):
            await steps.get()
        return await outcome(it.ask(reply))

    async def reply(me: Worker) -> str:
        return "reply"

    steps: asyncio.Queue[None] = asyncio.Queue()
    async with soon(), ActorSystem() as system:
        it, *backs = await some(system, "it", "back-0", "back-1", "back-2")
        asking = started(it.ask(gather))
        await ticks(10)
        assert not asking.done()
        for _ in range(3):
            steps.put_nowait(None)
        answer = await asking
        last = await answer if isinstance(answer, Result) else answer
        assert isinstance(last, DeadlockError)
        assert last.path[0] == last.path[-1]
        assert "/it" in last.path


async def test_guarantee_07_a_failed_way_out_leaves_the_others_a_deadlock() -> None:
    """Nobody asks anything at the moment of the deadlock: it is the end of the last other work that makes it."""

    async def gather(me: Worker) -> Any:
        return await outcome(first_result([back.submit(ask_back), other.submit(fail)]))

    async def ask_back() -> Any:
        return await it.ask(gather)

    async def fail() -> None:
        await free.wait()
        raise LookupError

    free = asyncio.Event()
    async with soon(), ActorSystem() as system:
        it, back, other = await some(system, "it", "back", "other")
        asking = started(it.ask(gather))
        await ticks(10)
        assert not asking.done()
        free.set()
        error = await asking
        assert isinstance(error, DeadlockError)
        assert error.path == ("/it", "/back", "/it")


async def test_guarantee_07_a_way_out_may_itself_wait_for_others() -> None:
    async def gather(me: Worker) -> Any:
        results = [back.submit(ask_back), other.submit(ask_third)]
        await begun.wait()
        await ticks(5)
        asyncio.get_running_loop().call_soon(free.set)
        return await first_result(results)

    async def ask_back() -> Any:
        return await it.ask(gather)

    async def ask_third() -> Any:
        return await third.ask(held)

    async def held(me: Worker) -> str:
        begun.set()
        await free.wait()
        return "third"

    begun, free = asyncio.Event(), asyncio.Event()
    async with soon(), ActorSystem() as system:
        it, back, other, third = await some(system, "it", "back", "other", "third")
        assert await it.ask(gather) == "third"


async def test_guarantee_07_a_result_that_is_there_is_a_way_out_whatever_its_actor_does_now() -> None:
    async def gather(me: Worker) -> Any:
        results = [back.submit(str), back.submit(ask_back)]
        await begun.wait()
        await ticks(5)
        return await first_result(results)

    async def ask_back() -> Any:
        begun.set()
        return await it.ask(gather)

    begun = asyncio.Event()
    async with soon(), ActorSystem() as system:
        it, back = await some(system, "it", "back")
        assert await it.ask(gather) == ""


@pytest.mark.parametrize("kind", ["actor", "pool"])
async def test_guarantee_07_one_that_takes_no_more_refuses_whoever_asks(kind: str) -> None:
    async def close_and_ask(me: Worker) -> Any:
        ref.close()
        return await outcome(ref.ask(hold))

    async with soon(), ActorSystem() as system:
        ref: ActorRef[Worker] = (
            await system.spawn(Worker) if kind == "actor" else await system.spawn_pool(Worker, size=1)
        )
        assert isinstance(await ref.ask(close_and_ask), ActorStoppedError)


async def test_guarantee_07_a_result_that_somebody_sets_is_a_way_out() -> None:
    async def gather(me: Worker) -> Any:
        mine: Result[str] = Result()
        asyncio.get_running_loop().call_soon(mine.set_result, "set")
        return await first_result([me.context.ref.submit(str), mine])

    async with soon(), ActorSystem() as system:
        (ref,) = await some(system, "it")
        assert await ref.ask(gather) == "set"


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("size", [1, 2])
async def test_guarantee_07_a_map_over_a_pool_whose_routees_all_ask_the_mapper_is_a_deadlock(
    ordered: bool, size: int
) -> None:
    async def collect(me: Worker) -> Any:
        return [value async for value in pool.map(ask_back, range(4), ordered=ordered)]

    async def ask_back(number: int) -> Any:
        return await it.ask(reply)

    async def reply(me: Worker) -> str:
        return "reply"

    async with soon(), ActorSystem() as system:
        (it,) = await some(system, "it")
        pool = await system.spawn_pool(Worker, size=size, name="pool")
        error = await outcome(it.ask(collect))
        assert isinstance(error, DeadlockError)
        assert "/it" in error.path


@pytest.mark.parametrize("ordered", [True, False])
async def test_guarantee_07_a_map_in_a_turn_is_no_deadlock_otherwise(ordered: bool) -> None:
    async def collect(me: Worker) -> Any:
        return [value async for value in pool.map(work, source(), ordered=ordered)]

    async def source() -> Any:
        for number in range(20):
            await asyncio.sleep(0)
            yield number

    async def work(number: int) -> int:
        await ticks(3)
        return await other.ask(double(number))

    def double(number: int) -> Any:
        async def receive(me: Worker) -> int:
            return 2 * number

        return receive

    async with soon(), ActorSystem() as system:
        it, other = await some(system, "it", "other")
        pool = await system.spawn_pool(Worker, size=3)
        assert sorted(await it.ask(collect)) == [2 * number for number in range(20)]


async def test_guarantee_07_a_source_that_may_bring_more_is_a_way_out_of_a_map() -> None:
    async def first(me: Worker) -> Any:
        async with pool.map(work, source(), ordered=False) as values:
            return await anext(values)

    async def source() -> Any:
        yield 0
        await begun.wait()
        await ticks(10)
        yield 1

    async def work(number: int) -> int:
        if number == 0:
            begun.set()
            await it.ask(first)
        return number

    begun = asyncio.Event()
    async with soon(), ActorSystem() as system:
        (it,) = await some(system, "it")
        pool = await system.spawn_pool(Worker, size=2)
        assert await it.ask(first) == 1


async def test_guarantee_07_a_job_of_a_pool_that_asks_its_submitter_is_a_deadlock_whoever_takes_it() -> None:
    async def submit(me: Worker) -> Any:
        return await outcome(pool.submit(ask_back))

    async def ask_back() -> Any:
        return await it.ask(reply)

    async def reply(me: Worker) -> str:
        return "reply"

    async with soon(), ActorSystem() as system:
        (it,) = await some(system, "it")
        pool = await system.spawn_pool(Worker, size=3, name="pool")
        error = await it.ask(submit)
        assert isinstance(error, DeadlockError)


# -- two systems -----------------------------------------------------------------------------------


async def test_guarantee_07_a_cycle_across_two_systems_fails() -> None:
    async with soon(), ActorSystem("one") as one, ActorSystem("two") as two:
        links = [await system.spawn(Link, name="link") for system in (one, two)]
        for link, following in (links, links[::-1]):
            await link.call(Link.join_to, following)
        error = await outcome(links[0].ask("round"))
        assert isinstance(error, DeadlockError)
        assert error.path == ("two:/link", "one:/link", "two:/link")
        assert " -> ".join(error.path) in str(error)


async def test_guarantee_07_a_cycle_through_a_pool_of_another_system_names_its_system() -> None:
    async with soon(), ActorSystem("one") as one, ActorSystem("two") as two:
        link = await one.spawn(Link, name="link")
        pool = await two.spawn_pool(Link, size=1, name="pool")
        await link.call(Link.join_to, pool)
        await pool.routees[0].call(Link.join_to, link)
        error = await outcome(pool.ask("round"))
        assert isinstance(error, DeadlockError)
        assert error.path[0] == error.path[-1] == "one:/link"
        assert all(path.startswith("two:/pool") for path in error.path[1:-1])


async def test_guarantee_07_a_system_inside_an_actor_is_shut_down_like_any_other() -> None:
    async def inner(me: Worker) -> Any:
        async with ActorSystem("inner") as system:
            (ref,) = await some(system, "it")
            await ref.send(slow)
            report = await system.shutdown()
            return report.abandoned, ref.is_alive

    async def slow(me: Worker) -> None:
        await ticks(5)

    async with soon(), ActorSystem() as system:
        (ref,) = await some(system, "it")
        assert await ref.ask(inner) == ((), False)


# -- the last hooks --------------------------------------------------------------------------------


class Farewell(Worker):
    """Does what it was told in its last hook, and puts down what came of it."""

    def __init__(self, hook: str, work: Any, log: list[Any]) -> None:
        self.hook = hook
        self.work = work
        self.log = log

    async def on_undelivered(self, messages: Any, reason: Any) -> None:
        await self.last("on_undelivered")

    async def on_stop(self, reason: Any) -> None:
        await self.last("on_stop")

    async def last(self, hook: str) -> None:
        if hook == self.hook:
            self.log.append(await outcome(self.work(self)))


async def hold(me: Worker) -> None:
    await asyncio.sleep(0)


@pytest.mark.parametrize("hook", ["on_stop", "on_undelivered"])
async def test_guarantee_07_a_last_hook_that_joins_its_own_actor_fails(hook: str) -> None:
    async def farewell(me: Worker) -> Any:
        await other.ask(hold)  # others have their turns meanwhile
        return await me.context.ref.join()

    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        (other,) = await some(system, "other")
        ref = await system.spawn(Farewell, hook, farewell, log, name="it", shutdown=None)
        await ref.send(hold)
        ref.stop()
        await ref.join()
    assert [type(error) for error in log] == [DeadlockError]
    assert log[0].path == ("/it", "/it")


@pytest.mark.parametrize("wait", ["join", "ask"])
async def test_guarantee_07_a_last_hook_that_waits_for_who_joins_it_fails(wait: str) -> None:
    async def end_child(me: Worker) -> Any:
        child = await me.context.spawn(Farewell, "on_stop", farewell, log, name="child", shutdown=None)
        child.stop()
        return (await child.join()).error

    def farewell(me: Worker) -> Any:
        parent = me.context.parent
        assert parent is not None
        return parent.join() if wait == "join" else parent.ask(hold)

    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        (ref,) = await some(system, "it")
        assert await ref.ask(end_child) is None
    assert [type(error) for error in log] == [DeadlockError]
    assert log[0].path == ("/it/child", "/it", "/it/child")


@pytest.mark.parametrize("operation", ["terminate", "start"])
async def test_guarantee_07_a_last_hook_that_calls_the_supervisor_that_ends_it_fails(operation: str) -> None:
    def farewell(me: Worker) -> Any:
        return supervisor.call(Supervisor.which_children)

    class FailsToStart(Farewell):
        async def on_start(self) -> None:
            raise LookupError

    log: list[Any] = []
    factory = Farewell if operation == "terminate" else FailsToStart
    spec = child(factory, "on_stop", farewell, log, name="it", shutdown=None)
    async with soon(), ActorSystem() as system:
        supervisor = await system.spawn(Supervisor, name="top")
        await outcome(supervisor.call(Supervisor.start_child, spec))
        if operation == "terminate":
            await supervisor.call(Supervisor.terminate_child, "it")
    assert [type(error) for error in log] == [DeadlockError]
    assert log[0].path == ("/top/it", "/top", "/top/it")


async def _call_supervisor(supervisor: ActorRef[Supervisor], _: Puppet) -> Any:
    return await supervisor.call(Supervisor.count_children)


async def _terminate_one_that_waits(
    shutdown: float | None, waits: str
) -> tuple[Any, ExitReason | None, float]:
    """Terminate a child whose message waits for its supervisor: what came of that, how it has ended, in what time."""
    gate = Gate()
    specs = [child(Puppet, name=name, shutdown=shutdown) for name in ("it", "other")]
    async with ActorSystem() as system:
        supervisor = await system.spawn(Supervisor, specs, name="top")
        it, other = system.lookup("/top/it"), system.lookup("/top/other")
        terminate = functools.partial(supervisor.call, Supervisor.terminate_child, "it")
        asks: Any = functools.partial(_call_supervisor, supervisor)
        held = started(outcome(supervisor.submit(gate.hold)))
        await gate.reached()
        if waits == "for that":
            answer = started(outcome(it.ask(lambda _: outcome(terminate()))))
        else:
            answer = started(outcome(terminate()))
            await ticks()
            it.send_nowait(asks if waits == "directly" else lambda _: other.ask(asks))
        await ticks()
        gate.open()
        await held
        began = now()
        came = await answer
        took = now() - began
        if isinstance(came, DeadlockError):
            return came, await it.ask(lambda _: None), took
        info = await supervisor.call(Supervisor.which_children)
        assert [(child.name, child.state) for child in info] == [("it", "ended"), ("other", "running")]
        return came, (await it.join()).reason, took


@pytest.mark.parametrize("waits", ["directly", "by way of another", "for that"])
@in_virtual_time
async def test_guarantee_07_a_terminated_child_that_waits_for_its_supervisor_has_its_time(waits: str) -> None:
    answer, reason, took = await _terminate_one_that_waits(2.0, waits)
    assert isinstance(answer, ActorStoppedError) if waits == "for that" else answer is None
    assert reason is ExitReason.KILLED
    assert took == pytest.approx(2.0)


@pytest.mark.parametrize("waits", ["directly", "by way of another", "for that"])
@in_virtual_time
async def test_guarantee_07_a_child_that_no_time_would_end_is_not_terminated(waits: str) -> None:
    answer, reason, took = await _terminate_one_that_waits(None, waits)
    assert isinstance(answer, DeadlockError)
    others = ("/top/other",) if waits == "by way of another" else ()
    assert answer.path == ("/top", "/top/it", *others, "/top")
    assert reason is None
    assert took == 0


async def test_guarantee_07_a_last_hook_that_asks_a_parent_that_waits_for_its_children_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The parent fails: it takes mail for its next incarnation, which waits for the child to end."""

    async def bear(me: Worker) -> None:
        for name in ("first", "second"):
            await me.context.spawn(Farewell, "on_stop", farewell, log, name=name, shutdown=None)

    async def fail(me: Worker) -> None:
        raise LookupError

    def farewell(me: Worker) -> Any:
        parent = me.context.parent
        assert parent is not None
        return parent.ask(hold)

    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        (ref,) = await some(system, "it")
        await ref.ask(bear)
        await ref.send(fail)
        await until(lambda: len(log) == 2)
        await ref.ask(hold)
    assert [error.path for error in log] == [
        ("/it/second", "/it", "/it/second"),
        ("/it/first", "/it", "/it/first"),
    ]


async def test_guarantee_07_last_hooks_may_ask_whom_nobody_makes_wait() -> None:
    async def bear(me: Worker) -> None:
        await me.context.spawn(Farewell, "on_stop", farewell, log, name="younger")

    def farewell(me: Worker) -> Any:
        return other.ask(hello)

    async def hello(me: Worker) -> str:
        return "hello"

    log: list[Any] = []
    async with soon(), ActorSystem() as system:
        it, other = await some(system, "it", "other")
        await it.ask(bear)
        it.stop()
        await it.join()
        later = await system.spawn(Farewell, "on_stop", farewell, log, name="later")
        later.stop()
        await later.join()
    assert log == ["hello", "hello"]


# -- joins of those above --------------------------------------------------------------------------


class Below(Worker):
    """Does what an interleaved call says as well, beside its turns."""

    @interleave
    async def beside(self, message: Any) -> Any:
        return await message(self)


ENDS: dict[str, Callable[[ActorRef[Any]], None]] = {
    "close": lambda ref: ref.close(),
    "stop": lambda ref: ref.stop(),
    "leave the block": lambda ref: None,
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("way", ["turn", "beside", "start"])
@pytest.mark.parametrize("levels", [1, 2])
async def test_guarantee_07_a_turn_that_joins_one_above_fails_and_does_not_hold_it_up(
    end: str, way: str, levels: int
) -> None:
    async def bear(me: Worker) -> ActorRef[Below]:
        return await me.context.spawn(Below, name="below")

    async def join_top(_: Worker) -> Any:
        return await top.join()

    async with soon(), ActorSystem() as system:
        (top,) = await some(system, "top")
        below = top
        for _ in range(levels):
            below = await below.ask(bear)
        if way == "turn":
            failed = await outcome(below.ask(join_top))
        elif way == "beside":
            failed = await outcome(below.call(Below.beside, join_top))
        else:
            failed = await outcome(below.ask(lambda me: me.context.spawn(Joining, top, name="new")))
        ENDS[end](top)
    assert isinstance(failed, DeadlockError)
    whole = ["/top", "/top/below", "/top/below/below", "/top/below/below/new"]
    line = whole[: levels + 1] if way != "start" else [*whole[: levels + 1], f"{whole[levels]}/new"]
    assert failed.path == (line[-1], *line)


class Joining(Actor[Any]):
    """Joins an actor as it starts."""

    def __init__(self, other: ActorRef[Any]) -> None:
        self.other = other

    async def on_start(self) -> None:
        await self.other.join()


async def test_guarantee_07_a_job_that_joins_its_pool_fails() -> None:
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Worker, size=2, name="pool")

        async def join_pool(_: Worker) -> Any:
            return await pool.join(timeout=SOON)

        failed = await outcome(pool.ask(join_pool))
        assert await pool.ask(lambda me: outcome(me.context.parent.join())) is not None  # the same actor
        pool.close()
        await pool.join()
    assert isinstance(failed, DeadlockError)
    assert (failed.path[1], len(failed.path)) == ("/pool", 3)


async def test_guarantee_07_others_of_the_tree_may_be_joined() -> None:
    async def bear(me: Worker) -> list[ActorRef[Any]]:
        return [await me.context.spawn(Worker, name=name) for name in ("one", "two")]

    async with soon(), ActorSystem() as system:
        top, other = await some(system, "top", "top-2")
        one, two = await top.ask(bear)
        for joined in (two, other):
            joined.stop()
            assert (await one.ask(lambda _, joined=joined: joined.join())).ref is joined
        one.stop()
        assert (await top.ask(lambda _: one.join())).ref is one
