"""The log never does any harm to those who write it."""

import logging
from typing import Any

import pytest

from actorio import Actor, ActorSystem
from actorio.testing import until


class Till(Actor[Any]):
    async def receive(self, message: Any) -> None:
        raise ValueError(message)


async def test_a_handler_of_the_log_that_raises_changes_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Raises(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("the handler's own")

    handler = Raises()
    logging.getLogger("actorio").addHandler(handler)
    try:
        async with ActorSystem() as system:
            till = await system.spawn(Till, name="till")
            await till.send("secret")
            await until(lambda: till.statistics().restarts == 1)
    finally:
        logging.getLogger("actorio").removeHandler(handler)
    assert "a handler of the logger actorio has failed; it was told: /till" in capsys.readouterr().err
