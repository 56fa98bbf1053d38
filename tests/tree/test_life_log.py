"""What an operator reads in the log: at which level, about whom, and no more than can be read."""

import asyncio
import contextlib
import gc
import logging
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorSystem,
    Backoff,
    Mailbox,
    Overflow,
    RestartLimitError,
    Supervision,
    Supervisor,
    child,
)
from actorio._tree.life_log import LifeLog
from actorio.testing import until


class Till(Actor[Any]):
    async def receive(self, message: Any) -> None:
        if isinstance(message, asyncio.Event):
            await message.wait()
        if message == "secret":
            raise ValueError("its text is the error's own")
        if message == "other":
            raise KeyError("other")

    async def count(self) -> None:
        raise LookupError("in a call")


def records(caplog: pytest.LogCaptureFixture, level: int) -> list[logging.LogRecord]:
    return [one for one in caplog.records if one.name == "actorio" and one.levelno == level]


def texts(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [one.getMessage() for one in records(caplog, level)]


class _Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time


class _Runtime:
    name = "shop"

    def __init__(self, timers: _Clock) -> None:
        self.timers = timers


class _Cell:
    incarnation = 3
    instance = None
    hooks = None
    factory = Till

    def __init__(self, path: str, clock: _Clock) -> None:
        self.path = path
        self.runtime = _Runtime(clock)


def test_one_actor_has_one_record_a_second_of_one_failure(caplog: pytest.LogCaptureFixture) -> None:
    clock, log = _Clock(), LifeLog(contents=False)
    cell, other = _Cell("/crash", clock), _Cell("/other", clock)
    for time in (0.0, 0.5, 0.9, 1.0, 1.5):
        clock.time = time
        log.failed(cell, "message", ValueError("no"))
    log.failed(other, None, ValueError("no"))
    assert [record.getMessage() for record in caplog.records] == [
        "/crash (incarnation 3) has failed while it handled str",
        "/crash (incarnation 3) has failed while it handled str; 2 more like it were not logged",
        "/other (incarnation 3) has failed",
    ]


def test_what_ends_the_process_is_raised_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    LifeLog(contents=False).failed(_Cell("/exit", _Clock()), None, SystemExit(1))
    assert caplog.records == []


def test_an_actor_that_has_ended_is_not_kept() -> None:
    clock, log = _Clock(), LifeLog(contents=False)
    for number in range(10):
        log.failed(_Cell(f"/{number}", clock), None, ValueError("no"))
    clock.time = 1.0
    log.failed(_Cell("/last", clock), None, ValueError("no"))
    assert len(log._logged) == 1


def test_dead_letters_are_logged_ten_at_once_and_one_a_second(caplog: pytest.LogCaptureFixture) -> None:
    clock, log = _Clock(), LifeLog(contents=False)
    cell = _Cell("/till", clock)
    with caplog.at_level(logging.INFO, "actorio"):
        for _ in range(15):
            log.dead_letter(cell, 5, "stopped")
        clock.time = 1.0
        for _ in range(3):
            log.dead_letter(cell, 5, "stopped")
    assert len(caplog.records) == 11
    assert caplog.records[-1].getMessage() == (
        "dead letter to /till (stopped): int; 5 more dead letters were not logged"
    )


async def test_starts_and_ends_are_debug_and_records_say_whose_they_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG, "actorio"):
        async with ActorSystem("shop") as system:
            till = await system.spawn(Till, name="till")
            await till.send("secret")
            await until(lambda: till.statistics().restarts == 1)
    assert texts(caplog, logging.DEBUG) == [
        "/till has started",
        "/till has started again (incarnation 1)",
        "/till has ended (normal)",
    ]
    for record, incarnation in zip(records(caplog, logging.DEBUG), (0, 1, 1), strict=True):
        extra = vars(record)
        assert (extra["system"], extra["actor"], extra["actor_class"]) == (
            "shop",
            "/till",
            f"{__name__}.Till",
        )
        assert extra["incarnation"] == incarnation


