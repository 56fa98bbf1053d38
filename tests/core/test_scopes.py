"""Cancelled scopes of anyio around a task, and waits that they do not reach."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from actorio._core.scopes import is_in_cancelled_scope, shielded


async def test_a_task_knows_of_a_cancelled_scope_around_it() -> None:
    assert not is_in_cancelled_scope()
    with anyio.CancelScope() as scope:
        assert not is_in_cancelled_scope()
        scope.cancel()
        assert is_in_cancelled_scope()
        with anyio.CancelScope(shield=True):
            await asyncio.sleep(0)
            assert not is_in_cancelled_scope()
    assert not is_in_cancelled_scope()


async def test_a_scope_whose_time_is_not_over_is_no_cancelled_one() -> None:
    with anyio.fail_after(60):
        await asyncio.sleep(0)
        assert not is_in_cancelled_scope()


async def test_a_shielded_wait_goes_on_in_a_cancelled_scope() -> None:
    waited: list[str] = []
    with anyio.CancelScope() as scope:
        scope.cancel()
        with shielded():
            await asyncio.sleep(0)
            waited.append("shielded")
        with shielded(when=False):
            await asyncio.sleep(0)
            waited.append("never")
    assert waited == ["shielded"]


async def test_a_cancel_of_the_task_gets_through_the_shield() -> None:
    with anyio.CancelScope():  # so that anyio's scopes are in use

        async def wait() -> None:
            with shielded():
                await asyncio.Event().wait()

        task = asyncio.get_running_loop().create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
