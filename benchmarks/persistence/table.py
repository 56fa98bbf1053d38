"""The table of durable actors: each figure is a ratio of two rates of one run."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from benchmarks.persistence.bank import raw_sqlite, sqlite_accounts
from benchmarks.persistence.library import library_accounts
from benchmarks.persistence.postgres import postgres_accounts, raw_postgres
from benchmarks.persistence.recovery import bytes_an_event, idle_bytes, lag, recovery_ratio

__all__ = ["Line", "as_markdown", "lines"]

TRIES = 3
SYNC = 0.0005
SLOW_SYNC = 0.004


@dataclass(frozen=True)
class Line:
    """One row: what was measured against what, the ratio, the target, and the figures behind it."""

    workload: str
    against: str
    measured: str
    target: str
    behind: str


def lines(*, quick: bool, dsn: str = "") -> Iterator[Line]:
    """Measure one after the other."""
    for accounts, asks, target in ((1_000, 10, "0.40"), (1, 500, "0.75")):
        yield _sqlite(accounts, 1 if quick else asks, target)
    if dsn:
        for accounts, asks, target in ((100, 50, "0.50"), (1_000, 10, "0.30")):
            yield _postgres(dsn, accounts, 1 if quick else asks, target)
    if find_spec("eventsourcing") is not None:
        for sync, target in ((SYNC, "15"), (SLOW_SYNC, "80")):
            yield _library(50 if quick else 1_000, 1 if quick else 5, sync, target)
    yield from _others(quick=quick)


def _sqlite(accounts: int, asks: int, target: str) -> Line:
    ours, raw, groups = _in_turns(
        lambda: sqlite_accounts(accounts, asks, SYNC), lambda groups: raw_sqlite(groups, accounts, SYNC)
    )
    behind = f"{ours:,.0f} and {raw:,.0f} events/s, {len(groups)} groups"
    return Line(
        f"{accounts:,} accounts asked, SQLite, 0.5 ms", "raw sqlite3", f"{ours / raw:.2f}", target, behind
    )


def _postgres(dsn: str, accounts: int, asks: int, target: str) -> Line:
    ours, raw, groups = _in_turns(
        lambda: postgres_accounts(dsn, accounts, asks, SYNC),
        lambda groups: raw_postgres(dsn, groups, accounts, SYNC),
    )
    behind = f"{ours:,.0f} and {raw:,.0f} events/s, {len(groups)} groups"
    return Line(
        f"{accounts:,} accounts asked, PostgreSQL, 0.5 ms", "raw asyncpg", f"{ours / raw:.2f}", target, behind
    )


def _in_turns(
    ours: Callable[[], tuple[float, list[int]]], raw: Callable[[list[int]], float]
) -> tuple[float, float, list[int]]:
    """Measure the two sides in turns, and return the best of each: other work on the machine slows either."""
    best, best_raw, groups = 0.0, 0.0, list[int]()
    for _ in range(TRIES):
        rate, sizes = ours()
        best_raw = max(best_raw, raw(sizes))
        if rate > best:
            best, groups = rate, sizes
    return best, best_raw, groups


def _library(accounts: int, asks: int, sync: float, target: str) -> Line:
    ours = max(sqlite_accounts(accounts, asks, sync)[0] for _ in range(TRIES))
    few = max(10, accounts // 20)  # its rate does not depend on the number, and it takes its time
    theirs = max(library_accounts(few, asks, sync, threads) for threads in (1, 8))
    behind = f"{ours:,.0f} and {theirs:,.0f} events/s"
    name = f"{accounts:,} accounts, SQLite, {sync * 1000:g} ms"
    return Line(name, "eventsourcing, the better of 1 and 8 threads", f"{ours / theirs:.0f}", target, behind)


def _others(*, quick: bool) -> Iterator[Line]:
    count = 2_000 if quick else 10_000
    rates = [recovery_ratio(count) for _ in range(TRIES)]
    ours, plain = (max(side) for side in zip(*rates, strict=True))
    behind = f"{ours:,.0f} and {plain:,.0f} events/s"
    yield Line(
        f"recovery of {count:,} events", "fetchall, decode, apply", f"{ours / plain:.2f}", "0.60", behind
    )
    many = 5_000 if quick else 100_000
    quiet, busy = (min(side) for side in zip(*[lag(many) for _ in range(TRIES)], strict=True))
    yield Line(
        f"lag of the loop while {many:,} events are recovered",
        "while nothing is",
        f"{(busy - quiet) * 1000:.1f} ms more",
        "at most 5 ms",
        f"{busy * 1000:.1f} and {quiet * 1000:.1f} ms",
    )
    durable, plain_bytes = idle_bytes(200 if quick else 2_000)
    yield Line(
        "idle durable actor",
        "plain actor after one message",
        f"{durable / plain_bytes:.2f}",
        "at most 1.2",
        f"{durable:,.0f} and {plain_bytes:,.0f} B",
    )
    size = bytes_an_event(count)
    yield Line("an event in SQLite", "", f"{size:.0f} B", "", "")


def as_markdown(table: list[Line]) -> str:
    """Return the table."""
    head = "| workload | against | measured | target | behind it |\n|---|---|---:|---:|---|\n"
    return head + "".join(
        f"| {line.workload} | {line.against} | {line.measured} | {line.target} | {line.behind} |\n"
        for line in table
    )
