"""Guarantee 18: a handler runs in the sender's contextvars, and nothing of it stays in the actor."""

import asyncio
import contextvars
from contextvars import ContextVar
from typing import Any

import pytest

from actorio import Actor, ActorRef, ActorSystem, Broadcast, Supervision, Terminated, Worker
from actorio.testing import until
from tests.guarantees.actors import outcome, soon, started
from tests.stage import ticks

user: ContextVar[str] = ContextVar("user", default="nobody")


def as_user(name: str | None, work: Any, *args: Any) -> Any:
    """Call `work` in contextvars of that user, in empty ones when it is None."""
    context = contextvars.Context()
    if name is not None:
        context.run(user.set, name)
    return context.run(work, *args)


class Seer(Actor[Any]):
    """Puts down the user that each of its hooks sees; and sets another one, which must not stay."""

    supervision = Supervision(max_restarts=100)

    def __init__(self, seen: list[tuple[str, str]]) -> None:
        self.seen = seen
        self.see("constructor")

    def see(self, where: str) -> str:
        found = user.get()
        self.seen.append((where, found))
        user.set(f"set by {where}")
        return found

    async def on_start(self) -> None:
        self.see("on_start")

    async def receive(self, message: Any) -> Any:
        found = self.see("receive")
        await ticks(message if isinstance(message, int) else 0)
        assert user.get() == "set by receive"
        if message == "fail":
            raise ValueError
        if message == "watch":
            ended = await self.context.spawn(Silent)
            self.context.watch(ended)
            ended.stop()
        return found

    async def method(self) -> str:
        await ticks(1)
        return self.see("method")

    async def on_terminated(self, event: Terminated) -> None:
        self.see("on_terminated")

    async def on_undelivered(self, messages: Any, reason: Any) -> None:
        self.see("on_undelivered")

    async def on_stop(self, reason: Any) -> None:
        self.see("on_stop")


class Silent(Actor[Any]):
    pass


class PlainSeer(Seer):
    def receive(self, message: Any) -> Any:  # type: ignore[override]
        return self.see("receive")


class OwnSeer(Seer):
    async def run(self) -> None:
        while True:
            message = await self.recv()
            found = self.see("receive")
            await ticks(message if isinstance(message, int) else 0)
            self.context.reply(found)


@pytest.mark.parametrize("cls", [Seer, PlainSeer, OwnSeer])
async def test_guarantee_18_each_message_is_handled_as_its_sender(cls: type[Seer]) -> None:
    seen: list[tuple[str, str]] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(cls, seen)
        del seen[:]
        for name in ("alice", None, "bob", None, None, "carol"):
            as_user(name, ref.send, 0)
            as_user(name, ref.send_nowait, 2)
        await until(lambda: len(seen) == 12)
    expected = [name or "nobody" for name in ("alice", None, "bob", None, None, "carol")]
    assert [found for where, found in seen if where == "receive"] == [n for n in expected for _ in (1, 2)]


@pytest.mark.parametrize("cls", [Seer, PlainSeer, OwnSeer])
async def test_guarantee_18_asks_calls_casts_and_submissions_run_as_their_sender(cls: type[Seer]) -> None:
    seen: list[tuple[str, str]] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(cls, seen)
        for name in ("alice", None, "bob"):
            expected = name or "nobody"
            assert await as_user(name, started, ref.ask(1)) == expected
            assert await as_user(name, started, ref.call(Seer.method)) == expected
            assert await as_user(name, ref.submit, user.get) == expected
            assert await as_user(name, ref.submit, _slow_user) == expected
            del seen[:]
            await as_user(name, ref.cast, Seer.method)
            await until(lambda: seen)
            assert seen == [("method", expected)]


async def _slow_user() -> str:
    await ticks(2)
    return user.get()


@pytest.mark.parametrize("cls", [Seer, PlainSeer, OwnSeer])
async def test_guarantee_18_hooks_see_neither_the_spawner_nor_a_sender(cls: type[Seer]) -> None:
    seen: list[tuple[str, str]] = []
    user.set("the test")
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(cls, seen)
        await ref.send(0)
        ref.stop()
        await ref.join()
        other = await system.spawn(cls, seen)
        await other.ask(0)
    hooks = [(where, found) for where, found in seen if where not in {"receive"}]
    assert {found for _, found in hooks} == {"nobody"}
    assert [where for where, _ in hooks].count("on_stop") == 2


async def test_guarantee_18_a_notice_is_seen_as_nobody() -> None:
    seen: list[tuple[str, str]] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Seer, seen)
        await as_user("alice", ref.send, "watch")
        await until(lambda: ("on_terminated", "nobody") in seen)
        await as_user("bob", ref.send, "watch")
        await until(lambda: seen.count(("on_terminated", "nobody")) == 2)
        assert await as_user(None, started, ref.ask(0)) == "nobody"


