"""Reads the store of a cluster: members, claims, names. It only reads: this is no node."""

import asyncio
import contextlib
import os
import time
from typing import Any

from actorio.cluster import LIVE, Nats
from actorio.cluster.engine import Clock
from actorio.cluster.nats import NoBucket
from actorio.cluster.settings import check_word
from actorio.cluster.store import node_of, unescape
from actorio.cluster.view import View
from actorio.errors import EngineError

__all__ = ["look", "quiet_view"]

_PATIENCE = 10.0


def quiet_view() -> View:
    """Return a view that tells nobody."""
    return View(Clock(), lambda record: None, lambda record: None, lambda record: None, lambda: None)


async def look(server: str, name: str) -> dict[str, Any]:
    """Return what there is, once; nothing where there is no such cluster.

    Raises:
        EngineError: the server does not answer, or refuses.
        ValueError: no URL, no name.
    """
    engine = Nats(server)
    engine.makes_bucket = False
    view = quiet_view()
    check_word(name, "the name of a cluster")
    try:
        async with asyncio.timeout(_PATIENCE):
            await engine.connect(
                name, f"status-{os.urandom(4).hex()}", lambda node, frame: None, lambda up: None
            )
            events: Any = engine.watch()
            async with contextlib.aclosing(events):
                async for event in events:
                    view.take(event)
                    if event is LIVE:
                        break
    except NoBucket:
        pass
    except TimeoutError:
        raise EngineError(f"{engine!r} has not answered within {_PATIENCE:g} s") from None
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
