"""The children of an actor: budget, backoff, failing restarts, and group restarts that are disturbed."""

import asyncio
import random
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorFailed,
    ActorRef,
    ActorRestarted,
    ActorStoppedError,
    ActorSystem,
    Backoff,
    DeadLetter,
    ExitReason,
    Mailbox,
    NameInUseError,
    Overflow,
    PriorityMailbox,
    Restart,
    RestartLimitError,
    Strategy,
    Supervision,
)
from tests.stage import (
    NEVER,
    Boom,
    Diary,
    Gate,
    Puppet,
    in_virtual_time,
    now,
    spawn_children,
    ticks,
    until,
)

ALL, REST, ONE = Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE, Strategy.ONE_FOR_ONE
GROUPS = pytest.mark.parametrize("strategy", [ALL, REST], ids=["all", "rest"])
STRATEGIES = pytest.mark.parametrize("strategy", Strategy, ids=lambda strategy: strategy.value)


async def family(
    system: ActorSystem, supervision: Supervision, *names: str, diary: Diary | None = None, **options: Any
) -> list[ActorRef[Puppet]]:
    """Spawn a supervisor with these children."""
    parent = await system.spawn(Puppet, None, supervision, name="parent", restart=Restart.TEMPORARY)
    return [parent, *await spawn_children(parent, *names, diary=diary, **options)]


async def pass_time(seconds: float) -> None:
    await asyncio.sleep(seconds)


async def settled(*actors: ActorRef[Any]) -> None:
    """Wait until these are up, each having handled all that was sent to it."""
    await until(lambda: all(actor.state == "running" and not actor.statistics().depth for actor in actors))


class Fragile(Puppet):
    """Fails to start as often as `failures` says, from the first restart on."""

    def __init__(self, diary: Diary, failures: list[Any], *, early: bool = False) -> None:
        super().__init__(diary)
        self.failures = failures
        if early:
            self.fail()

    async def on_start(self) -> None:
        self.fail()
        self.note("start")

    def fail(self) -> None:
        if self.failures and self.failures.pop(0):
            raise Boom("in the start")


# -- the budget ------------------------------------------------------------------------------------


@STRATEGIES
@in_virtual_time
async def test_the_last_restart_that_the_budget_allows_is_made(strategy: Strategy) -> None:
    async with ActorSystem() as system:
        parent, child = await family(system, Supervision(strategy, max_restarts=3, within=10), "c")
        for _ in range(3):
            await pass_time(1)
            child.send_nowait(Boom())
            await settled(child)
        assert child.statistics().restarts == 3
        assert parent.is_alive


@STRATEGIES
@pytest.mark.parametrize(
    ("fourth_at", "allowed"), [(9.0, False), (11.0, False), (11.001, True)], ids=["within", "at", "after"]
)
@in_virtual_time
async def test_the_window_of_the_budget_is_exact(strategy: Strategy, fourth_at: float, allowed: bool) -> None:
    """Failures at 1, 2 and 3 s and a fourth: the first still counts `within` seconds later, and not after."""
    async with ActorSystem() as system:
        parent, child = await family(system, Supervision(strategy, max_restarts=3, within=10), "c")
        for at in (1.0, 2.0, 3.0, fourth_at):
            await pass_time(at - now())
            child.send_nowait(Boom())
            await ticks()
        assert child.is_alive == allowed
        assert (await parent.ask("up") == "up") if allowed else not parent.is_alive


@STRATEGIES
async def test_a_budget_of_none_gives_up_at_the_first_failure(strategy: Strategy) -> None:
    async with ActorSystem() as system:
        parent, child = await family(system, Supervision(strategy, max_restarts=0), "c")
        error = Boom()
        child.send_nowait(error)
        ended = await parent.join()
    assert isinstance(ended.error, RestartLimitError)
    assert ended.error.__cause__ is error
    assert ended.error.__notes__ == ["/parent/c failed; its supervisor /parent gave up"]