async def test_a_failure_and_a_restart_tell_pause_and_count_and_no_contents(
    caplog: pytest.LogCaptureFixture,
) -> None:
    policy = Supervision(max_restarts=5, within=60, backoff=Backoff(0.004, jitter=0))
    async with ActorSystem() as system:
        supervisor = await system.spawn(Supervisor, [child(Till, name="till")], policy, name="sup")
        till: Any = system.lookup("/sup/till")
        await till.send("secret")
        await until(lambda: till.statistics().restarts == 1)
        del supervisor
    assert texts(caplog, logging.ERROR) == ["/sup/till (incarnation 0) has failed while it handled str"]
    assert records(caplog, logging.ERROR)[0].exc_info
    assert texts(caplog, logging.WARNING) == [
        "/sup/till is restarted in 0.004 s: restart 1 of at most 5 within 60 s"
    ]
    assert vars(records(caplog, logging.WARNING)[0])["actor"] == "/sup/till"


async def test_contents_are_logged_where_they_are_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    async with ActorSystem(log_messages=True) as system:
        till = await system.spawn(Till, name="till")
        await till.send("secret")
        await till.cast(Till.count)
    assert texts(caplog, logging.ERROR)[0].endswith("while it handled 'secret'")


async def test_a_cast_is_named_by_its_method(caplog: pytest.LogCaptureFixture) -> None:
    async with ActorSystem() as system:
        till = await system.spawn(Till, name="till")
        await till.cast(Till.count)
    assert texts(caplog, logging.ERROR) == ["/till (incarnation 0) has failed while it handled Till.count"]


async def test_the_same_failure_again_is_held_back_and_counted_but_not_another(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with ActorSystem(supervision=Supervision(max_restarts=100)) as system:
        till = await system.spawn(Till, name="till")
        for message in ("secret", "secret", "other", "secret", "secret"):
            await till.send(message)
        await until(lambda: till.statistics().restarts == 5)
    told = texts(caplog, logging.ERROR)
    assert told[0] == "/till (incarnation 0) has failed while it handled str"
    assert told[1] == "/till (incarnation 2) has failed while it handled str"
    assert told[2:] == [
        "/till: 3 more of ValueError were not logged",
        "/till: 4 more of restarts were not logged",
    ]


async def test_what_was_held_back_of_an_actor_that_is_gone_is_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with ActorSystem("shop", supervision=Supervision(max_restarts=100)) as system:
        till = await system.spawn(Till, name="till")
        for _ in range(3):
            await till.send("secret")
        till.close()
        await till.join()
        del till
        gc.collect()
    assert texts(caplog, logging.ERROR) == [
        "/till (incarnation 0) has failed while it handled str",
        "/till: 2 more of ValueError were not logged",
        "/till: 1 more of restarts were not logged",
    ]
    record = vars(records(caplog, logging.ERROR)[1])
    assert (record["actor"], record["system"]) == ("/till", "shop")


async def test_giving_up_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.RaisesGroup(RestartLimitError):
        async with ActorSystem("shop", supervision=Supervision(max_restarts=0)) as system:
            till = await system.spawn(Till, name="till")
            await till.send("secret")
            await till.join()
            await asyncio.Event().wait()
    assert texts(caplog, logging.ERROR)[1] == (
        "the system 'shop' gives up: /till needed more than max_restarts=0 restarts within 5 s"
    )


async def test_dead_letters_are_info_and_limited_for_all_of_a_system(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "actorio"):
        async with ActorSystem() as system:
            gate = asyncio.Event()
            till = await system.spawn(Till, name="till", mailbox=Mailbox(1, overflow=Overflow.DROP_NEW))
            await till.send(gate)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            for _ in range(31):
                await till.send("secret" * 2)
            gate.set()
    told = texts(caplog, logging.INFO)
    assert told[:10] == ["dead letter to /till (dropped): str"] * 10
    assert told[10:] == ["20 more dead letters were not logged"]


async def test_an_abandoned_task_is_named_by_the_users_own_line(caplog: pytest.LogCaptureFixture) -> None:
    released = asyncio.Event()

    class Stubborn(Actor[Any]):
        async def receive(self, message: Any) -> None:
            while not released.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait_for(released.wait(), 60)

    async with ActorSystem() as system:
        stubborn = await system.spawn(Stubborn, name="stubborn")
        await stubborn.send("x")
        await asyncio.sleep(0.01)
        stubborn.kill()
        await stubborn.join()
        released.set()
        await asyncio.sleep(0)
    line = Stubborn.receive.__code__.co_firstlineno + 3
    (told,) = texts(caplog, logging.WARNING)
    assert told == f"abandoned /stubborn: it swallows every cancel at {__file__}:{line}"
    assert vars(records(caplog, logging.WARNING)[0])["system"] == "actorio"
