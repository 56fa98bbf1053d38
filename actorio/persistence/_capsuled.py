"""The stored part of a durable actor in a capsule: its id, sequence and state, and what it needs to go on from there.

Bodies of rows stay behind: they hold the contents of messages and replies in a form that no redaction can look into. In
a replay the store takes all writes, and each comes to what it came to in production.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from actorio.persistence._alarms import Alarms
from actorio.persistence._clock import now
from actorio.persistence._msgspec import msgspec
from actorio.persistence._rows import ReminderRow

if TYPE_CHECKING:
    from actorio.persistence._journal import Journal

__all__ = ["encoded", "restored"]

_MOST_ONCE_IDS = 200
_EARLY = 0.005
"""Seconds that a reminder of a replay is ready before it was in production: the clocks are read at different lines."""


def encoded(journal: Journal) -> dict[str, Any]:
    """Return what a capsule has of it; times of reminders are seconds from now."""
    done = journal.done or {}
    last = islice(done.items(), max(0, len(done) - _MOST_ONCE_IDS), None)
    return {
        "actor": journal.actor,
        "durable_id": journal.durable_id,
        "sequence": journal.sequence,
        "revision": journal.revision,
        "once_kept": journal.once_kept,
        "state": journal.state,
        "snapshots": list(journal.snapshots),
        "done": {once: [sequence, msgspec.json.decode(reply)] for once, (sequence, reply) in last},
        "reminders": [] if journal.alarms is None else [_reminder(*one) for one in journal.alarms.set_ones()],
    }


def restored(journal: Journal, data: dict[str, Any]) -> None:
    """Make it what it was, without a store, which whoever replays it puts in."""
    store: Any = None
    journal.__init__(data["actor"], store, data["durable_id"], data["once_kept"])  # type: ignore[misc]
    journal.sequence, journal.revision, journal.state = data["sequence"], data["revision"], data["state"]
    journal.snapshots = tuple(data["snapshots"])
    if data["done"]:
        journal.done = {
            once: (sequence, msgspec.json.encode(reply)) for once, (sequence, reply) in data["done"].items()
        }
    journal.has_recovered = True
    kind = type(data["actor"])
    if data["reminders"] and hasattr(
        kind, "_stored_types"
    ):  # while values are checked its class may be unknown
        alarms = journal.alarms = Alarms(data["actor"], journal, kind._stored_types()["message"])
        for one in data["reminders"]:
            alarms.put(_row(journal.durable_id, one), one["message"], one["number"])


def _reminder(row: ReminderRow, message: Any, number: int) -> dict[str, Any]:
    time = now()
    return {
        "key": row.key,
        "message": message,
        "number": number,
        "due": row.due - time,
        "next": None if row.next is None else row.next - time,
        "interval": row.interval,
        "attempt": row.attempt,
    }


def _row(durable_id: str, one: dict[str, Any]) -> ReminderRow:
    time = now() - _EARLY
    later = None if one["next"] is None else time + one["next"]
    return ReminderRow(
        durable_id, one["key"], time + one["due"], later, one["interval"], one["attempt"], "", 0, 0, b""
    )