async def test_the_record_of_a_child_that_has_ended_is_gone() -> None:
    """A new child of the same name begins with a budget of its own."""
    async with ActorSystem() as system:
        parent, child = await family(system, Supervision(max_restarts=1), "c")
        for _ in range(3):
            child.send_nowait(Boom())
            await settled(child)
            child.stop()
            await child.join()
            (child,) = await spawn_children(parent, "c")
        assert parent.is_alive


async def test_a_restart_of_a_permanent_child_that_ended_normally_counts() -> None:
    async with ActorSystem() as system:
        parent, child = await family(system, Supervision(max_restarts=2), "c", restart=Restart.PERMANENT)
        for _ in range(3):
            child.send_nowait(lambda me: me.context.stop())
        ended = await parent.join()
    assert isinstance(ended.error, RestartLimitError)
    assert ended.error.__cause__ is None


# -- failing restarts ------------------------------------------------------------------------------


@STRATEGIES
@pytest.mark.parametrize("early", [True, False], ids=["constructor", "on_start"])
async def test_a_failing_restart_is_tried_again_and_each_try_counts(strategy: Strategy, early: bool) -> None:
    diary: Diary = []
    failures = [False, True, True, False] if not early else [False, False, True, True, False, False]
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet, None, Supervision(strategy, max_restarts=3))

        async def spawn(me: Puppet) -> ActorRef[Fragile]:
            return await me.context.spawn(lambda: Fragile(diary, failures, early=early), name="c")

        child = await parent.ask(spawn)
        child.send_nowait(Boom())
        child.send_nowait("kept")
        assert await child.ask(lambda me: me.context.incarnation) == 3
        assert parent.statistics().restarts == 0
        child.send_nowait(Boom())
        await until(lambda: parent.statistics().restarts == 1)
    assert ("c", "kept") in diary


@STRATEGIES
async def test_a_restart_that_always_fails_ends_with_the_supervisor(strategy: Strategy) -> None:
    async with ActorSystem() as system:
        parent = await system.spawn(
            Puppet, None, Supervision(strategy, max_restarts=5), restart=Restart.TEMPORARY
        )
        child = await parent.ask(lambda me: me.context.spawn(Fragile, [], [False] + [True] * 99, name="c"))
        child.send_nowait(Boom("the first"))
        assert (await child.join()).reason is ExitReason.CRASHED
        ended = await parent.join()
    assert str(ended.error.__cause__) == "in the start"  # type: ignore[union-attr]
    assert child.statistics().restarts == 5


@STRATEGIES
@pytest.mark.parametrize("end", ["stop", "kill", "close"])
async def test_the_supervisor_answers_and_can_be_ended_while_restarts_fail(
    strategy: Strategy, end: str
) -> None:
    """A child that fails to start without ever waiting must not keep the loop from all others."""
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet, None, Supervision(strategy, max_restarts=10_000))
        child = await parent.ask(lambda me: me.context.spawn(Fragile, [], [False] + [True] * 99_999))
        child.send_nowait(Boom())
        for _ in range(10):
            assert await parent.ask("answers") == "answers"
        assert child.statistics().restarts < 1_000
        getattr(parent, end)()
        await parent.join()
        assert not child.is_alive


async def test_a_failing_first_start_is_the_spawners_and_counts_for_nothing() -> None:
    async with ActorSystem() as system, system.events.subscribe(ActorFailed) as failures:
        parent = await system.spawn(Puppet, None, Supervision(max_restarts=0))
        for _ in range(3):
            with pytest.raises(Boom):
                await parent.ask(lambda me: me.context.spawn(Fragile, [], [True], name="c"))
        assert await parent.ask(lambda me: (me.context.children, me.context.incarnation)) == ((), 0)
        system.events.close()
        assert [event async for event in failures] == []


# -- backoff ---------------------------------------------------------------------------------------


