"""Values out of a capsule: only types that are given are made, and without their constructors.

What is missing is collected, so that one error names all of it.
"""

from __future__ import annotations

import base64
import builtins
import datetime
import decimal
import fractions
import functools
import logging
import math
import pathlib
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from types import MethodType, ModuleType
from typing import Any

from actorio._core.redaction import REDACTED
from actorio.capsule.errors import CapsuleError, IncompleteCapsuleError
from actorio.capsule.naming import place_in, place_of, type_name

__all__ = ["Decoder", "Names"]

Json = Any
_SAFE = (int, str, float, bool, bytes, list, dict, set, tuple, frozenset, object, deque, Counter)


class Names:
    """The names that a capsule may use: the given classes and functions, their bases, and what is harmless.

    Args:
        given: classes, functions, and modules, which stand for all classes and functions that are written in them.
        known: more classes.
    """

    def __init__(self, given: Iterable[object], known: Iterable[type] = ()) -> None:
        self._full: dict[str, object] = {}
        self._short: dict[str, list[object]] = {}
        for kind in (*_SAFE, *_exceptions(), *known):
            self._full.setdefault(type_name(kind), kind)
        for one in given:
            for thing in _things(one):
                self._add(thing)

    def _add(self, thing: object) -> None:
        for one in thing.__mro__ if isinstance(thing, type) else (thing,):
            name = type_name(one)
            self._full[name] = one
            same = self._short.setdefault(getattr(one, "__qualname__", name), [])
            if one not in same:
                same.append(one)

    def find(self, name: str) -> Any:
        """Return the class or function of that name, None where there is none.

        A class of another module is found by its qualified name, if that is clear: a program may have been a script.
        """
        if name in self._full:
            return self._full[name]
        parts = name.split(".")
        for start in range(1, len(parts)):
            same = self._short.get(".".join(parts[start:]), [])
            if len(same) == 1:
                return same[0]
        owner = self.find(".".join(parts[:-1])) if len(parts) > 1 else None
        return _member(owner, parts[-1]) if isinstance(owner, type) else None


