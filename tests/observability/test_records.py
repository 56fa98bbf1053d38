"""O14, right or none: no log record names a wrong actor."""

import asyncio
import io
import logging
import logging.handlers
import queue
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from actorio import Actor, ActorRef, ActorSystem, Worker, interleave
from actorio.observability import add_actor, log_actors

logger = logging.getLogger("tests.records")
FIELDS = ("actor", "actor_class", "incarnation", "system")


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def actors(self) -> dict[str, str]:
        return {record.getMessage(): record.actor for record in self.records}  # type: ignore[attr-defined]


@pytest.fixture
def kept() -> Iterator[Kept]:
    with log_actors():
        handler = Kept()  # made after: it is for all handlers
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        yield handler
        logger.removeHandler(handler)


class Logs(Actor[Any]):
    async def on_start(self) -> None:
        logger.info("on_start")
        self.context.start_soon(self.background)

    async def background(self) -> None:
        logger.info("start_soon")

    async def receive(self, message: Any) -> Any:
        logger.info("receive")
        if isinstance(message, ActorRef):
            await message.ask("ask")
        await asyncio.sleep(0)
        logger.info("receive, later")
        if message == "fail":
            raise ValueError("it was told to")

    @interleave
    async def beside(self) -> None:
        logger.info("interleaved")
        await asyncio.sleep(0)
        logger.info("interleaved, later")


class Quiet(Actor[Any]):
    async def receive(self, message: Any) -> Any:
        logger.info("the asked one")
        await asyncio.sleep(0)


async def test_o14_a_record_names_the_actor_whose_code_has_made_it(kept: Kept) -> None:
    async with ActorSystem("shop") as system:
        ref = await system.spawn(Logs, name="logs")
        quiet = await system.spawn(Quiet, name="quiet")
        logger.info("the body")
        await asyncio.gather(ref.ask(quiet), ref.call(Logs.beside), quiet.ask(1))
        worker = await system.spawn(Worker, "thread", name="worker")
        await worker.submit(logger.info, "a worker's thread")
        asyncio.get_running_loop().call_soon(logger.info, "a callback")
        await asyncio.to_thread(logger.info, "a thread")
    assert kept.actors() == {
        **dict.fromkeys(("on_start", "start_soon", "receive", "receive, later"), "/logs"),
        **dict.fromkeys(("interleaved", "interleaved, later"), "/logs"),
        "the asked one": "/quiet",
        "a worker's thread": "/worker",
        **dict.fromkeys(("the body", "a callback", "a thread"), ""),
    }
    last = next(record for record in kept.records if record.getMessage() == "receive")
    assert [getattr(last, name) for name in FIELDS] == ["/logs", f"{__name__}.Logs", 0, "shop"]


async def test_o14_twenty_actors_that_log_at_once_are_told_apart(kept: Kept) -> None:
    class Chatty(Actor[Any]):
        async def receive(self, message: Any) -> None:
            for number in range(20):
                logger.info("%s %d", self.context.path, number)
                await asyncio.sleep(0)

    async with ActorSystem() as system:
        refs = [await system.spawn(Chatty) for _ in range(20)]
        await asyncio.gather(*(ref.ask(None) for ref in refs))
    assert len(kept.records) == 400
    assert all(text.split()[0] == actor for text, actor in kept.actors().items())


async def test_o14_a_key_of_the_users_own_stays_and_clashes_with_nothing(kept: Kept) -> None:
    class Own(Actor[Any]):
        def receive(self, message: Any) -> None:
            logger.info("hello", extra={"actor": "mine", "system": "my own"})

    async with ActorSystem() as system:
        await (await system.spawn(Own, name="own")).ask(1)
    (record,) = kept.records
    assert [getattr(record, name) for name in FIELDS] == [
        "mine",
        f"{__name__}.{Own.__qualname__}",
        0,
        "my own",
    ]


async def test_o14_a_queued_record_keeps_its_actor_in_the_listeners_thread() -> None:
    waiting: queue.Queue[Any] = queue.Queue()
    handler, target = logging.handlers.QueueHandler(waiting), Kept()
    listener = logging.handlers.QueueListener(waiting, target)
    with log_actors():
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        listener.start()
        try:
            async with ActorSystem() as system:
                await (await system.spawn(Quiet, name="quiet")).ask(1)
                logger.info("the body")
        finally:
            listener.stop()
            logger.removeHandler(handler)
    assert target.actors() == {"the asked one": "/quiet", "the body": ""}


def test_o14_undone_once_it_is_off_and_a_record_is_as_before() -> None:
    handler = Kept()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    first = log_actors()
    log_actors()
    logger.info("on")
    first.undo()
    first.undo()
    logger.info("off")
    logger.removeHandler(handler)
    assert [hasattr(record, "actor") for record in handler.records] == [True, False]
    assert "filter" not in vars(logging.Handler)


def test_o14_filters_of_a_handler_see_the_actor_and_still_decide(kept: Kept) -> None:
    seen: list[str] = []

    def decide(record: logging.LogRecord) -> bool:
        seen.append(record.actor)  # type: ignore[attr-defined]
        return record.getMessage() != "no"

    kept.addFilter(decide)
    logger.info("no")
    logger.info("yes")
    assert (seen, list(kept.actors())) == (["", ""], ["yes"])


def test_o14_a_format_may_name_the_actor_where_there_is_none() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logging.Formatter("[%(actor)s] %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    with log_actors():
        logger.info("hello")
    logger.removeHandler(handler)
    assert out.getvalue() == "[] hello\n"


async def test_o14_structlog_has_the_keys_only_where_there_is_an_actor() -> None:
    class Structured(Actor[Any]):
        def receive(self, message: Any) -> None:
            log.info("inside")
            log.info("own", system="mine")

    capture = structlog.testing.LogCapture()
    log = structlog.wrap_logger(None, processors=[add_actor, capture])
    async with ActorSystem("shop") as system:
        log.info("outside")
        await (await system.spawn(Structured, name="one")).ask(1)
    fields = {"actor": "/one", "actor_class": f"{__name__}.{Structured.__qualname__}", "incarnation": 0}
    assert capture.entries == [
        {"event": "outside", "log_level": "info"},
        {"event": "inside", "log_level": "info", **fields, "system": "shop"},
        {"event": "own", "log_level": "info", **fields, "system": "mine"},
    ]


async def test_o14_a_failure_is_logged_with_the_actor_that_has_failed_and_no_contents(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Fails(Actor[Any]):
        def receive(self, message: Any) -> None:
            raise ValueError("it was told to")

    async with ActorSystem("shop") as system:
        ref = await system.spawn(Fails, name="fails")
        await ref.send("canary-in-a-message")
    (record,) = (record for record in caplog.records if record.levelname == "ERROR")
    assert [getattr(record, name) for name in FIELDS] == [
        "/fails",
        f"{__name__}.{Fails.__qualname__}",
        0,
        "shop",
    ]
    assert record.getMessage() == "/fails (incarnation 0) has failed while it handled str"