@STRATEGIES
@in_virtual_time
async def test_pauses_grow_up_to_the_maximum_and_begin_anew_after_a_quiet_time(strategy: Strategy) -> None:
    pauses: list[float] = []
    backoff = Backoff(1, 8, 2, jitter=0)
    async with ActorSystem() as system:
        _, child = await family(system, Supervision(strategy, max_restarts=99, backoff=backoff), "c")

        async def pause() -> None:
            failed = now()
            child.send_nowait(Boom())
            assert await child.ask("up") == "up"
            pauses.append(now() - failed)

        for _ in range(6):
            await pause()
        await pass_time(7.999)
        await pause()
        await pass_time(8)
        await pause()
        await pause()
    assert pauses == [1, 2, 4, 8, 8, 8, 8, 1, 2]


@in_virtual_time
async def test_jitter_comes_from_the_systems_own_randomness() -> None:
    async def pauses(seed: int) -> list[float]:
        found = []
        backoff = Backoff(10, 10, jitter=0.5)
        async with ActorSystem() as system:
            system.random = random.Random(seed)
            _, child = await family(system, Supervision(max_restarts=99, backoff=backoff), "c")
            for _ in range(20):
                failed = now()
                child.send_nowait(Boom())
                await child.ask("up")
                found.append(round(now() - failed, 9))
        return found

    first, again, other = await pauses(1), await pauses(1), await pauses(2)
    assert first == again != other
    assert all(5 <= pause <= 15 for pause in first)
    assert max(first) - min(first) > 3


@in_virtual_time
async def test_mail_waits_for_the_restart_in_order_and_within_the_bound() -> None:
    diary: Diary = []
    supervision = Supervision(backoff=Backoff(10, 10, jitter=0))
    async with ActorSystem() as system, system.events.subscribe(DeadLetter) as letters:
        mailbox: Mailbox[Any] = Mailbox(3, overflow=Overflow.DROP_NEW)
        _, child = await family(system, supervision, "c", diary=diary, mailbox=mailbox)
        child.send_nowait(Boom())
        await until(lambda: child.state == "restarting")
        for number in range(5):
            child.send_nowait(number)
        await pass_time(9.999)
        assert child.statistics().depth == 3
        await pass_time(0.001)
        dropped = [(await anext(letters)).message for _ in range(2)]
    assert dropped == [3, 4]
    assert [what for _, what, *_ in diary] == ["start", "stop", "start", 0, 1, 2, "stop"]


@STRATEGIES
@pytest.mark.parametrize("end", ["stop", "kill"])
@in_virtual_time
async def test_a_pause_does_not_hold_up_the_end_of_the_supervisor(strategy: Strategy, end: str) -> None:
    async with ActorSystem() as system:
        supervision = Supervision(strategy, backoff=Backoff(NEVER, NEVER, jitter=0))
        parent, child, other = await family(system, supervision, "c", "other")
        child.send_nowait(Boom())
        await until(lambda: child.state == "restarting")
        await ticks()
        getattr(parent, end)()
        await parent.join()
        assert not child.is_alive
        assert not other.is_alive
        assert now() == 0


@pytest.mark.parametrize("end", ["stop", "kill", "close"])
@in_virtual_time
async def test_a_pause_does_not_hold_up_the_end_of_the_child_itself(end: str) -> None:
    async with ActorSystem() as system:
        supervision = Supervision(backoff=Backoff(NEVER, NEVER, jitter=0))
        _, child = await family(system, supervision, "c")
        child.send_nowait(Boom("the last failure"))
        await until(lambda: child.state == "restarting")
        getattr(child, end)()
        ended = await child.join()
        assert now() == 0
    assert (
        ended.reason
        is {"stop": ExitReason.SHUTDOWN, "kill": ExitReason.KILLED, "close": ExitReason.NORMAL}[end]
    )
    assert str(ended.error) == "the last failure"
    assert child.statistics().restarts == 0


@in_virtual_time
async def test_a_child_closed_in_its_pause_handles_first_what_it_has_accepted() -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        _, child = await family(system, Supervision(backoff=Backoff(5, 5, jitter=0)), "c", diary=diary)
        for message in (Boom(), "accepted"):
            child.send_nowait(message)
        await until(lambda: child.state == "restarting")
        child.close()
        assert (await child.join()).reason is ExitReason.NORMAL
        assert now() == 5
    assert ("c", "accepted") in diary