class Decoder:
    """Makes values of the JSON of a capsule.

    Args:
        names: what it may make.
        provide: values for places, in place of what is there.
        ref: makes a ref of a path.
        timer: makes a timer.
        root: what stands for the actor itself; may be set later.
    """

    def __init__(
        self,
        names: Names,
        provide: Mapping[str, object],
        ref: Callable[[str], Any],
        timer: Callable[[], Any],
    ) -> None:
        self._names = names
        self._provide = provide
        self._ref = ref
        self._timer = timer
        self.root: Any = None
        self.missing: list[str] = []
        self.unknown: dict[str, None] = {}
        self.redacted: list[str] = []

    def check(self) -> None:
        """Raise if something was missing.

        Raises:
            IncompleteCapsuleError: names all of it.
        """
        if not self.missing:
            return
        types = f"; give types=[{', '.join(self.unknown)}]" if self.unknown else ""
        rest = [place for place in self.missing if place not in self.unknown.values()]
        hint = "" if self.unknown else "; give provide={place: value}"
        raise IncompleteCapsuleError(f"the capsule lacks {', '.join(rest)}{types}{hint}", self.missing)

    def decode(self, data: Json, place: str) -> Any:
        """Return the value of what stands at that place."""
        if place in self._provide:
            return self._provide[place]
        if type(data) is list:
            return [self.decode(item, place_in(place, index)) for index, item in enumerate(data)]
        if type(data) is not dict:
            return data
        if "$" not in data:
            return {key: self.decode(item, place_of(place, key)) for key, item in data.items()}
        make = _MAKERS.get(data["$"]) if isinstance(data["$"], str) else None
        if make is None:
            raise CapsuleError(f"no such kind of value at {place}: {data['$']!r:.100}")
        try:
            return make(self, data, place)
        except CapsuleError:
            raise
        except Exception as error:
            raise CapsuleError(
                f"the value at {place} cannot be made: {type(error).__name__}: {error}"
            ) from error

    def arguments(self, data: Json, place: str) -> list[Any]:
        """Return positional arguments."""
        if type(data) is not list:
            raise CapsuleError(f"{place} is no list")
        return [self.decode(item, place_in(place, index)) for index, item in enumerate(data)]

    def call(self, data: Json, place: str) -> tuple[Any, list[Any], dict[str, Any]]:
        """Return a function and its arguments."""
        func = self.decode(data["func"], f"{place}.func")
        kwargs = {
            key: self.decode(item, place_of(f"{place}.kwargs", key)) for key, item in data["kwargs"].items()
        }
        return func, self.arguments(data["args"], f"{place}.args"), kwargs

    # -- kinds -------------------------------------------------------------------------------------

    def named(self, name: str, place: str, kind: type | None = type) -> Any:
        """Return the class or function of a name, noted as missing where there is none."""
        found = self._names.find(str(name))
        if found is None or (kind is not None and not isinstance(found, kind)):
            self.unknown[str(name)] = None
            self.missing.append(place)
            return None
        return found

    def _items(self, data: Json, place: str) -> list[Any]:
        return [self.decode(item, place_in(place, index)) for index, item in enumerate(data["items"])]

    def _pairs(self, data: Json, place: str) -> list[tuple[Any, Any]]:
        return [
            (
                self.decode(key, f"{place}.keys[{index}]"),
                self.decode(item, place_of(place, key) if type(key) is str else f"{place}.values[{index}]"),
            )
            for index, (key, item) in enumerate(data["items"])
        ]

    def _object(self, data: Json, place: str) -> Any:
        kind = self.named(data["type"], place)
        attributes = self._attributes(data["attributes"], place)
        if kind is None:
            return None
        made = object.__new__(kind)
        put(made, attributes)
        return made

    def _attributes(self, data: Json, place: str) -> dict[str, Any]:
        return {name: self.decode(item, place_of(place, name)) for name, item in data.items()}

    def _namedtuple(self, data: Json, place: str) -> Any:
        kind = self.named(data["type"], place)
        fields = self._attributes(data["fields"], place)
        return None if kind is None else tuple.__new__(kind, [fields[name] for name in kind._fields])

    def _struct(self, data: Json, place: str) -> Any:
        kind = self.named(data["type"], place)
        fields = self._attributes(data["fields"], place)
        if kind is None:
            return None
        if not hasattr(kind, "__struct_fields__"):  # any other class has a constructor of the program
            raise CapsuleError(f"{data['type']} at {place} is no struct")
        return kind(**fields)

    def _enum(self, data: Json, place: str) -> Any:
        kind = self.named(data["type"], place)
        if kind is None:
            return None
        members = kind.__members__
        return members[data["name"]] if data["name"] in members else kind(self.decode(data["value"], place))

    def _exception(self, data: Json, place: str) -> Any:
        kind = self.named(data["type"], place)
        args = [self.decode(one, f"{place}.args[{index}]") for index, one in enumerate(data["args"])]
        attributes = self._attributes(data["attributes"], place)
        if kind is None:
            return None
        if not issubclass(kind, BaseException):
            raise CapsuleError(f"{data['type']} at {place} is no exception")
        error = kind.__new__(kind, *args)
        error.args = tuple(args)
        put(error, attributes)
        return error

    def _own(self, data: Json, place: str) -> Any:
        kind = self.named(data["type"], place)
        value = self.decode(data["data"], place)
        return None if kind is None else kind.__from_capsule__(value)

    def _function(self, data: Json, place: str) -> Any:
        return self.named(data["name"], place, None)

    def _method(self, data: Json, place: str) -> Any:
        owner = self.decode(data["self"], f"{place}.__self__")
        function = (
            None
            if owner is None
            else _member(owner if isinstance(owner, type) else type(owner), data["name"])
        )
        if function is None:
            self.missing.append(place)
            return None
        return MethodType(getattr(function, "__func__", function), owner)

    def _partial(self, data: Json, place: str) -> Any:
        func, args, kwargs = self.call(data, place)
        return None if func is None else functools.partial(func, *args, **kwargs)

    def _self(self, data: Json, place: str) -> Any:
        if self.root is None:
            self.missing.append(place)
        return self.root

    def _redacted(self, data: Json, place: str) -> Any:
        self.redacted.append(place)
        return REDACTED

    def _opaque(self, data: Json, place: str) -> Any:
        self.missing.append(place)

    def _default_dict(self, data: Json, place: str) -> Any:
        factory = self.decode(data["factory"], f"{place}.default_factory")
        return defaultdict(factory, self._pairs(data, place))


def put(thing: object, attributes: Mapping[str, Any]) -> None:
    """Set attributes without the code of the class."""
    for name, value in attributes.items():
        object.__setattr__(thing, name, value)


