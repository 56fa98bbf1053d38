"""The tape: every choice of a run as a small integer, drawn once, replayed, shrunk.

0 always means what plain asyncio would most likely have done: the first of the ready callbacks, a step that
costs nothing, no fault. So a tape of zeros is first-in-first-out, and shrinking a failure means zeroing as
much of its tape as possible.

Choices of different kinds are on different lanes of the tape (`order`, `cost`, `tie`, ...). With a single
lane, one choice more or less of one kind would shift the meaning of all that follow, and little could be
shrunk.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from actorio._core.checks import check_instance

__all__ = ["Deviation", "Lane", "Recorder", "Tape"]

Deviation = tuple[str, int]
"""A place on the tape that is not 0: the lane and the position on it."""

_EXACT_AS_FLOAT = 1 << 32


@dataclass(frozen=True, slots=True)
class Tape:
    """A recording. Its text, `order=3:1,9:2 cost=5:31`, names what is not 0; "" is first-in-first-out."""

    lanes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Tape:
        """Read what `str(tape)` has written.

        Raises:
            TypeError: `text` is no string.
            ValueError: it is not a tape.
        """
        check_instance("a tape", text, str)
        try:
            return cls(
                {name: _parse_lane(values) for name, values in (word.split("=") for word in text.split())}
            )
        except ValueError:
            raise ValueError(f"not a tape: {text!r}; expected e.g. 'order=3:1,9:2 cost=5:31'") from None

    def __str__(self) -> str:
        words = []
        for name in sorted(self.lanes):
            values = ",".join(f"{place}:{value}" for place, value in enumerate(self.lanes[name]) if value)
            if values:
                words.append(f"{name}={values}")
        return " ".join(words)

    @property
    def deviations(self) -> list[Deviation]:
        """All places that are not 0, lane by lane."""
        return [(name, i) for name in sorted(self.lanes) for i, value in enumerate(self.lanes[name]) if value]

    def replaced(self, places: Collection[Deviation], value: int = 0) -> Tape:
        """Return a copy with `value` at the given places."""
        lanes = {name: list(values) for name, values in self.lanes.items()}
        for name, place in places:
            lanes[name][place] = value
        return Tape({name: tuple(values) for name, values in lanes.items()})


def _parse_lane(text: str) -> tuple[int, ...]:
    values: dict[int, int] = {}
    for item in text.split(","):
        place, value = item.split(":")
        values[int(place)] = int(value)
    if min(values) < 0 or min(values.values()) < 0:
        raise ValueError(text)
    return tuple(values.get(place, 0) for place in range(max(values) + 1))


class Lane:
    """One kind of choices in one run: from a recording, from a seeded generator, or always 0."""

    __slots__ = ("_recorded", "_source", "values")

    def __init__(self, recorded: tuple[int, ...] | None, source: random.Random | None) -> None:
        self.values: list[int] = []
        self._recorded = recorded
        self._source = source

    def draw(self, bound: int) -> int:
        """Draw from `range(bound)`; a recorded value that is too large wraps around, past the end it is 0."""
        if self._recorded is not None:
            place = len(self.values)
            value = self._recorded[place] % bound if place < len(self._recorded) else 0
        elif self._source is None:
            value = 0
        elif bound <= _EXACT_AS_FLOAT:
            value = int(self._source.random() * bound)  # a quarter of the time of randrange
        else:
            value = self._source.randrange(bound)
        self.values.append(value)
        return value

    def record(self, value: int) -> int:
        """Write down a choice that was made elsewhere."""
        self.values.append(value)
        return value


class Recorder:
    """The tape of the run that is going on.

    Args:
        seed: draw from generators seeded with it; None: all choices are 0.
        tape: replay this recording, and all choices past its end are 0; the seed is not used.
    """

    __slots__ = ("_lanes", "_seed", "_tape")

    def __init__(self, seed: int | None = None, tape: Tape | None = None) -> None:
        self._lanes: dict[str, Lane] = {}
        self._seed = seed
        self._tape = tape

    @property
    def replaying(self) -> bool:
        """Tell whether choices come from a recording."""
        return self._tape is not None

    def source(self, name: str) -> random.Random | None:
        """Return a generator of its own for `name`; None when there is no seed, or it has no say."""
        if self._seed is None or self._tape is not None:
            return None
        return random.Random(f"{name}:{self._seed}")

    def lane(self, name: str) -> Lane:
        """Return the lane of that name."""
        if name not in self._lanes:
            recorded = None if self._tape is None else self._tape.lanes.get(name, ())
            self._lanes[name] = Lane(recorded, self.source(name))
        return self._lanes[name]

    def recording(self) -> Tape:
        """Return what has been drawn until now."""
        return Tape({name: tuple(lane.values) for name, lane in self._lanes.items() if any(lane.values)})