# -- group restarts that are disturbed -------------------------------------------------------------


@GROUPS
@in_virtual_time
async def test_a_sibling_whose_time_is_over_is_killed_and_starts_again(strategy: Strategy) -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        parent, a, b = await family(system, Supervision(strategy), "a", "b", diary=diary, shutdown=2.0)
        grandchild = await b.ask(lambda me: me.context.spawn(Puppet, name="g"))
        gate = Gate()
        b.send_nowait(gate.hold)
        b.send_nowait("kept")
        await gate.reached()
        a.send_nowait(Boom())
        assert await a.ask(lambda _: now()) == 2.0
        await settled(a, b)
        assert (a.statistics().restarts, b.statistics().restarts) == (1, 1)
        assert not grandchild.is_alive
        b.send_nowait(Boom())  # and it can fail and be cancelled as ever
        await settled(a, b)
        assert parent.is_alive
    assert ("b", "kept") in diary
    assert [entry for entry in diary if entry[:2] == ("b", "stop")] != []


@GROUPS
@in_virtual_time
async def test_a_sibling_that_swallows_the_kill_once_starts_again_too(strategy: Strategy) -> None:
    class Stubborn(Puppet):
        async def receive(self, message: Any) -> None:
            try:
                await asyncio.sleep(NEVER)
            except asyncio.CancelledError:
                self.note("swallows")
                await asyncio.sleep(NEVER)

    diary: Diary = []
    async with ActorSystem() as system:
        parent, a = await family(system, Supervision(strategy), "a", shutdown=2.0)
        stubborn = await parent.ask(lambda me: me.context.spawn(Stubborn, diary, name="s", shutdown=1.0))
        stubborn.send_nowait("hang")
        await ticks()
        a.send_nowait(Boom())
        assert await a.ask(lambda _: now()) == 1.25  # the second cancel has come
        await settled(a, stubborn)
        assert stubborn.statistics().restarts == 1
        assert await stubborn.submit(lambda: asyncio.current_task().cancelling()) == 0  # type: ignore[union-attr]
        stubborn.stop()
    assert diary.count(("s", "swallows")) == 1


@GROUPS
@pytest.mark.parametrize("end", ["stop", "kill", "close"])
async def test_a_sibling_ended_by_hand_during_the_restart_is_gone_and_the_others_go_on(
    strategy: Strategy, end: str
) -> None:
    async with ActorSystem() as system:
        _, a, b, c = await family(system, Supervision(strategy), "a", "b", "c")
        gate = Gate()
        await b.send(gate.hold)
        await gate.reached()
        a.send_nowait(Boom())
        await until(lambda: c.state == "restarting")
        await ticks()
        getattr(c, end)()
        getattr(b, end)()
        gate.open()
        await b.join()
        await c.join()
        assert await a.ask(lambda me: me.context.incarnation) == 1


@GROUPS
async def test_the_failed_one_stopped_by_hand_while_its_group_waits_leaves_no_one_waiting(
    strategy: Strategy,
) -> None:
    """Its restart has failed and it is stopped at that moment: the rest must start all the same."""
    gate = Gate()

    class FailsToRestart(Puppet):
        async def on_start(self) -> None:
            if self.context.incarnation:
                raise Boom

        async def on_stop(self, reason: ExitReason) -> None:
            if self.context.incarnation:
                await gate.hold()

    async with ActorSystem() as system:
        parent, before = await family(system, Supervision(strategy), "before")
        bad = await parent.ask(lambda me: me.context.spawn(FailsToRestart, name="bad"))
        (after,) = await spawn_children(parent, "after")
        bad.send_nowait(Boom())
        await gate.reached()
        bad.stop()
        gate.open()
        await bad.join()
        async with asyncio.timeout(5):
            assert await after.ask("alive") == "alive"
            assert await before.ask("alive") == "alive"


