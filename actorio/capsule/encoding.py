"""Values as JSON: what is no plain JSON is an object with a `$` in it, and what cannot be kept is `opaque`.

No code of the values runs but `__capsule__`, where a class has it, and a time zone's own; secrets are left out by
`redact`.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import enum
import fractions
import functools
import logging
import math
import pathlib
import sys
import time
import types
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from actorio._cell.owned.timer import Timer
from actorio._core.hidden import Hidden
from actorio._core.redaction import REDACTED, Redact, attributes_of, hidden_fields, is_secret, seen, text_of
from actorio.actor import Actor
from actorio.address import Address
from actorio.capsule.naming import parameters_of, place_in, place_of, type_name

__all__ = ["ATOMS", "Encoder"]

ATOMS = frozenset({type(None), bool, str, int, float})
"""The types of what is JSON as it is, but for large ints and odd floats."""
_DEEPEST = 32
_MOST = 20_000
_LONGEST_INT = 1000
"""Bits; longer ones are written as hexadecimal text, which JSON readers do not refuse."""
_CLOCK_EVERY = 256
_HEAP_TYPE = 1 << 9
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodDescriptorType)

Json = Any
T = TypeVar("T")


class _TooLargeError(Exception):
    """There is no room for all the parts of a value."""


class Encoder:
    """Encodes values, and notes what is missing of them.

    Args:
        redact: hides what is secret.
        root: the object that stands for the actor itself, wherever it is met.
        most: nodes that may be encoded in all; what comes after them is `opaque`.
        seconds: for how long; None for as long as it takes.
        until: the time of `perf_counter` by which several encoders have to be done.

    Attributes:
        missing: the places of what is opaque or redacted.
        hidden: what was redacted.
        is_cut: whether something was left out for its size.
    """

    def __init__(
        self,
        redact: Redact,
        *,
        root: object = None,
        most: int = _MOST,
        seconds: float | None = None,
        until: float | None = None,
    ) -> None:
        self._redact = redact
        self._root = root
        self._left = most
        self._deadline = until if seconds is None else time.perf_counter() + seconds
        if until is not None and time.perf_counter() > until:
            self._left = 0
        self._above: list[object] = []
        self.missing: list[str] = []
        self.hidden = Hidden()
        self.is_cut = False

    def encode(self, value: object, place: str) -> Json:
        """Return the JSON of a value, which stands at that place."""
        kind = type(value)
        if kind in ATOMS and self._spend():
            return value if kind is not float and kind is not int else _number(value)
        if not self._left or not self._spend():
            return self._cut(value, place)
        if value is REDACTED or (kind.__flags__ & _HEAP_TYPE and is_secret(value)):
            self.missing.append(place)
            self.hidden.note(value)
            return {"$": "redacted"}
        if value is self._root and value is not None:
            return {"$": "self"}
        plain = _PLAIN.get(kind)
        if plain is None and any(one is value for one in self._above):
            return self._opaque(value, place, "it contains itself")
        if plain is None and len(self._above) >= _DEEPEST:
            return self._opaque(value, place, "it is nested too deeply")
        self._above.append(value)
        before = len(self.missing)
        try:
            return self._encode_parts(value, kind, place) if plain is None else plain(value)
        except _TooLargeError:
            del self.missing[before:]
            return self._cut(value, place)
        except Exception as error:
            return self._opaque(value, place, f"its encoding raised {type(error).__name__}")
        finally:
            self._above.pop()

    def named(self, name: str, value: object, place: str) -> Json:
        """Return the JSON of what has a name: a secret is left out."""
        return self.encode(self._seen(name, value), place_of(place, name))

    def _seen(self, name: str, value: object) -> object:
        shown = seen(self._redact, name, value)
        if shown is not value:
            self.hidden.note(value)
        return shown

    def attributes(self, value: object, place: str, *, without: str = "") -> dict[str, Json]:
        """Return the attributes of an object."""
        hidden = hidden_fields(type(value))  # type: ignore[arg-type]
        return {
            name: self.encode(self._kept_out(field), place_of(place, name))
            if name in hidden
            else self.named(name, field, place)
            for name, field in attributes_of(value).items()
            if name != without
        }

    def _kept_out(self, value: object) -> object:
        self.hidden.note(value)
        return REDACTED

    def call(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], place: str) -> Json:
        """Return the JSON of a call; its arguments are redacted by the names of the parameters."""
        return {
            "func": self.encode(func, f"{place}.func"),
            "args": self.arguments(func, args, f"{place}.args"),
            "kwargs": {name: self.named(name, value, f"{place}.kwargs") for name, value in kwargs.items()},
        }

    def arguments(self, func: Any, args: tuple[Any, ...], place: str) -> list[Json]:
        """Return the JSON of positional arguments."""
        names = parameters_of(func)
        return [
            self.encode(
                self._seen(names[index], value) if index < len(names) else value,
                place_in(place, index),
            )
            for index, value in enumerate(args)
        ]

    # -- parts -------------------------------------------------------------------------------------

    def _encode_parts(self, value: Any, kind: type[Any], place: str) -> Json:
        container = _CONTAINERS.get(kind)
        if container is not None:
            return container(self, value, place)
        for base, encode in _BASES.items():
            if issubclass(kind, base):
                return encode(self, value, place)
        if (own := _own_form(kind)) is not None:
            return self._own(own, value, place)
        if tuple in kind.__mro__ and hasattr(kind, "_fields"):
            items = zip(kind._fields, tuple.__iter__(value), strict=True)
            fields = {name: self.named(name, item, place) for name, item in items}
            return {"$": "namedtuple", "type": type_name(kind), "fields": fields}
        if hasattr(kind, "__struct_fields__"):
            fields = {name: self.named(name, getattr(value, name), place) for name in kind.__struct_fields__}
            return {"$": "struct", "type": type_name(kind), "fields": fields}
        if _is_plain(kind):
            tag = "dataclass" if hasattr(kind, "__dataclass_fields__") else "object"
            return {"$": tag, "type": type_name(kind), "attributes": self.attributes(value, place)}
        return self._opaque(value, place, "")

    def _own(self, own: Callable[[Any], Any], value: Any, place: str) -> Json:
        return {"$": "own", "type": type_name(type(value)), "data": self.encode(own(value), place)}

    def _enum(self, value: enum.Enum, place: str) -> Json:
        kind = type(value)
        return {
            "$": "enum",
            "type": type_name(kind),
            "name": value._name_,
            "value": self.encode(value._value_, place),
        }

    def _exception(self, error: BaseException, place: str) -> Json:
        if (own := _own_form(type(error))) is not None:
            return self._own(own, error, place)
        return {
            "$": "exception",
            "type": type_name(type(error)),
            "args": [self.encode(one, f"{place}.args[{index}]") for index, one in enumerate(error.args)],
            "attributes": self.attributes(error, place),
            "text": text_of(error, self._redact),
        }

    def _actor(self, value: Actor[Any], place: str) -> Json:
        """Leave out another actor, as it is that of a method which is submitted to a worker: it is no value."""
        self.missing.append(place)
        return {
            "$": "opaque",
            "type": type_name(type(value)),
            "text": "",
            "why": "it is an actor, and not a ref",
        }

    def _items(self, values: Iterable[Any], place: str) -> list[Json]:
        return [
            self.encode(value, place_in(place, index)) for index, value in enumerate(self._affordable(values))
        ]

    def _affordable(self, values: Iterable[T]) -> Iterator[T]:
        """Yield them as long as there is room: what is behind that is not even looked at."""
        for value in values:
            if self._left <= 0:
                raise _TooLargeError
            yield value

    def _dict(self, value: dict[Any, Any], place: str) -> Json:
        if all(type(key) is str and key != "$" for key in value):
            return {key: self.named(key, item, place) for key, item in self._affordable(value.items())}
        return {"$": "dict", "items": self._pairs(value, place)}

    def _pairs(self, value: dict[Any, Any], place: str) -> list[list[Json]]:
        return [
            [
                self.encode(key, f"{place}.keys[{index}]"),
                self.named(key, item, place)
                if type(key) is str
                else self.encode(item, f"{place}.values[{index}]"),
            ]
            for index, (key, item) in enumerate(self._affordable(value.items()))
        ]

    def _default_dict(self, value: defaultdict[Any, Any], place: str) -> Json:
        made_by = self.encode(value.default_factory, f"{place}.default_factory")
        return {"$": "defaultdict", "factory": made_by, "items": self._pairs(value, place)}

    def _partial(self, value: functools.partial[Any], place: str) -> Json:
        return {"$": "partial", **self.call(value.func, value.args, value.keywords, place)}

    def _method(self, value: types.MethodType, place: str) -> Json:
        return {
            "$": "method",
            "self": self.encode(value.__self__, f"{place}.__self__"),
            "name": value.__func__.__name__,
        }

    # -- what is left out --------------------------------------------------------------------------

    def _spend(self) -> bool:
        if self._left <= 0:
            return False
        self._left -= 1
        if (
            self._deadline is not None
            and not self._left % _CLOCK_EVERY
            and time.perf_counter() > self._deadline
        ):
            self._left = 0
        return True

    def _cut(self, value: object, place: str) -> Json:
        self.is_cut = True
        self.missing.append(place)
        return {"$": "opaque", "type": type_name(type(value)), "text": "", "why": "it is too large"}

    def _opaque(self, value: object, place: str, why: str) -> Json:
        self.missing.append(place)
        return {
            "$": "opaque",
            "type": type_name(type(value)),
            "text": text_of(value, self._redact),
            "why": why,
        }


def _number(value: Any) -> Json:
    if type(value) is int:
        return value if value.bit_length() <= _LONGEST_INT else {"$": "int", "hex": hex(value)}
    return value if math.isfinite(value) else {"$": "float", "text": repr(value)}


def _tagged(tag: str, **parts: Callable[[Any], Json]) -> Callable[[Any], Json]:
    def encode(value: Any) -> Json:
        return {"$": tag, **{name: part(value) for name, part in parts.items()}}

    return encode


def _timed(tag: str) -> Callable[[Any], Json]:
    """Return what encodes times: with the name of their zone where it has one, else with their offset."""

    def encode(value: Any) -> Json:
        if type(value.tzinfo) is not zoneinfo.ZoneInfo:
            return {"$": tag, "text": value.isoformat()}
        zone = _key_of(value.tzinfo)
        return {"$": tag, "text": value.replace(tzinfo=None).isoformat(), "zone": zone, "fold": value.fold}

    return encode


def _key_of(zone: zoneinfo.ZoneInfo) -> str:
    if zone.key is None:
        raise ValueError("it has no name")
    return zone.key


def _listed(tag: str) -> Callable[[Encoder, Any, str], Json]:
    return lambda encoder, value, place: {"$": tag, "items": encoder._items(value, place)}


def _base64(value: bytes | bytearray) -> str:
    return base64.b64encode(value).decode()


_TEXT = str
_PLAIN: dict[type, Callable[[Any], Json]] = {
    bytes: _tagged("bytes", base64=_base64),
    bytearray: _tagged("bytearray", base64=_base64),
    complex: _tagged("complex", text=repr),
    datetime.date: _tagged("date", text=datetime.date.isoformat),
    datetime.time: _timed("time"),
    datetime.datetime: _timed("datetime"),
    datetime.timedelta: _tagged(
        "timedelta",
        days=lambda value: value.days,
        seconds=lambda value: value.seconds,
        microseconds=lambda value: value.microseconds,
    ),
    datetime.timezone: _tagged("timezone", seconds=lambda value: value.utcoffset(None).total_seconds()),
    decimal.Decimal: _tagged("decimal", text=_TEXT),
    fractions.Fraction: _tagged("fraction", text=_TEXT),
    uuid.UUID: _tagged("uuid", text=_TEXT),
    zoneinfo.ZoneInfo: _tagged("zone", key=_key_of),
    range: _tagged("range", bounds=lambda value: [value.start, value.stop, value.step]),
    Timer: _tagged("timer", remaining=lambda value: value.remaining, interval=lambda value: value._interval),
    **dict.fromkeys((pathlib.PosixPath, pathlib.WindowsPath), _tagged("path", text=_TEXT)),
    **dict.fromkeys((pathlib.PurePosixPath, pathlib.PureWindowsPath), _tagged("path", text=_TEXT)),
    **dict.fromkeys(_FUNCTIONS, _tagged("function", name=type_name)),
}
_CONTAINERS: dict[type, Callable[[Encoder, Any, str], Json]] = {
    list: Encoder._items,
    dict: Encoder._dict,
    tuple: _listed("tuple"),
    set: _listed("set"),
    frozenset: _listed("frozenset"),
    deque: lambda encoder, value, place: {
        "$": "deque",
        "items": encoder._items(value, place),
        "maxlen": value.maxlen,
    },
    OrderedDict: lambda encoder, value, place: {"$": "ordereddict", "items": encoder._pairs(value, place)},
    Counter: lambda encoder, value, place: {"$": "counter", "items": encoder._pairs(value, place)},
    defaultdict: Encoder._default_dict,
    functools.partial: Encoder._partial,
    types.MethodType: Encoder._method,
}
_BASES: dict[type, Callable[[Encoder, Any, str], Json]] = {
    type: lambda encoder, value, place: {"$": "class", "name": type_name(value)},
    Address: lambda encoder, value, place: {"$": "ref", "path": str(value.path)},
    Actor: Encoder._actor,
    enum.Enum: Encoder._enum,
    BaseException: Encoder._exception,
    logging.Logger: lambda encoder, value, place: {"$": "logger", "name": value.name},
}


def _own_form(kind: type[Any]) -> Callable[[Any], Any] | None:
    """Return the `__capsule__` of a class, None where it has none."""
    return next(
        (base.__dict__["__capsule__"] for base in kind.__mro__ if "__capsule__" in base.__dict__), None
    )


def _is_plain(kind: type[Any]) -> bool:
    """Tell whether an object of the class is its attributes, and the class is the program's own."""
    new: Any = kind.__new__
    if not kind.__flags__ & _HEAP_TYPE or not (new is object.__new__ or isinstance(new, types.FunctionType)):
        return False
    package = kind.__module__.partition(".")[0]  # on objects of actorio hangs the machinery
    if (package == "actorio" or package in sys.stdlib_module_names) and not hasattr(
        kind, "__dataclass_fields__"
    ):
        return False
    return all(base is object for base in kind.__mro__ if not base.__flags__ & _HEAP_TYPE)
