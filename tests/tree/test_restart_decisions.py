"""The top level's supervision is the user's, and a decision for an exception comes before restart type and strategy."""

import asyncio
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorStoppedError,
    ActorSystem,
    AutoShutdown,
    Directive,
    ExitReason,
    Restart,
    RestartLimitError,
    Strategy,
    Supervision,
    Supervisor,
    child,
)
from actorio.testing import explore, until


class Wrong(ValueError):
    """A ValueError of a kind."""


class Till(Actor[Any]):
    reply_errors = ()

    def __init__(self) -> None:
        self.total = 0

    async def receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        self.total += message
        return self.total


def deciding(*, strategy: Strategy = Strategy.ONE_FOR_ONE, **decisions: Directive) -> Supervision:
    kinds: dict[str, type[Exception]] = {
        "value": ValueError,
        "wrong": Wrong,
        "key": KeyError,
        "any": Exception,
    }
    return Supervision(strategy, decide={kinds[name]: directive for name, directive in decisions.items()})


async def _resume() -> None:
    async with ActorSystem(supervision=deciding(value=Directive.RESUME)) as system:
        till = await system.spawn(Till)
        for message in (1, ValueError("sent"), 2):
            await till.send(message)
        with pytest.raises(ValueError, match="asked"):
            await till.ask(ValueError("asked"))
        assert await till.ask(0) == 3


def test_guarantee_10_resume_is_no_breach_in_simulation() -> None:
    assert explore(_resume, seeds=range(20)).runs == 20


async def test_guarantee_10_resume_goes_on_with_the_state_and_the_next_message() -> None:
    async with ActorSystem(supervision=deciding(value=Directive.RESUME)) as system:
        till = await system.spawn(Till)
        for message in (1, ValueError("skipped"), 2, Wrong("skipped"), 3):
            await till.send(message)
        assert await till.ask(0) == 6
        counts = till.statistics()
        assert (counts.failed, counts.restarts) == (2, 0)
        with pytest.raises(Wrong):  # an ask that fails the actor is answered all the same
            await till.ask(Wrong("asked"))
        assert await till.ask(0) == 6
        await till.send(KeyError("not named: restarted"))
        assert await till.ask(0) == 0


async def test_guarantee_10_resume_never_uses_up_the_budget_and_restarts_no_sibling() -> None:
    policy = deciding(strategy=Strategy.ONE_FOR_ALL, any=Directive.RESUME)
    async with ActorSystem(supervision=policy) as system:
        one, two = await system.spawn(Till, restart=Restart.TEMPORARY), await system.spawn(Till)
        await two.send(5)
        for _ in range(50):
            await one.send(ValueError("again"))
        assert await one.ask(1) == 1
        assert await two.ask(0) == 5


async def test_guarantee_10_resume_restarts_where_there_is_nothing_to_go_on_with() -> None:
    class Owner(Actor[Any]):
        async def run(self) -> None:
            raise await self.recv()

    class Parent(Actor[Any]):
        supervision = deciding(any=Directive.ESCALATE)

        async def on_start(self) -> None:
            self.kid = await self.context.spawn(Till)

        async def receive(self, message: Any) -> Any:
            if message == "ask":
                return await self.kid.ask(1)
            await self.kid.send(message)
            return None

    async with ActorSystem(supervision=deciding(any=Directive.RESUME)) as system:
        owner, parent = await system.spawn(Owner), await system.spawn(Parent)
        await owner.send(ValueError("left its loop"))
        await until(lambda: owner.statistics().restarts == 1)
        await parent.send(ValueError("of its child"))
        await until(lambda: parent.statistics().restarts == 1)
        assert await parent.ask("ask") == 1


async def test_guarantee_10_resume_goes_on_after_a_failing_notice_and_a_failing_task() -> None:
    class Watcher(Till):
        async def receive(self, message: Any) -> Any:
            if isinstance(message, int):
                return await super().receive(message)
            self.context.watch(message)
            self.context.start_soon(self.fails)
            return None

        async def fails(self) -> None:
            raise ValueError("in a task")

        async def on_terminated(self, event: Any) -> None:
            raise ValueError("in a notice")

    async with ActorSystem(supervision=deciding(value=Directive.RESUME)) as system:
        watched, watcher = await system.spawn(Till), await system.spawn(Watcher)
        await watcher.send(3)
        await watcher.send(watched)
        watched.stop()
        await until(lambda: watcher.statistics().failed == 2)
        assert await watcher.ask(0) == 3
        watcher.close()
        assert (await watcher.join()).reason is ExitReason.NORMAL


async def test_guarantee_10_stop_ends_the_child_alone_as_crashed() -> None:
    policy = deciding(strategy=Strategy.ONE_FOR_ALL, value=Directive.STOP)
    async with ActorSystem(supervision=policy) as system:
        one, two = await system.spawn(Till, restart=Restart.PERMANENT), await system.spawn(Till)
        await two.send(5)
        await one.send(error := Wrong("for good"))
        ended = await one.join()
        assert (ended.reason, ended.error) == (ExitReason.CRASHED, error)
        assert await two.ask(0) == 5


