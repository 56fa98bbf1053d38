"""Asks, calls and submitted work end once; what comes later is dropped without a word."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actorio import Actor, ActorSystem, AskTimeoutError
from actorio._core.envelope import ENVELOPES
from actorio._core.request import Call, Request, Submission


class Slow(Actor[Any]):
    async def receive(self, message: asyncio.Event) -> str:
        await message.wait()
        return "late"


async def test_a_reply_that_comes_after_the_timeout_is_dropped() -> None:
    async with ActorSystem() as system:
        ref, event = await system.spawn(Slow), asyncio.Event()
        with pytest.raises(AskTimeoutError) as caught:
            await ref.ask(event, timeout=0)
        event.set()
        second = asyncio.Event()
        second.set()
        assert await ref.ask(second) == "late"
    assert caught.value.started in {True, False}


async def test_an_ask_ends_once() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Slow)
        for request in (
            Request(ref._cell, 1),
            Call.of(ref._cell, int, (), {}),
            Submission(ref._cell, int, (), {}),
        ):
            request.reply("first")
            state = request.state
            request.reply("second")
            request.fail(ValueError("third"))
            assert request.state == state
            assert request.value == "first"


def test_they_are_known_as_envelopes() -> None:
    assert {Request, Call, Submission} <= ENVELOPES
