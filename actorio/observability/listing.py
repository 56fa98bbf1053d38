"""Lists of actors for the doors: searched, sorted, as a tree; and all of one. It runs no code of actors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actorio._cell.frames import turn_frames
from actorio._core.redaction import fields_of, text_of
from actorio.errors import NameNotFoundError
from actorio.inspection.inspector import info_of, letters_of
from actorio.inspection.rows import class_name, frames_of
from actorio.inspection.state import own_attributes
from actorio.observability.answers import fields_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actorio._cell.cell import Cell
    from actorio._tree.runtime import Runtime
    from actorio.observability.census import Census, Row
    from actorio.observability.rows import ActorRow
    from actorio.observability.seen import Seen
    from actorio.observability.survey import Survey

__all__ = ["Listing", "find_actor"]

_FIRST_LETTERS = 10
_MOST_ATTRIBUTES = 200
_MOST_WAITERS = 40


class Listing:
    """Makes lists of an observatory's surveys; what is costly is kept for as long as the survey is."""

    def __init__(self, observatory: Seen) -> None:
        self._observatory = observatory
        self._kept: dict[Any, Any] = {}
        self._kept_for = -1.0

    def _keep(self, survey: Survey) -> dict[Any, Any]:
        if self._kept_for != survey.at:
            self._kept, self._kept_for = {}, survey.at
        return self._kept

    def actors(
        self, survey: Survey, query: Mapping[str, str], sort: str, offset: int, limit: int
    ) -> tuple[int, list[ActorRow]]:
        """Return how many actors there are that meet a query, and some of them."""
        asked = tuple(query.get(name, "") for name in ("q", "cls", "state", "under"))
        kept = self._keep(survey)
        rows = kept.get(asked)
        if rows is None:
            rows = kept[asked] = _found(list(survey.census.rows.values()), *asked)
        known = kept.get((asked, sort), ())
        if len(known) < min(offset + limit, len(rows)):
            known = kept[asked, sort] = survey.ordered(rows, sort, offset + limit)
        return len(rows), [survey.actor_row(row) for row in known[offset : offset + limit]]

    def children(
        self, survey: Survey, path: str, offset: int, limit: int
    ) -> tuple[int, list[dict[str, Any]]] | None:
        """Return how many children an actor has, and some of them; None where there is no such actor."""
        root: Any = self._observatory.runtime.root
        if path:
            cell: Any = self._observatory.runtime.system._find(path)
            if cell is None:
                return None
            root = cell.children
        cells: list[Cell] = [] if root is None else list(root.table.values())
        below = self._below(survey)
        rows = []
        for cell in cells[offset : offset + limit]:
            row = survey.census.rows.get(cell)
            if row is not None:
                count, depth = below.get(cell, (0, 0))
                children = 0 if cell.children is None else len(cell.children.table)
                rows.append(
                    {
                        **fields_in(survey.actor_row(row)),
                        "children": children,
                        "below": count,
                        "waiting_below": depth,
                    }
                )
        return len(cells), rows

    def _below(self, survey: Survey) -> dict[Any, tuple[int, int]]:
        """Return for each actor that has children how many are below it, and how much mail waits there."""
        kept = self._keep(survey)
        if "below" not in kept:
            kept["below"] = _sums_below(survey.census)
        return kept["below"]  # type: ignore[no-any-return]

    def culprits(self, limit: int) -> list[dict[str, Any]]:
        """Return those who are waited for, each with the actors that wait for it, and those that wait for these."""
        survey = self._observatory.survey
        if survey is None:
            return []
        rows = []
        for cause in survey.waits.causes[:limit]:
            culprit = self._observatory.culprit(cause, survey)
            rows.append({**fields_in(culprit), "waiting": _waiting_for(cause.cell, survey)})
        return rows

    def actor(self, path: str, *, values: bool) -> dict[str, Any]:
        """Return all that is known of an actor; contents only where the observatory shows them.

        Raises:
            NameNotFoundError: there is none.
        """
        observatory = self._observatory
        cell = find_actor(observatory.runtime, path)
        redact = observatory.redact if observatory.values and values else None
        return {
            "info": info_of(cell, redact),
            "stack": frames_of(turn_frames(cell)),
            "peek": letters_of(cell, _FIRST_LETTERS, redact),
            "attributes": self._attributes(cell, shown=redact is not None),
        }

    def _attributes(self, cell: Cell, *, shown: bool) -> list[dict[str, Any]]:
        instance = cell.instance
        if instance is None:
            return []
        own = own_attributes(instance)
        texts = dict(fields_of(instance, self._observatory.redact)) if shown else {}
        return [
            {
                "name": name,
                "type": class_name(type(value)).removeprefix("builtins."),
                "text": text_of(texts.get(name), self._observatory.redact) if shown else None,
            }
            for name, value in list(own.items())[:_MOST_ATTRIBUTES]
        ]


def find_actor(runtime: Runtime, path: str) -> Cell:
    """Return the actor of a path.

    Raises:
        NameNotFoundError: there is none.
    """
    cell: Cell | None = runtime.system._find(path) if path else None
    if cell is None:
        raise NameNotFoundError(f"no actor is called {path!r}")
    return cell


def _found(rows: list[Row], q: str, cls: str, state: str, under: str) -> list[Row]:
    if q:
        wanted = q.lower()
        classes = _Matching(wanted)
        rows = [row for row in rows if classes[row.group.name] or wanted in row.cell.path.lower()]
    if cls:
        rows = [row for row in rows if row.group.name == cls]
    if state:
        rows = [row for row in rows if row.state == state]
    if under:
        inside = f"{under.rstrip('/')}/"
        rows = [row for row in rows if row.cell.path.startswith(inside)]
    return rows


class _Matching(dict[str, bool]):
    """Which names of classes have a text in them."""

    def __init__(self, wanted: str) -> None:
        super().__init__()
        self._wanted = wanted

    def __missing__(self, name: str) -> bool:
        found = self[name] = self._wanted in name.lower()
        return found


def _sums_below(census: Census) -> dict[Any, tuple[int, int]]:
    """Add up from the leaves: the table of a parent stands before those of its children."""
    sums: dict[Any, tuple[int, int]] = {}
    for table in reversed(census.tables[1:]):
        count = depth = 0
        for cell in list(table.table.values()):
            row = census.rows.get(cell)
            if row is not None:
                below = sums.get(cell, (0, 0))
                count += 1 + below[0]
                depth += row.depth + below[1]
        sums[table.owner] = count, depth
    return sums


def _waiting_for(cell: Any, survey: Survey) -> list[dict[str, Any]]:
    """Return who waits for an actor, nearest first, each with whom it waits for: a tree as a list."""
    direct = survey.waits.direct
    queue: list[tuple[Any, Any]] = [(waiter, cell) for waiter in direct.get(cell, ())]
    seen: dict[Any, None] = {cell: None}
    found = []
    for waiter, target in queue:
        if waiter in seen:
            continue
        seen[waiter] = None
        row = survey.census.rows.get(waiter)
        found.append(
            {
                "path": waiter.path,
                "cls": "" if row is None else row.group.name,
                "for": target.path,
                "depth": 0 if row is None else row.depth,
                "waiters": survey.waits.sizes.get(waiter, 0),
            }
        )
        if len(found) >= _MOST_WAITERS:
            break
        queue.extend((further, waiter) for further in direct.get(waiter, ()))
    return found