@GROUPS
@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_group_restart_is_called_off_when_its_supervisor_ends(strategy: Strategy, end: str) -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        parent, a, b, c = await family(system, Supervision(strategy), "a", "b", "c", diary=diary)
        gate = Gate()
        await b.send(gate.hold)
        await gate.reached()
        a.send_nowait(Boom())
        await until(lambda: c.state == "restarting")
        getattr(parent, end)()
        gate.open()
        await parent.join()
        assert [actor.is_alive for actor in (a, b, c)] == [False] * 3
    assert [entry for entry in diary if entry[1] == "start"] == [(name, "start") for name in "abc"]


@GROUPS
async def test_a_stop_at_the_tick_of_the_failure_does_not_hang(strategy: Strategy) -> None:
    """The task of the group restart is cancelled before its first step."""
    for delay in range(6):
        async with ActorSystem() as system:
            parent, a, _ = await family(system, Supervision(strategy), "a", "b")
            a.send_nowait(Boom())
            await ticks(delay)
            parent.stop()
            async with asyncio.timeout(5):
                await parent.join()


@GROUPS
async def test_several_failures_at_once_are_one_restart_of_the_group(strategy: Strategy) -> None:
    async with ActorSystem() as system, system.events.subscribe(ActorRestarted) as restarted:
        parent, *children = await family(system, Supervision(strategy, max_restarts=3), "a", "b", "c")
        for child in children:
            child.send_nowait(Boom())
        await until(lambda: all(child.statistics().restarts for child in children))
        await settled(*children)
        assert parent.statistics().restarts == 0
        system.events.close()
        counts = [event.ref.name async for event in restarted]
    assert [counts.count(name) for name in "abc"] == [1, 1, 1]


@GROUPS
async def test_a_failure_during_the_start_of_the_group_starts_over_from_there(strategy: Strategy) -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        parent, a = await family(system, Supervision(strategy), "a", diary=diary)
        b = await parent.ask(lambda me: me.context.spawn(Fragile, diary, [False, True, False], name="b"))
        (c,) = await spawn_children(parent, "c", diary=diary)
        del diary[:]
        a.send_nowait(Boom())
        await until(lambda: c.statistics().restarts)
        await settled(a, b, c)
    starts = [name for name, what, *_ in diary if what == "start"]
    assert starts == (["a", "a", "b", "c"] if strategy is ALL else ["a", "b", "c"])


class Dependent(Puppet):
    """Starts when the one it depends on has answered."""

    def __init__(self, diary: Diary, other: ActorRef[Puppet]) -> None:
        super().__init__(diary)
        self.other = other

    async def on_start(self) -> None:
        self.note("starts")
        await self.other.ask("answer")
        self.note("start")


@GROUPS
@in_virtual_time
async def test_one_that_fails_again_is_restarted_before_those_who_wait_for_it_are_started(
    strategy: Strategy,
) -> None:
    """Each failure counts; those behind it are started once. Started in between, they would wait for it."""
    diary: Diary = []
    async with ActorSystem() as system, system.events.subscribe(ActorRestarted) as restarted:
        parent, a = await family(system, Supervision(strategy, max_restarts=2), "a")
        b = await parent.ask(lambda me: me.context.spawn(Dependent, diary, a, name="b", shutdown=None))
        del diary[:]
        for mail in (Boom(), "mail", Boom()):
            a.send_nowait(mail)
        await until(lambda: b.statistics().restarts)
        await settled(a, b)
        system.events.close()
        assert [event.ref.name async for event in restarted] == ["a", "a", "b"]
    assert [what for _, what, *_ in diary] == ["stop", "starts", "start", "stop"]


@GROUPS
@in_virtual_time
async def test_one_that_fails_while_another_waits_for_it_to_start_has_it_start_anew(
    strategy: Strategy,
) -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        parent, a = await family(system, Supervision(strategy), "a")
        b = await parent.ask(lambda me: me.context.spawn(Dependent, diary, a, name="b", shutdown=1))
        del diary[:]
        gate = Gate()

        async def fail_later(me: Puppet) -> None:
            await gate.hold()
            raise Boom

        a.send_nowait(Boom())
        a.send_nowait(fail_later)
        await until(lambda: ("b", "starts") in diary)
        begin = now()
        gate.open()
        await pass_time(2)
        await settled(a, b)
        assert now() - begin == 2
        assert a.statistics().restarts == 2
    assert [what for _, what, *_ in diary].count("starts") == 2
    assert [what for _, what, *_ in diary].count("start") == 1


