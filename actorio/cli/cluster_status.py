"""Reads the store of a cluster: members, claims, names. It only reads: this is no node."""

import asyncio
import contextlib
import os
import time
from typing import Any

from actorio.cluster import LIVE, Nats
from actorio.cluster.engine import Clock
from actorio.cluster.store import node_of, unescape
from actorio.cluster.view import View

__all__ = ["look", "quiet_view"]


def quiet_view() -> View:
    """Return a view that tells nobody."""
    return View(Clock(), lambda record: None, lambda record: None, lambda record: None, lambda: None)


async def look(server: str, name: str) -> dict[str, Any]:
    """Return what there is, once."""
    engine = Nats(server)
    view = quiet_view()
    try:
        async with asyncio.timeout(10.0):
            await engine.connect(
                name, f"status-{os.urandom(4).hex()}", lambda node, frame: None, lambda up: None
            )
            events: Any = engine.watch()
            async with contextlib.aclosing(events):
                async for event in events:
                    view.take(event)
                    if event is LIVE:
                        break
    finally:
        await engine.close()
    return _told(view)


def _told(view: View) -> dict[str, Any]:
    now = time.time_ns() / 1e9
    members = [
        {
            "node": node,
            "incarnation": seen.record.incarnation,
            "status": "leaving" if seen.record.leaving else "up",
            "roles": seen.record.roles,
            "age_s": round(now - seen.record.since, 1),
        }
        for node, seen in view.members.items()
    ]
    claims: dict[str, list[str]] = {}
    for shard, held in view.claims.items():
        if held.record.owner and view.is_alive(held.record.owner):
            kind, _, number = shard.rpartition(".")
            claims.setdefault(node_of(held.record.owner), []).append(f"{unescape(kind)}.{number}")
    names = {
        unescape(name): node_of(named.record.incarnation)
        for name, named in view.names.items()
        if view.is_alive(named.record.incarnation)
    }
    return {"members": members, "claims": claims, "names": names}
