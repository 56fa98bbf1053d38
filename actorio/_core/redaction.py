"""How contents are shown: short, inert, and without secrets. Runs no code of what it shows, no `repr` among it.

`redact(name, value)` is asked for each attribute, str key and dataclass field, at any depth, and gives back what is
to be shown in its place. What it says, fields with `repr=False` and objects with `get_secret_value` are hidden.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import functools
import pathlib
import sys
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final

from actorio.address import Address

__all__ = [
    "REDACTED",
    "UNPRINTABLE",
    "Redact",
    "Redacted",
    "attributes_of",
    "fields_of",
    "hidden_fields",
    "hide_secrets",
    "inert",
    "is_known_zone",
    "text_of",
]

Redact = Callable[[str, object], object]
"""Gives what is to be shown for the value of that name: the value, another one, or `REDACTED`."""

_SECRET = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "authorization",
    "cookie",
    "credential",
    "private_key",
)
_DEEPEST = 6
_MOST_ITEMS = 20
_LONGEST_INT = 1000
"""Bits."""
UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"
_PLAIN = frozenset({
    type(None), bool, float, complex, type(...),
    datetime.date, datetime.time, datetime.datetime, datetime.timedelta, datetime.timezone,
    decimal.Decimal, fractions.Fraction, uuid.UUID,
    pathlib.PosixPath, pathlib.WindowsPath, pathlib.PurePosixPath, pathlib.PureWindowsPath,
})  # fmt: skip
"""Types whose `repr` is short, and no code of the user's."""
_TIMES = (datetime.time, datetime.datetime)
"""Types among them that have a time zone, whose `repr` may be the user's."""
_BRACKETS: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    deque: ("deque([", "])"),
}


class Redacted:
    """Stands in the place of a secret: there is one, `REDACTED`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<redacted>"

    def __reduce__(self) -> str:
        return "REDACTED"


REDACTED: Final = Redacted()


def hide_secrets(name: str, value: object) -> object:
    """Hide a value whose name speaks of a secret: `password`, `token`, `api_key` and the like, in any case."""
    lowered = name.lower()
    return REDACTED if any(word in lowered for word in _SECRET) else value


def seen(redact: Redact, name: str, value: object) -> object:
    """Return what is to be shown for a value of that name; one that cannot be decided about is hidden."""
    try:
        return redact(name, value)
    except Exception:
        return REDACTED


def text_of(value: object, redact: Redact = hide_secrets, limit: int = 200) -> str:
    """Return a redacted text of any value: at most `limit` characters, all of them printable; never raises."""
    parts: list[str] = []
    length = 0
    try:
        for part in _parts(value, redact, _DEEPEST):
            parts.append(part)
            length += len(part)
            if length > limit:
                break
    except Exception as error:  # of a class that lies about itself
        parts = [f"<{type(value).__name__}, which cannot be shown: {type(error).__name__}>"]
    return inert("".join(parts), limit)


def inert(text: str, limit: int = 2000) -> str:
    """Return a text without control characters, marks of direction and the like, cut to `limit` characters."""
    if len(text) > limit:
        text = f"{text[: limit - 3]}..."
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else UNPRINTABLE for one in text)


def attributes_of(value: object) -> dict[str, Any]:
    """Return the attributes of an object, those in slots too, as a new dict of the real objects."""
    found: dict[str, Any] = {}
    for name, slot in slots_of(type(value)).items():
        try:
            found[name] = slot.__get__(value, type(value))
        except AttributeError:  # it has no value
            continue
    found.update(_dict_of(value))
    return found


def slots_of(cls: type[Any]) -> dict[str, Any]:
    """Return the descriptors of the slots of a class, those of its bases first."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        members = {
            name: member
            for name, member in vars(base).items()
            if type(member) is _MEMBER and member.__objclass__ is base and base.__module__ != "builtins"
        }
        named = vars(base).get("__slots__", ())  # in the order in which they were written
        order = (named,) if isinstance(named, str) else tuple(named)
        found.update({name: members[name] for name in (*(one for one in order if one in members), *members)})
    return found


def fields_of(value: object, redact: Redact) -> Iterator[tuple[str, object]]:
    """Yield the names of an object's fields and attributes, each with what is to be shown of it."""
    kind = type(value)
    hidden = hidden_fields(kind)  # type: ignore[arg-type]
    for name, field in attributes_of(value).items():
        yield name, REDACTED if name in hidden else seen(redact, name, field)


def is_secret(value: object) -> bool:
    """Tell whether an object says of itself that it is a secret."""
    return any("get_secret_value" in vars(base) for base in type(value).__mro__)


class _Slotted:
    __slots__ = ("slot",)


_MEMBER: Any = type(vars(_Slotted)["slot"])


