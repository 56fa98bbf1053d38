"""The flight recorder's journal of one actor: its last inputs, in segments that begin with a checkpoint.

An input is kept as it is where nobody can change it, else it is encoded at once: a handler may change its message.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from actorio._core.redaction import Redact
from actorio.address import Address
from actorio.capsule.encoding import ATOMS, Encoder

if TYPE_CHECKING:
    from actorio._cell.cell import Cell

__all__ = [
    "CHECKPOINT",
    "NOWHERE",
    "START",
    "Encoded",
    "Input",
    "Journal",
    "Segment",
    "has_stored_state",
    "kept",
]

START, CHECKPOINT, NOWHERE = "start", "checkpoint", "nowhere"

Input = tuple[float, str, Any, Any]
"""When, its kind, the message (kept), and what belongs to it: who asked, or the outcome and of whom."""

_SECONDS = 0.004
"""For how long one value may hold the loop; what is left of it then is opaque."""
_FROZEN: dict[type, tuple[str, ...] | None] = {}


class Encoded:
    """A value that was encoded at once."""

    __slots__ = ("hidden", "json", "missing")

    def __init__(self, json: Any, encoder: Encoder) -> None:
        self.json = json
        self.missing = encoder.missing
        """The places of what is missing in it, without that of itself."""
        self.hidden: Collection[str] = encoder.hidden.texts or ()

    @classmethod
    def of(cls, value: object, redact: Redact, until: float | None = None) -> Encoded:
        """Encode a value."""
        encoder = Encoder(redact, seconds=_SECONDS) if until is None else Encoder(redact, until=until)
        return cls(encoder.encode(value, ""), encoder)


def kept(value: Any, redact: Redact, until: float | None = None) -> Any:
    """Return the value where it cannot change, else its code."""
    kind = type(value)
    if kind in ATOMS or isinstance(value, Address):
        return value
    if kind is tuple:
        return value if all(type(item) in ATOMS for item in value) else Encoded.of(value, redact, until)
    fields = _FROZEN[kind] if kind in _FROZEN else _frozen_fields(kind)
    try:
        if fields is not None and all(type(getattr(value, name)) in ATOMS for name in fields):
            return value
    except Exception:  # a field has no value
        pass
    return Encoded.of(value, redact, until)


def has_stored_state(cell: Cell) -> bool:
    """Tell whether an actor goes on from what is in a store."""
    return getattr(type(cell.instance), "_has_stored_state", False) is True


def _frozen_fields(kind: type[Any]) -> tuple[str, ...] | None:
    """Return the names of the fields of a frozen dataclass that has nothing else; None of any other class."""
    own: Any = kind
    params = kind.__dict__.get("__dataclass_params__")
    names = None
    if params is not None and params.frozen and own.__getattribute__ is object.__getattribute__:
        names = tuple(own.__dataclass_fields__)
    if len(_FROZEN) < 10_000:
        _FROZEN[kind] = names
    return names


class Segment:
    """The inputs since the start of an incarnation, since a checkpoint, or since what was before was let go."""

    __slots__ = ("begins", "inputs", "journal", "state")

    def __init__(self, journal: Journal, begins: str, state: Encoded | None = None) -> None:
        self.journal: Journal | None = journal
        self.begins = begins
        self.state = state
        self.inputs: list[Input] = []


class Journal:
    """The segments of one incarnation.

    Attributes:
        add: puts an input into the current segment.
        current: where inputs go.
        previous: that before the last checkpoint; None while there is none.
        left: turns until the next checkpoint.
        put_back: messages of a stash that are first in the mailbox, whose turns are not inputs again.
    """

    __slots__ = ("add", "current", "incarnation", "left", "previous", "put_back")

    add: Callable[[Input], None]
    current: Segment

    def __init__(self, incarnation: int, begins: str, left: int) -> None:
        self.incarnation = incarnation
        self.previous: Segment | None = None
        self.left = left
        self.put_back = 0
        self.begin(Segment(self, begins))

    def begin(self, segment: Segment) -> None:
        """Begin a segment: inputs go there from now on."""
        self.current = segment
        self.add = segment.inputs.append

    def segments(self) -> list[Segment]:
        """Return what a capsule is made of, in order."""
        return [self.current] if self.previous is None else [self.previous, self.current]
