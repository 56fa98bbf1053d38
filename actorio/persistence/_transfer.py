"""Export and import: all that is stored as JSON Lines, to move it from one kind of store to another."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from actorio._core.checks import kind_of
from actorio.errors import DamagedError, StoreError
from actorio.persistence._checks import LARGEST_VERSION, check_position, check_storable
from actorio.persistence._msgspec import msgspec
from actorio.persistence._rows import ActorRow, EventRow, OffsetRow, OnceRow, ReminderRow, SnapshotRow
from actorio.persistence._verify import all_ids

if TYPE_CHECKING:
    from actorio.persistence.store import Store

__all__ = ["export_lines", "import_lines"]

_FORMAT = 1
_BATCH = 1_000
_KINDS: dict[str, type[Any]] = {
    "actor": ActorRow,
    "event": EventRow,
    "snapshot": SnapshotRow,
    "once": OnceRow,
    "reminder": ReminderRow,
    "offset": OffsetRow,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_BODIES = {"event": "body", "snapshot": "body", "reminder": "body", "once": "reply"}


async def export_lines(store: Store) -> AsyncIterator[str]:
    """Yield a line for each row: heads with what hangs on them, then the journal in order, then offsets.

    What is written meanwhile is left out: no event is behind the head of its id.
    """
    heads: dict[str, int] = {}
    position = await store._reading(store._position)
    yield _encode({"actorio": "store", "format": _FORMAT, "position": position})
    async for durable_id in all_ids(store):
        loaded = await store._loaded(durable_id)
        if loaded.head is None:
            raise DamagedError(f"{durable_id} is listed, and not found", durable_id)
        heads[durable_id] = loaded.head.sequence
        for row in (loaded.head, *reversed(loaded.snapshots), *loaded.once, *loaded.reminders):
            yield _line(row)
    after = 0
    while page := await store._reading(store._read_all, after, _BATCH, (), None, None):
        for event in page:
            if event.sequence <= heads.get(event.durable_id, 0):
                yield _line(event)
        after = page[-1].position
    for offset in await store._reading(store._offsets):
        yield _line(offset)


def _line(row: Any) -> str:
    name = _NAMES[type(row)]
    fields = msgspec.structs.asdict(row)
    body = _BODIES.get(name)
    if body is not None:
        fields[body] = bytes(fields[body]).decode()  # as text: a body read as JSON would lose its very bytes
    fields.pop("row", None)
    return _encode({"row": name, **fields})


def _encode(fields: dict[str, Any]) -> str:
    return msgspec.json.encode(fields).decode()


async def import_lines(store: Store, lines: AsyncIterable[str]) -> None:
    """Store the rows of an export; what is wrong with a line leaves the store as empty as it was."""
    if not isinstance(lines, AsyncIterable):
        raise TypeError(f"import_lines takes an async iterable of lines, not {kind_of(lines)}")
    found: Sequence[Any] = await store._reading(store._ids, None, "", 1, all=True)
    if found or await store._reading(store._offsets):
        raise StoreError(f"{store!r} is not empty: an import needs an empty store")
    try:
        await _import(store, lines)
    except BaseException:
        await store._reading(store._clear)
        raise


async def _import(store: Store, lines: AsyncIterable[str]) -> None:
    position: int | None = None
    batch: list[Any] = []
    number = first = 0
    async for line in lines:
        number += 1
        if not line.strip():
            continue
        if position is None:
            position = _header(line)
            continue
        first = first or number
        batch.append(_row(line, number))
        if len(batch) == _BATCH:
            position = await _insert(store, batch, position, f"lines {first} to {number}")
            batch, first = [], 0
    if position is None:
        raise ValueError("there is no line that says that this is an export of a store")
    await _insert(store, batch, position, f"lines {first} to {number}")


async def _insert(store: Store, rows: Sequence[Any], position: int, where: str) -> int:
    position = max([position, *(row.position for row in rows if isinstance(row, EventRow))])
    try:
        await store._reading(store._insert, rows, position)
    except ValueError as error:  # a row that is there already, or that belongs to none
        raise ValueError(f"{where}: {error}") from error
    return position


def _header(line: str) -> int:
    try:
        fields = msgspec.json.decode(line)
        if fields["actorio"] == "store" and fields["format"] == _FORMAT:
            return check_position("position", fields["position"])
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        pass
    raise ValueError(f"line 1 is not the first line of an export of format {_FORMAT}: {line[:80]!r}")


def _row(line: str, number: int) -> Any:
    try:
        fields = msgspec.json.decode(line)
        name = fields.pop("row")
        if name == "actor":
            fields["row"] = 0
        if name in _BODIES:
            fields[_BODIES[name]] = fields[_BODIES[name]].encode()
        row = msgspec.convert(fields, _KINDS[name], builtin_types=(bytes,))
        _check_fields(row)
        return row
    except (msgspec.MsgspecError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"line {number} is no row of an export ({error}): {line[:80]!r}") from error


def _check_fields(row: Any) -> None:
    """Refuse what some stores can keep and others cannot."""
    for name, value in msgspec.structs.asdict(row).items():
        if isinstance(value, int) and not isinstance(value, bool):
            check_position(name, value)
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str):
                check_storable(name, text)
            elif isinstance(text, bytes) and b"\0" in text:
                raise ValueError(f"{name} has a NUL in it")
    if getattr(row, "version", 0) > LARGEST_VERSION:
        raise ValueError(f"version must be at most {LARGEST_VERSION}")