@GROUPS
async def test_a_child_in_the_middle_of_its_first_start_is_part_of_the_group(strategy: Strategy) -> None:
    gate = Gate()

    class Slow(Puppet):
        async def on_start(self) -> None:
            await gate.hold()
            await super().on_start()

    diary: Diary = []
    async with ActorSystem() as system:
        parent, a = await family(system, Supervision(strategy), "a", diary=diary)
        spawning = asyncio.ensure_future(parent.ask(lambda me: me.context.spawn(Slow, diary, name="s")))
        await gate.reached()
        a.send_nowait(Boom())
        await ticks(50)
        gate.open()
        slow = await spawning
        await until(lambda: slow.statistics().restarts == 1)
        await settled(a, slow)
        assert parent.is_alive


@GROUPS
async def test_a_transient_sibling_that_has_ended_normally_stays_ended(strategy: Strategy) -> None:
    async with ActorSystem() as system:
        parent, a, b = await family(system, Supervision(strategy), "a", "b")
        b.send_nowait(lambda me: me.context.stop())
        await b.join()
        a.send_nowait(Boom())
        await settled(a)
        assert await parent.ask(lambda me: me.context.children) == (a,)


async def test_start_order_survives_restarts() -> None:
    async with ActorSystem() as system:
        parent, *children = await family(system, Supervision(max_restarts=9), *"abcd")
        for child in (children[2], children[0], children[3]):
            child.send_nowait(Boom())
            await settled(child)
        assert await parent.ask(lambda me: [child.name for child in me.context.children]) == list("abcd")


@GROUPS
async def test_leaving_the_block_during_a_group_restart_loses_no_accepted_mail(strategy: Strategy) -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        _, a, b = await family(system, Supervision(strategy), "a", "b", diary=diary)
        for message in (1, Boom(), 2):
            a.send_nowait(message)
        for message in (3, 4):
            b.send_nowait(message)
    assert sorted(what for _, what, *_ in diary if isinstance(what, int)) == [1, 2, 3, 4]


# -- failures of the supervisor itself ------------------------------------------------------------


async def test_a_supervisor_that_fails_in_its_own_hook_stops_its_children() -> None:
    class Fails(Puppet):
        async def on_terminated(self, event: Any) -> None:
            raise Boom("in the hook")

    async with ActorSystem() as system:
        parent = await system.spawn(Fails, restart=Restart.TEMPORARY)
        children = await spawn_children(parent, "a", "b")
        await parent.ask(lambda me: me.context.watch(children[0]))
        children[0].stop()
        ended = await parent.join()
        assert str(ended.error) == "in the hook"
        assert not children[1].is_alive


async def test_failures_go_up_level_by_level() -> None:
    tight = Supervision(max_restarts=0)

    class Nest(Puppet):
        def __init__(self, depth: int) -> None:
            super().__init__(None, tight)
            self.depth = depth

        async def on_start(self) -> None:
            if self.depth:
                await self.context.spawn(Nest, self.depth - 1, name=f"level-{self.depth - 1}")

    async with ActorSystem() as system:
        top = await system.spawn(Nest, 5, name="top", restart=Restart.TEMPORARY)
        leaf = next(actor.path for actor in system.snapshot().walk() if actor.path.endswith("level-0"))
        system.lookup(leaf).send_nowait(Boom("at the bottom"))
        ended = await top.join()
    error, depth = ended.error, 0
    while isinstance(error, RestartLimitError):
        error, depth = error.__cause__, depth + 1
    assert (str(error), depth) == ("at the bottom", 5)


# -- names -----------------------------------------------------------------------------------------


