"""A record about an actor says whose it is, and never harms who writes it."""

import logging
from typing import Any

import pytest

from actorio import Actor, ActorSystem
from actorio._cell.actor_log import log_of


async def test_a_record_has_the_fields_of_its_actor_and_the_exception(
    caplog: pytest.LogCaptureFixture,
) -> None:
    error = ValueError("no")
    async with ActorSystem("shop") as system:
        cell: Any = (await system.spawn(Actor, name="till"))._cell
        with caplog.at_level(logging.WARNING, "actorio"):
            log_of(cell, logging.WARNING, "%s of %s", 1, 2, error=error)
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert record.name.startswith("actorio")
    assert record.getMessage() == "1 of 2"
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    fields = vars(record)
    assert (fields["actor"], fields["system"], fields["incarnation"]) == ("/till", "shop", 0)


async def test_a_handler_that_raises_is_nothing_to_who_logs() -> None:
    class Raising(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("the disk is full")

    handler = Raising()
    logger = logging.getLogger("actorio")
    async with ActorSystem() as system:
        cell: Any = (await system.spawn(Actor))._cell
        logger.addHandler(handler)
        try:
            log_of(cell, logging.CRITICAL, "all is %s", "lost")
        finally:
            logger.removeHandler(handler)