async def test_guarantee_10_escalate_fails_the_supervisor_with_the_same_exception() -> None:
    error = ValueError("of the child")
    async with ActorSystem(supervision=Supervision(decide={ValueError: Directive.STOP})) as system:
        specs = [child(Till, name="one"), child(Till, name="two")]
        supervisor = await system.spawn(Supervisor, specs, deciding(value=Directive.ESCALATE))
        two: Any = system.lookup(f"{supervisor.path}/two")
        await system.lookup(f"{supervisor.path}/one").send(error)
        ended = await supervisor.join()
        assert (ended.reason, ended.error) == (ExitReason.CRASHED, error)
        assert (await two.join()).reason is ExitReason.SHUTDOWN


async def ends_by(system: ActorSystem, *errors: Exception) -> None:
    """Have a top-level actor fail, time after time, in a block that would never be left."""
    async with system:
        till = await system.spawn(Till)
        for error in errors:
            await till.send(error)
            await asyncio.sleep(0.01)
        await asyncio.Event().wait()


async def test_guarantee_11_failing_fast_at_the_top_raises_the_cause_from_the_block() -> None:
    error = ValueError("the first is the last")
    with pytest.raises(ExceptionGroup) as raised:
        await ends_by(ActorSystem(supervision=deciding(any=Directive.ESCALATE)), error)
    assert raised.value.exceptions == (error,)
    with pytest.raises(ExceptionGroup) as raised:
        await ends_by(ActorSystem(supervision=Supervision(max_restarts=0)), error)
    (limit,) = raised.value.exceptions
    assert isinstance(limit, RestartLimitError)
    assert limit.__cause__ is error


async def test_guarantee_11_an_escalation_that_meets_a_slow_handler_ends_within_the_time_for_the_shutdown() -> (
    None
):
    class Slow(Actor[Any]):
        async def receive(self, message: Any) -> None:
            await asyncio.Event().wait()

    slow: list[Any] = []
    system = ActorSystem(supervision=deciding(any=Directive.ESCALATE), shutdown_timeout=0.02)

    async def begin_slow() -> None:
        slow.append(await system.spawn(Slow, shutdown=None))
        await slow[0].send("for ever")

    async def block() -> None:
        async with system:
            await begin_slow()
            till = await system.spawn(Till)
            await till.send(ValueError("escalated"))
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup):
        await block()
    assert (await slow[0].join()).reason is ExitReason.KILLED


async def test_a_budget_over_a_long_time_ends_what_fails_slowly() -> None:
    policy = Supervision(max_restarts=2, within=86_400)
    with pytest.raises(ExceptionGroup) as raised:
        await ends_by(ActorSystem(supervision=policy), *map(ValueError, range(3)))
    (limit,) = raised.value.exceptions
    assert str(limit) == "/Till-1 needed more than max_restarts=2 restarts within 86400 s"


async def test_guarantee_10_a_group_takes_the_most_severe_decision_of_its_parts() -> None:
    policy = deciding(value=Directive.RESUME, key=Directive.STOP)
    async with ActorSystem(supervision=policy) as system:
        till = await system.spawn(Till)
        await till.send(1)
        await till.send(ExceptionGroup("mild", [ValueError(1), Wrong(2)]))
        assert await till.ask(0) == 1
        await till.send(ExceptionGroup("not all named", [ValueError(1), OSError(2)]))
        assert await till.ask(0) == 0
        await till.send(ExceptionGroup("severe", [ValueError(1), ExceptionGroup("inner", [KeyError(2)])]))
        with pytest.raises(ActorStoppedError):
            await till.ask(0)


def test_the_nearest_base_class_of_an_exception_decides() -> None:
    policy = deciding(any=Directive.STOP, value=Directive.RESUME, wrong=Directive.ESCALATE)
    assert policy.directive(Wrong()) is Directive.ESCALATE
    assert policy.directive(UnicodeError()) is Directive.RESUME
    assert policy.directive(OSError()) is Directive.STOP
    assert Supervision().directive(OSError()) is Directive.RESTART
    assert hash(policy) == hash(Supervision())


def test_wrong_decisions_are_refused_where_they_are_made() -> None:
    wrong: Any
    for wrong, words in (
        ([ValueError], "decide must be a mapping"),
        ({"ValueError": Directive.STOP}, "classes of exceptions, not str"),
        ({KeyboardInterrupt: Directive.STOP}, "classes of exceptions, not the class KeyboardInterrupt"),
        ({ValueError: "stop"}, r"decide\[ValueError\] must be a Directive"),
    ):
        with pytest.raises(TypeError, match=words):
            Supervision(decide=wrong)
    with pytest.raises(TypeError, match="supervision must be a Supervision"):
        ActorSystem(supervision=Strategy.ONE_FOR_ALL)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no significant actors"):
        ActorSystem(supervision=Supervision(auto_shutdown=AutoShutdown.ANY_SIGNIFICANT))
    given = {ValueError: Directive.STOP}
    policy = Supervision(decide=given)
    given.clear()
    assert policy.directive(ValueError()) is Directive.STOP
