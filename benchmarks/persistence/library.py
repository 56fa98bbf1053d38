"""The same accounts by the `eventsourcing` library, on SQLite, with threads."""

import functools
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.persistence.bank import folder

__all__ = ["library_accounts"]


@functools.cache
def _account_class() -> Any:
    """Make the class of the aggregates, once: the library keeps it by its name."""
    from eventsourcing.domain import Aggregate, event

    class Account(Aggregate):
        def __init__(self) -> None:
            self.cents = 0

        @event("Deposited")
        def deposit(self, amount: int) -> None:
            self.cents += amount

    return Account


def _slow_commits(sync: float) -> Any:
    """Slow each commit of the library by so many seconds."""
    from eventsourcing.sqlite import SQLiteTransaction

    leave = SQLiteTransaction.__exit__

    def slow(self: Any, *error: Any) -> Any:
        outcome = leave(self, *error)
        if self.commit:
            time.sleep(sync)
        return outcome

    return patch.object(SQLiteTransaction, "__exit__", slow)


def library_accounts(accounts: int, asks: int, sync: float, threads: int) -> float:
    """Measure aggregates of the library with so many seconds a sync; returns events a second."""
    from eventsourcing.application import Application

    account_class = _account_class()
    with folder() as where:
        environment = {
            **os.environ,
            "PERSISTENCE_MODULE": "eventsourcing.sqlite",
            "SQLITE_DBNAME": str(Path(where) / "library.db"),
            "SQLITE_LOCK_TIMEOUT": "60",
        }
        application: Any = Application(env=environment)
        ids = []
        for _ in range(accounts):
            account = account_class()
            application.save(account)
            ids.append(account.id)

        def deposit(one: Any) -> None:
            for _ in range(asks):
                found = application.repository.get(one)
                found.deposit(1)
                application.save(found)

        with _slow_commits(sync), ThreadPoolExecutor(threads) as pool:
            begun = time.perf_counter()
            list(pool.map(deposit, ids))
            seconds = time.perf_counter() - begun
        application.close()
    return accounts * asks / seconds