async def test_guarantee_18_a_restart_and_what_was_queued_over_it_keep_their_users_apart() -> None:
    seen: list[tuple[str, str]] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Seer, seen)
        del seen[:]
        as_user("alice", ref.send, "fail")
        as_user("bob", ref.send, 0)
        as_user(None, ref.send, 0)
        await until(lambda: len(seen) == 6)
        assert seen == [
            ("receive", "alice"),
            ("on_stop", "nobody"),
            ("constructor", "nobody"),
            ("on_start", "nobody"),
            ("receive", "bob"),
            ("receive", "nobody"),
        ]


async def test_guarantee_18_a_tick_and_a_task_run_as_who_set_them() -> None:
    class Setter(Actor[Any]):
        async def receive(self, message: Any) -> None:
            if message == "set":
                self.context.send_after(0, "tick")
                self.context.start_soon(self.work)
                user.set("changed later")
            else:
                seen.append((message, user.get()))

        async def work(self) -> None:
            await ticks(2)
            seen.append(("task", user.get()))

    seen: list[tuple[str, str]] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Setter)
        await as_user("alice", ref.send, "set")
        await until(lambda: len(seen) == 2)
    assert sorted(seen) == [("task", "alice"), ("tick", "alice")]


async def test_guarantee_18_the_user_goes_along_a_chain_of_actors() -> None:
    class Link(Actor[Any]):
        def __init__(self, following: ActorRef[Any] | None) -> None:
            self.following = following

        async def receive(self, message: Any) -> Any:
            if self.following is None:
                return user.get()
            return await self.following.ask(message)

    async with soon(), ActorSystem() as system:
        last = await system.spawn(Link, None)
        first = await system.spawn(Link, await system.spawn(Link, last))
        asks = [as_user(name, started, first.ask(0)) for name in ("alice", "bob", None)]
        assert [await ask for ask in asks] == ["alice", "bob", "nobody"]


async def test_guarantee_18_a_waiting_sender_and_a_thread_keep_their_users() -> None:
    seen: list[tuple[str, str]] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Seer, seen)
        del seen[:]
        as_user("alice", ref.send_threadsafe, 0)
        future = as_user("bob", ref.submit_threadsafe, user.get)
        assert await asyncio.wrap_future(future) == "bob"
        assert seen == [("receive", "alice")]


async def test_guarantee_18_work_in_a_thread_runs_as_its_submitter() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Worker, "thread")
        assert await as_user("alice", ref.submit, user.get) == "alice"
        assert await as_user(None, ref.submit, user.get) == "nobody"


async def test_guarantee_18_a_hook_of_one_actor_leaves_nothing_to_that_of_another() -> None:
    seen: list[str] = []

    async def hook() -> None:
        seen.append(user.get())
        user.set("set by a hook")

    async with soon(), ActorSystem() as system:
        system.before_shutdown(hook)
        system.before_shutdown(hook)
        system.after_shutdown(hook)
    assert seen == ["nobody"] * 3


async def test_guarantee_18_a_start_that_fails_leaves_no_context_behind() -> None:
    class Bad(Seer):
        async def on_start(self) -> None:
            self.see("on_start")
            raise LookupError

    seen: list[tuple[str, str]] = []
    user.set("the test")
    async with soon(), ActorSystem() as system:
        assert isinstance(await outcome(system.spawn(Bad, seen)), LookupError)
        assert user.get() == "the test"
    assert {found for _, found in seen} == {"nobody"}


visits: ContextVar[int] = ContextVar("visits", default=0)


class Counts(Actor[Any]):
    """Counts its visits in a contextvar, and puts down how many it has found."""

    def __init__(self, seen: list[int]) -> None:
        self.seen = seen

    async def receive(self, message: Any) -> None:
        if message == "set a timer":
            self.context.send_every(0.001, "tick")
            return
        visits.set(visits.get() + 1)
        self.seen.append(visits.get())


async def test_guarantee_18_no_tick_of_a_timer_shares_its_contextvars_with_the_next_one() -> None:
    seen: list[int] = []
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Counts, seen)
        context = contextvars.Context()
        context.run(visits.set, 0)
        context.run(ref.send_nowait, "set a timer")
        await until(lambda: len(seen) >= 3)
        ref.stop()
    assert set(seen) == {1}


async def test_guarantee_18_no_copy_of_a_broadcast_in_a_pool_shares_its_senders_contextvars() -> None:
    seen: list[int] = []
    async with soon(), ActorSystem() as system:
        pool = await system.spawn_pool(Counts, seen, size=3, routing=Broadcast())
        context = contextvars.Context()
        context.run(visits.set, 4)
        context.run(pool.send_nowait, "to all")
        await until(lambda: len(seen) == 3)
    assert seen == [5, 5, 5]