def _things(one: object) -> Iterable[object]:
    """Yield a class with those nested in it, a function, or all that is written in a module."""
    if isinstance(one, ModuleType):
        for thing in vars(one).values():
            if getattr(thing, "__module__", None) == one.__name__ and (
                isinstance(thing, type) or callable(thing)
            ):
                yield from _things(thing)
        return
    if not isinstance(one, type) and not callable(one):
        raise TypeError(f"types takes classes, functions and modules, not {type(one).__name__}")
    yield one
    if isinstance(one, type):
        yield from (inner for inner in vars(one).values() if isinstance(inner, type) and inner is not one)


def _exceptions() -> Iterable[type]:
    return (
        one for one in vars(builtins).values() if isinstance(one, type) and issubclass(one, BaseException)
    )


def _member(owner: type, name: str) -> Any:
    for base in owner.__mro__:
        if name in base.__dict__:
            found = base.__dict__[name]
            return found if callable(found) else getattr(found, "__func__", None)
    return None


def _float(data: Json) -> float:
    value = float(data["text"])
    if math.isfinite(value):
        raise ValueError("a finite float is a number")
    return value


def _timed(kind: Any, data: Json) -> Any:
    value = kind.fromisoformat(data["text"])
    if "zone" not in data:
        return value
    return value.replace(tzinfo=zoneinfo.ZoneInfo(str(data["zone"])), fold=data["fold"])


_MAKERS: dict[str, Callable[[Decoder, Json, str], Any]] = {
    "int": lambda decoder, data, place: int(data["hex"], 16),
    "float": lambda decoder, data, place: _float(data),
    "complex": lambda decoder, data, place: complex(data["text"]),
    "bytes": lambda decoder, data, place: base64.b64decode(data["base64"], validate=True),
    "bytearray": lambda decoder, data, place: bytearray(base64.b64decode(data["base64"], validate=True)),
    "date": lambda decoder, data, place: datetime.date.fromisoformat(data["text"]),
    "time": lambda decoder, data, place: _timed(datetime.time, data),
    "datetime": lambda decoder, data, place: _timed(datetime.datetime, data),
    "timedelta": lambda decoder, data, place: datetime.timedelta(
        data["days"], data["seconds"], data["microseconds"]
    ),
    "timezone": lambda decoder, data, place: datetime.timezone(datetime.timedelta(seconds=data["seconds"])),
    "decimal": lambda decoder, data, place: decimal.Decimal(data["text"]),
    "fraction": lambda decoder, data, place: fractions.Fraction(data["text"]),
    "uuid": lambda decoder, data, place: uuid.UUID(data["text"]),
    "zone": lambda decoder, data, place: zoneinfo.ZoneInfo(str(data["key"])),
    "path": lambda decoder, data, place: pathlib.Path(data["text"]),
    "range": lambda decoder, data, place: range(*data["bounds"]),
    "logger": lambda decoder, data, place: logging.getLogger(str(data["name"])),
    "tuple": lambda decoder, data, place: tuple(decoder._items(data, place)),
    "set": lambda decoder, data, place: set(decoder._items(data, place)),
    "frozenset": lambda decoder, data, place: frozenset(decoder._items(data, place)),
    "deque": lambda decoder, data, place: deque(decoder._items(data, place), data["maxlen"]),
    "dict": lambda decoder, data, place: dict(decoder._pairs(data, place)),
    "ordereddict": lambda decoder, data, place: OrderedDict(decoder._pairs(data, place)),
    "counter": lambda decoder, data, place: Counter(dict(decoder._pairs(data, place))),
    "defaultdict": Decoder._default_dict,
    "enum": Decoder._enum,
    "object": Decoder._object,
    "dataclass": Decoder._object,
    "namedtuple": Decoder._namedtuple,
    "struct": Decoder._struct,
    "exception": Decoder._exception,
    "own": Decoder._own,
    "class": lambda decoder, data, place: decoder.named(data["name"], place),
    "function": Decoder._function,
    "method": Decoder._method,
    "partial": Decoder._partial,
    "ref": lambda decoder, data, place: decoder._ref(str(data["path"])),
    "timer": lambda decoder, data, place: decoder._timer(),
    "self": Decoder._self,
    "redacted": Decoder._redacted,
    "opaque": Decoder._opaque,
}
