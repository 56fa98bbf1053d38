"""Guarantee 10: strategies are OTP's; more than `max_restarts` within `within` fails the supervisor upwards.

The boundary of the budget under a controlled clock, backoff and failing restarts are in `test_children.py`.
"""

import asyncio
from typing import Any

import pytest

from actorio import (
    ActorFailed,
    ActorRef,
    ActorSystem,
    ExitReason,
    Restart,
    RestartLimitError,
    Strategy,
    Supervision,
)
from tests.stage import Boom, Diary, Gate, Puppet, spawn_children, ticks, until

NAMES = ("a", "b", "c", "d")
RESTARTED = {
    Strategy.ONE_FOR_ONE: "b",
    Strategy.ONE_FOR_ALL: "abcd",
    Strategy.REST_FOR_ONE: "bcd",
}


async def family(
    system: ActorSystem, strategy: Strategy, diary: Diary, **options: Any
) -> list[ActorRef[Puppet]]:
    """Spawn a supervisor of a, b, c and d."""
    parent = await system.spawn(Puppet, None, Supervision(strategy, max_restarts=options.pop("budget", 3)))
    return [parent, *await spawn_children(parent, *NAMES, diary=diary, **options)]


def incarnations(actors: list[ActorRef[Puppet]]) -> list[int]:
    return [actor.statistics().restarts for actor in actors]


@pytest.mark.parametrize("strategy", Strategy)
async def test_guarantee_10_the_right_ones_are_stopped_in_reverse_and_started_in_order(
    strategy: Strategy,
) -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        _, a, b, c, d = await family(system, strategy, diary)
        del diary[:]
        await b.send(Boom())
        group = RESTARTED[strategy]
        await until(lambda: b.statistics().restarts == 1)
        for actor in (a, b, c, d):
            await actor.ask("seen")
        assert incarnations([a, b, c, d]) == [int(name in group) for name in NAMES]
    crash = ("b", "stop", ExitReason.CRASHED)
    stops = [entry for entry in diary[: 2 * len(group)] if entry[1] == "stop"]
    starts = [entry[0] for entry in diary if entry[1] == "start"]
    assert crash in stops
    assert [entry for entry in stops if entry != crash] == [
        (name, "stop", ExitReason.SHUTDOWN) for name in reversed(group) if name != "b"
    ]
    assert starts == list(group)
    assert diary.index(("a", "seen") if group == "b" else (group[-1], "start")) > diary.index(crash)


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_guarantee_10_a_group_restart_waits_for_running_handlers(strategy: Strategy) -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        _, a, b, c, d = await family(system, strategy, diary)
        gate = Gate()

        async def long(me: Puppet) -> None:
            await gate.hold()
            me.note("ends with instance", me.context.incarnation)

        await c.send(long)
        await gate.reached()
        del diary[:]
        await b.send(Boom())
        await until(lambda: d.state == "restarting")
        await ticks(50)
        assert c.state == "running"
        assert b.state == "restarting"
        gate.open()
        await until(lambda: d.statistics().restarts == 1)
    diary.remove(("b", "stop", ExitReason.CRASHED))  # beside the others: it ends by itself
    assert diary[:2] == [("d", "stop", ExitReason.SHUTDOWN), ("c", "ends with instance", 0)]
    assert a.statistics().restarts == int(strategy is Strategy.ONE_FOR_ALL)


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_guarantee_10_mail_of_bystanders_survives_in_order(strategy: Strategy) -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        _, _, b, c, d = await family(system, strategy, diary)
        gate = Gate()
        await c.send(gate.hold)
        await gate.reached()
        for number in range(5):
            c.send_nowait(number)
        await b.send(Boom())
        await until(lambda: d.state == "restarting")
        await ticks()
        gate.open()
        await c.ask(5)
        assert c.statistics().restarts == 1
    assert [entry[1] for entry in diary if entry[0] == "c" and isinstance(entry[1], int)] == [
        0,
        1,
        2,
        3,
        4,
        5,
    ]


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_guarantee_10_a_temporary_bystander_is_gone_for_good(strategy: Strategy) -> None:
    diary: Diary = []
    async with ActorSystem() as system:
        parent, _, b, *_ = await family(system, strategy, diary)
        (temporary,) = await spawn_children(parent, "t", restart=Restart.TEMPORARY)
        await b.send(Boom())
        ended = await temporary.join()
        await until(lambda: b.statistics().restarts)
        await until(lambda: b.state == "running")
        await ticks()
        names = await parent.ask(lambda me: [child.name for child in me.context.children])
    assert ended.reason is ExitReason.SHUTDOWN
    assert names == list(NAMES)


