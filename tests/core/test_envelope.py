"""Envelopes begin once and end once; what a dead letter hands back of an item is its message."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import Any

import pytest

from actorio._core.envelope import (
    ANSWERED,
    ENDED,
    ENVELOPES,
    FAILED,
    QUEUED,
    RUNNING,
    Cast,
    Delivery,
    Envelope,
    Parcel,
    Tick,
    is_message,
    payload,
)
from actorio._core.run_queue import RunQueue


def test_a_parcel_begins_once() -> None:
    parcel = Parcel("hello", None)
    assert parcel.state == QUEUED
    assert parcel.begin()
    assert parcel.state == RUNNING
    assert not parcel.begin()


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (lambda parcel: parcel.reply(1), ANSWERED),
        (lambda parcel: parcel.fail(ValueError()), FAILED),
        (lambda parcel: parcel.cancelled_by_handler(), FAILED),
    ],
)
def test_a_parcel_ends_by_what_came_of_it(end: Any, state: int) -> None:
    parcel = Parcel("hello", None)
    parcel.begin()
    end(parcel)
    assert parcel.state == state
    assert state >= ENDED
    assert not parcel.begin()


def test_nobody_sees_an_exception_of_a_plain_message() -> None:
    assert not Parcel("hello", None).answers
    assert Envelope().answers


def test_a_tick_that_is_taken_is_told_of_it() -> None:
    taken: list[str] = []
    tick = Tick("tick", None, lambda: taken.append("taken"))
    assert tick.begin()
    assert taken == ["taken"]


async def test_the_task_behind_a_delivery_is_woken_at_its_end() -> None:
    queue = RunQueue(asyncio.get_running_loop())
    for end in (lambda delivery: delivery.reply(None), lambda delivery: delivery.fail(ValueError())):
        delivery = Delivery(queue, "item", None)
        delivery.begin()
        end(delivery)
        async with asyncio.timeout(5):
            await delivery.over
        assert delivery.state >= ENDED


def test_what_is_handed_back_of_an_item_is_its_message() -> None:
    assert payload("hello") == "hello"
    assert payload(Parcel("hello", copy_context())) == "hello"
    assert payload(Cast(len, (), {})) is len


def test_calls_and_casts_are_no_messages() -> None:
    assert is_message("hello")
    assert is_message(Parcel("hello", None))
    assert is_message(Tick("tick", None, None))
    assert not is_message(Cast(len, (), {}))


def test_an_invocation_shows_its_function_and_can_be_kept_without_its_arguments() -> None:
    cast = Cast(len, ([1, 2],), {"key": 3})
    invocation = cast.invocation
    assert (invocation.func, invocation.args, invocation.kwargs) == (len, ([1, 2],), {"key": 3})
    assert repr(invocation) == "len"
    cast.forget_arguments()
    kept = cast.invocation
    assert (kept.func, kept.args, kept.kwargs) == (len, (), {})


def test_they_are_known_as_envelopes() -> None:
    assert {Parcel, Cast, Tick, Delivery} <= ENVELOPES
