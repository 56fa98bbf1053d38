"""Durable actors: what was acknowledged survives.

`EventSourced` actors write events, `DurableState` actors their whole state; both are rebuilt from a store when they
are spawned again. Needs `pip install 'actorio-py[persistence]'`, and `PostgresStore` `'actorio-py[postgres]'`.
"""

from actorio.errors import (
    AlreadyOpenError,
    ConflictError,
    DamagedError,
    NotStorableError,
    OutcomeUnknownError,
    RecoveryError,
    StoreClosedError,
    StoreError,
    StoreFailedError,
    StoreFullError,
    StoreInUseError,
    StoreUnavailableError,
)
from actorio.persistence._journal import Done
from actorio.persistence._snapshots import SnapshotEvery
from actorio.persistence._statistics import StoreStatistics
from actorio.persistence._stored_actor import StoredActor
from actorio.persistence._verify import Report
from actorio.persistence.activation import activate
from actorio.persistence.durable_state import DurableState
from actorio.persistence.event_sourced import EventSourced
from actorio.persistence.memory import MemoryStore
from actorio.persistence.postgres import PostgresStore
from actorio.persistence.projection import Projection
from actorio.persistence.reading import RawEvent, Recorded
from actorio.persistence.reminders import Fired, Reminder
from actorio.persistence.sqlite import SqliteStore
from actorio.persistence.store import Store
from actorio.persistence.stored import stored

__all__ = [
    "AlreadyOpenError",
    "ConflictError",
    "DamagedError",
    "Done",
    "DurableState",
    "EventSourced",
    "Fired",
    "MemoryStore",
    "NotStorableError",
    "OutcomeUnknownError",
    "PostgresStore",
    "Projection",
    "RawEvent",
    "Recorded",
    "RecoveryError",
    "Reminder",
    "Report",
    "SnapshotEvery",
    "SqliteStore",
    "Store",
    "StoreClosedError",
    "StoreError",
    "StoreFailedError",
    "StoreFullError",
    "StoreInUseError",
    "StoreStatistics",
    "StoreUnavailableError",
    "StoredActor",
    "activate",
    "stored",
]