RULES = [
    # restart type, how it ends, is it restarted
    (Restart.PERMANENT, "normal", True),
    (Restart.PERMANENT, "crash", True),
    (Restart.TRANSIENT, "normal", False),
    (Restart.TRANSIENT, "crash", True),
    (Restart.TEMPORARY, "normal", False),
    (Restart.TEMPORARY, "crash", False),
]
REASONS = {"normal": ExitReason.NORMAL, "crash": ExitReason.CRASHED}


@pytest.mark.parametrize(("restart", "end", "again"), RULES)
async def test_guarantee_10_restart_types(restart: Restart, end: str, again: bool) -> None:
    async with ActorSystem() as system:
        actor = await system.spawn(Puppet, restart=restart)
        await actor.send(Boom() if end == "crash" else lambda me: me.context.stop())
        if again:
            assert await actor.ask(lambda me: me.context.incarnation) == 1
        else:
            ended = await actor.join()
            assert ended.reason is REASONS[end]
            assert isinstance(ended.error, Boom) == (end == "crash")


@pytest.mark.parametrize("restart", Restart)
@pytest.mark.parametrize("end", ["close", "stop", "kill"])
async def test_guarantee_10_an_end_by_hand_is_final_and_does_not_count(restart: Restart, end: str) -> None:
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet, None, Supervision(Strategy.ONE_FOR_ALL, max_restarts=0))
        bystander, actor = await spawn_children(parent, "bystander", "actor", restart=restart)
        getattr(actor, end)()
        ended = await actor.join()
        assert await bystander.ask(lambda me: me.context.incarnation) == 0
    assert ended.error is None
    assert actor.statistics().restarts == 0


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_guarantee_10_a_sibling_that_crashes_while_the_group_is_stopped_does_not_count(
    strategy: Strategy,
) -> None:
    """As in OTP, whose supervisor takes the exit of a child that it is about to stop for that stop."""
    diary: Diary = []
    async with ActorSystem() as system:
        parent, _, b, c, d = await family(system, strategy, diary, budget=1)
        gates = {c: Gate(), d: Gate()}

        async def crash(me: Puppet) -> None:
            await gates[me.context.ref].hold()
            raise Boom

        for actor, gate in gates.items():
            await actor.send(crash)
            await gate.reached()
        await b.send(Boom())
        await until(lambda: b.state == "restarting")
        gates[c].open()  # not yet its turn to be stopped: d is waited for
        await until(lambda: c.state == "restarting")
        gates[d].open()
        await until(lambda: d.statistics().restarts == 1)
        for actor in (b, c, d):
            await actor.ask("alive")
        await ticks(50)
        assert incarnations([b, c, d]) == [1, 1, 1]
        assert parent.statistics().restarts == 0


async def test_guarantee_10_siblings_that_crash_at_the_same_moment_count_as_one() -> None:
    """As in OTP: what fails before its supervisor has begun to stop the group is stopped with it."""
    async with ActorSystem() as system:
        parent, _, b, c, d = await family(system, Strategy.ONE_FOR_ALL, [], budget=1)
        fate, held = asyncio.Event(), []

        async def crash(me: Puppet) -> None:
            held.append(me)
            await fate.wait()
            raise Boom

        for actor in (b, c, d):
            await actor.send(crash)
        await until(lambda: len(held) == 3)
        fate.set()
        await until(lambda: b.statistics().restarts and b.state == "running")
        for actor in (b, c, d):
            await actor.ask("alive")
        assert incarnations([b, c, d]) == [1, 1, 1]
        assert parent.statistics().restarts == 0