async def test_names_are_unique_among_siblings_only() -> None:
    async with ActorSystem() as system:
        one, child = await family(system, Supervision(), "x")
        two = await system.spawn(Puppet, name="x")
        assert (child.path, two.path) == ("/parent/x", "/x")
        with pytest.raises(NameInUseError):
            await spawn_children(one, "x")
        child.send_nowait(Boom())
        await settled(child)
        with pytest.raises(NameInUseError):
            await spawn_children(one, "x")
        child.kill()
        await child.join()
        await spawn_children(one, "x")


async def test_get_or_spawn_of_many_at_once_starts_one() -> None:
    gate = Gate()
    made: list[Any] = []

    class Slow(Actor[Any]):
        async def on_start(self) -> None:
            made.append(self)
            await gate.hold()

    async with ActorSystem() as system:
        asked = [asyncio.ensure_future(system.get_or_spawn("one", Slow)) for _ in range(10)]
        await gate.reached()
        gate.open()
        refs = {await one for one in asked}
        assert (len(made), len(refs)) == (1, 1)


async def test_get_or_spawn_raises_the_failure_to_all_and_tries_again_after() -> None:
    gate = Gate()

    class Fails(Actor[Any]):
        async def on_start(self) -> None:
            await gate.hold()
            raise Boom

    async with ActorSystem() as system:
        asked = [asyncio.ensure_future(system.get_or_spawn("one", Fails)) for _ in range(3)]
        await gate.reached()
        gate.open()
        for one in asked:
            with pytest.raises(Boom):
                await one
        assert await system.get_or_spawn("one", Puppet) is system.lookup("one")


async def test_get_or_spawn_survives_the_cancel_of_the_one_who_started() -> None:
    """Those who wait for the same start are not cancelled with it: one of them starts anew."""
    gate = Gate()

    class Slow(Puppet):
        async def on_start(self) -> None:
            await gate.hold()

    async with ActorSystem() as system:
        first, *others = [asyncio.ensure_future(system.get_or_spawn("one", Slow)) for _ in range(3)]
        await gate.reached()
        first.cancel()
        gate.open()
        refs = {await other for other in others}
        assert first.cancelled()
        assert refs == {system.lookup("one")}


async def test_get_or_spawn_waits_for_a_start_that_is_under_way() -> None:
    gate = Gate()

    class Slow(Actor[Any]):
        async def on_start(self) -> None:
            await gate.hold()

    async with ActorSystem() as system:
        spawning = asyncio.ensure_future(system.spawn(Slow, name="one"))
        await gate.reached()
        asked = asyncio.ensure_future(system.get_or_spawn("one", Slow))
        await ticks()
        gate.open()
        assert await asked is await spawning


async def test_get_or_spawn_in_a_handler_gives_a_child() -> None:
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet, name="p")
        child = await parent.ask(lambda me: me.context.get_or_spawn("c", Puppet))
        assert child.path == "/p/c"
        assert await parent.ask(lambda me: me.context.get_or_spawn("c", Puppet)) is child


async def test_refused_spawns_name_the_reason() -> None:
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet)
        context = await parent.ask(lambda me: me.context)
        parent.stop()
        await parent.join()
        with pytest.raises(Exception, match="incarnation that has ended"):
            await context.spawn(Puppet)
    with pytest.raises(ActorStoppedError):
        await system.get_or_spawn("x", Puppet)


@in_virtual_time
async def test_a_failure_that_comes_in_the_pause_before_a_restart_is_seen() -> None:
    pause = 1.0
    supervision = Supervision(backoff=Backoff(pause, pause, jitter=0), max_restarts=3, within=100.0)
    diary: Diary = []
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet, [], supervision)

        async def spawn(me: Puppet) -> ActorRef[Puppet]:
            return await me.context.spawn(Puppet, diary, mailbox=PriorityMailbox(len))

        child: ActorRef[Puppet] = await parent.ask(spawn)
        system.groups.join("group", child)
        child._cell.fail_from_outside(Boom())
        await ticks()
        assert child.state == "restarting"
        assert await system.groups.broadcast("group", 1) == 0  # its priority function cannot take it
        await asyncio.sleep(10 * pause)
        assert child.statistics().restarts == 2