def _dict_of(value: object) -> dict[str, Any]:
    if type(value).__dictoffset__ == 0:
        return {}
    attributes = object.__getattribute__(value, "__dict__")
    return dict(attributes) if isinstance(attributes, dict) else {}


@functools.lru_cache(maxsize=1024)
def hidden_fields(kind: type[Any]) -> frozenset[str]:
    """Return the names of the fields that a class keeps out of its own `repr`."""
    hidden = {field.name for field in getattr(kind, "__dataclass_fields__", {}).values() if not field.repr}
    hidden.update(field.name for field in getattr(kind, "__attrs_attrs__", ()) if field.repr is False)
    models = getattr(kind, "__pydantic_fields__", None) or {}
    hidden.update(name for name, field in models.items() if getattr(field, "repr", True) is False)
    return frozenset(hidden)


def _parts(value: Any, redact: Redact, depth: int) -> Iterator[str]:
    kind = type(value)
    if value is REDACTED or is_secret(value):
        yield repr(REDACTED)
    elif (word := _word(value)) is not None:
        yield word
    elif depth == 0:
        yield f"{kind.__qualname__}(...)"
    elif issubclass(kind, dict):
        yield from _enclosed("{", _entries(value, redact, depth), "}")
    elif kind in _BRACKETS:
        opening, closing = _BRACKETS[kind]
        items: Iterable[object] = value
        yield from _enclosed(opening, (_parts(item, redact, depth - 1) for item in items), closing)
    else:
        yield from _object(value, redact, depth)


def _word(value: Any) -> str | None:
    """Return the text of what has no parts; None of what has.

    By the type alone: `isinstance` asks a value for its `__class__`, and a lazy one would be made by that.
    """
    kind = type(value)
    if kind in _TIMES and not is_known_zone(value.tzinfo):
        return f"{value.replace(tzinfo=None)!r} of a {type(value.tzinfo).__qualname__}"
    if kind in _PLAIN:
        return repr(value)
    if issubclass(kind, enum.Enum):
        return f"{kind.__qualname__}.{value._name_}"
    if issubclass(kind, (str, bytes, bytearray)):
        return _base_repr(value)
    if issubclass(kind, int):
        return int.__repr__(value) if int.bit_length(value) <= _LONGEST_INT else "<a large int>"
    if issubclass(kind, Address):
        return f"<{value.path}>"
    if issubclass(kind, (type, *_FUNCTIONS)):
        return str(getattr(value, "__qualname__", kind.__qualname__))
    return None


def is_known_zone(zone: object) -> bool:
    """Tell whether a time zone is none, or one of the standard library: no code of the user's."""
    kind, zoneinfo = type(zone), sys.modules.get("zoneinfo")
    return kind in (type(None), datetime.timezone) or (zoneinfo is not None and kind is zoneinfo.ZoneInfo)


def _object(value: Any, redact: Redact, depth: int) -> Iterator[str]:
    kind = type(value)
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        names: Any = kind
        named: Iterable[tuple[str, object]] = (
            (name, seen(redact, name, item))
            for name, item in zip(names._fields, tuple.__iter__(value), strict=False)
        )
    elif issubclass(kind, BaseException):
        arguments = (_parts(argument, redact, depth - 1) for argument in value.args)
        yield from _enclosed(f"{kind.__qualname__}(", arguments, ")")
        return
    else:
        named = fields_of(value, redact)
    yield from _enclosed(
        f"{kind.__qualname__}(", (_named(name, item, redact, depth) for name, item in named), ")"
    )


def _named(name: str, value: object, redact: Redact, depth: int) -> Iterator[str]:
    yield f"{name}="
    yield from _parts(value, redact, depth - 1)


def _entries(value: dict[Any, Any], redact: Redact, depth: int) -> Iterator[Iterator[str]]:
    for key, item in dict.items(value):
        yield _entry(key, seen(redact, key, item) if isinstance(key, str) else item, redact, depth)


def _entry(key: object, value: object, redact: Redact, depth: int) -> Iterator[str]:
    yield from _parts(key, redact, depth - 1)
    yield ": "
    yield from _parts(value, redact, depth - 1)


def _enclosed(opening: str, items: Iterable[Iterator[str]], closing: str) -> Iterator[str]:
    yield opening
    items = iter(items)
    for number, item in enumerate(islice(items, _MOST_ITEMS)):
        if number:
            yield ", "
        yield from item
    if next(items, None) is not None:
        yield ", ..."
    yield closing


def _base_repr(value: Any) -> str:
    if issubclass(type(value), str):
        return repr(str.__getitem__(value, slice(0, 2000)))
    return repr(bytes(memoryview(value)[:2000]))


_FUNCTIONS = (type(seen), type(len), type(_Slotted.__init__), functools.partial, type("".join))