async def test_guarantee_10_the_budget_of_one_for_one_is_per_child() -> None:
    async with ActorSystem() as system:
        parent, *children = await family(system, Strategy.ONE_FOR_ONE, [], budget=2)
        for _ in range(2):
            for child in children:
                await child.send(Boom())
                await child.ask("again")
        assert incarnations(children) == [2, 2, 2, 2]
        assert parent.statistics().restarts == 0


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_guarantee_10_the_budget_of_a_group_is_shared(strategy: Strategy) -> None:
    async with ActorSystem() as system:
        parent, a, b, c, d = await family(system, strategy, [], budget=2)
        for count, child in enumerate((d, c), start=1):
            await child.send(Boom())
            await until(lambda count=count: d.statistics().restarts == count)
            await d.ask("group is up")
        await b.send(Boom())
        assert (await a.join()).reason is ExitReason.SHUTDOWN
        await until(lambda: parent.statistics().restarts == 1)


@pytest.mark.parametrize("strategy", Strategy)
async def test_guarantee_10_a_supervisor_that_gives_up_stops_its_children_and_fails_with_the_cause(
    strategy: Strategy,
) -> None:
    diary: Diary = []
    async with ActorSystem() as system, system.events.subscribe(ActorFailed) as failures:
        parent, a, b, c, d = await family(system, strategy, diary, budget=0)
        del diary[:]
        last = Boom("last")
        await b.send(last)
        assert [(await actor.join()).reason for actor in (a, b, c, d)] == [
            ExitReason.SHUTDOWN,
            ExitReason.CRASHED,
            ExitReason.SHUTDOWN,
            ExitReason.SHUTDOWN,
        ]
        assert await parent.ask(lambda me: (me.context.incarnation, me.context.children)) == (1, ())
        errors = [(event.ref, event.error) for event in [await anext(failures) for _ in range(2)]]
    assert errors[0] == (b, last)
    assert errors[1][0] is parent
    assert isinstance(errors[1][1], RestartLimitError)
    assert errors[1][1].__cause__ is last
    bystanders = [entry[0] for entry in diary if entry == (entry[0], "stop", ExitReason.SHUTDOWN)]
    assert bystanders == ["d", "c", "a"]


async def test_guarantee_10_a_supervisor_that_gives_up_finishes_its_message_first() -> None:
    async with ActorSystem() as system:
        parent, gate = await system.spawn(Puppet, None, Supervision(max_restarts=0)), Gate()
        (child,) = await spawn_children(parent, "c")
        done: list[int] = []

        async def long(me: Puppet) -> None:
            await gate.hold()
            done.append(me.context.incarnation)

        await parent.send(long)
        await gate.reached()
        await child.send(Boom())
        await child.join()
        gate.open()
        assert await parent.ask(lambda me: me.context.incarnation) == 1
    assert done == [0]


async def test_guarantee_10_a_child_is_restarted_while_its_parents_handler_waits_for_it() -> None:
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet)
        (child,) = await spawn_children(parent, "c")

        async def crash_and_ask(me: Puppet) -> int:
            await child.send(Boom())
            answer: int = await child.ask(lambda it: it.context.incarnation)
            return answer

        async with asyncio.timeout(5):
            assert await parent.ask(crash_and_ask) == 1


async def test_guarantee_10_a_temporary_member_that_fails_while_its_group_stops_is_gone() -> None:
    diary: Diary = []
    gate = Gate()
    async with ActorSystem() as system:
        parent = await system.spawn(Puppet, [], Supervision(Strategy.ONE_FOR_ALL))
        (temporary,) = await spawn_children(parent, "t", diary=diary, restart=Restart.TEMPORARY)
        slow, fails = await spawn_children(parent, "slow", "fails", diary=diary)
        slow.send_nowait(gate.hold)
        await gate.reached()
        fails.send_nowait(Boom())
        await ticks()  # the group stops from its end, and waits for the slow one
        temporary.send_nowait(Boom())
        await temporary.join(timeout=5)
        gate.open()
        await until(lambda: [what for name, what, *_ in diary if name == "slow"].count("start") == 2)
        await ticks()
        assert not temporary.is_alive
    assert [what for name, what, *_ in diary if name == "t"].count("start") == 1
