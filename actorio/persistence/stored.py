"""Stored types: which classes an actor stores, under which names and versions, and how a value becomes JSON.

The classes are read from the type arguments of the actor, so nothing is registered, and nothing that is read from
a store imports a module by its name.
"""

from __future__ import annotations

import dataclasses
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ForwardRef, TypeVar, Union, get_args, get_origin, get_type_hints

from actorio._core.checks import check_callable, check_count, kind_of
from actorio.errors import NotStorableError, RecoveryError, describe
from actorio.persistence._checks import LARGEST_VERSION
from actorio.persistence._msgspec import msgspec

__all__ = ["Encoded", "StoredTypes", "resolved", "stored", "type_arguments"]

T = TypeVar("T")
Upcast = Callable[[Any], Any]

_MARK = "__actorio_stored__"
_LONGEST_NAME = 200


@dataclasses.dataclass(frozen=True, slots=True)
class _Stored:
    name: str
    version: int = 1
    upcast: Mapping[int, Upcast] = dataclasses.field(default_factory=dict)
    aliases: tuple[str, ...] = ()


class Encoded(msgspec.Struct, frozen=True, gc=False):
    """A value as it is stored."""

    type: str
    version: int
    body: bytes


def stored(
    name: str | None = None,
    *,
    version: int = 1,
    upcast: Mapping[int, Upcast] | None = None,
    aliases: Iterable[str] = (),
) -> Callable[[type[T]], type[T]]:
    """Give a class a lasting name and a version: `@stored("deposited", version=2, upcast={1: with_currency})`.

    Args:
        name: what is stored with each value; None: the name of the class.
        version: raise it when what is stored in old rows no longer fits the class.
        upcast: by version, the function that turns the dict of that version into that of the next one.
        aliases: further names, under which older rows are stored.

    Raises:
        TypeError: an argument is not of its kind, or there is no step from a version below `version`.
        ValueError: not a name, or not a version.
    """
    steps = dict(upcast or {})
    if check_count("version", version, least=1) > LARGEST_VERSION:
        raise ValueError(f"version must be at most {LARGEST_VERSION}; got {describe(version)}")
    missing = sorted({*range(1, version)} ^ {*steps}, key=str)
    if missing:
        raise TypeError(
            f"upcast must have one step for each version below {version}; wrong is {missing[0]!r}"
        )
    for step in steps.values():
        check_callable("upcast", step)
    if isinstance(aliases, str):
        raise TypeError("aliases must be an iterable of names, not a str")
    names = tuple(_check_name(alias) for alias in aliases)
    if name is not None:
        _check_name(name)

    def mark(cls: type[T]) -> type[T]:
        if not isinstance(cls, type):
            raise TypeError(f"stored marks a class, not {kind_of(cls)}")
        setattr(cls, _MARK, (cls.__qualname__, _Stored(name or cls.__name__, version, steps, names)))
        return cls

    return mark


def _check_name(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a stored name must be a str, not {type(name).__name__}")
    if not (1 <= len(name) <= _LONGEST_NAME and name.isprintable()):
        raise ValueError(f"a stored name has 1 to {_LONGEST_NAME} printable characters; got {describe(name)}")
    return name


def _stored_of(form: Any) -> _Stored:
    # Compared by its name: a dataclass with slots is made anew from its own dict, and is the same class all the same.
    mark = vars(form).get(_MARK) if isinstance(form, type) else None
    if mark is not None and mark[0] == form.__qualname__:
        return mark[1]  # type: ignore[no-any-return]
    return _Stored(form.__name__ if isinstance(form, type) and not get_args(form) else str(form))


class _Variant:
    """One class of a union: its names, and how its values are written and read."""

    __slots__ = ("_decoder", "form", "runtime", "stored")

    def __init__(self, form: Any) -> None:
        self.form = form
        origin = get_origin(form)
        self.runtime: type[Any] = type(None) if form is None else origin or form
        self.stored = _stored_of(form)
        self._decoder = msgspec.json.Decoder(form)

    def encode(self, value: Any) -> Encoded:
        return Encoded(self.stored.name, self.stored.version, _ENCODER.encode(value))

    def decode(self, version: int, body: bytes) -> Any:
        if version < self.stored.version:
            body = self._upcast(version, body)
        return self._decoder.decode(body)

    def _upcast(self, version: int, body: bytes) -> bytes:
        raw = msgspec.json.decode(body)
        for step in range(version, self.stored.version):
            raw = self.stored.upcast[step](raw)
        return _ENCODER.encode(raw)


_ENCODER = msgspec.json.Encoder()


class StoredTypes:
    """The classes of one union of an actor's type arguments.

    Args:
        what: for errors: `events of Account`.
        form: the type argument.
        lenient: pass over what cannot be stored, until a value of it comes.

    Raises:
        TypeError: a class of it cannot be stored, or two have one name.
    """

    def __init__(self, what: str, form: Any, *, lenient: bool = False) -> None:
        self.what = what
        self._by_class: dict[type[Any], _Variant] = {}
        self._by_name: dict[str, _Variant] = {}
        self.is_open = form is Any
        for member in () if self.is_open else _members(form):
            try:
                self._add(_Variant(member))
            except (TypeError, NotImplementedError) as error:
                if isinstance(error, _SameName):
                    raise
                if not lenient:
                    raise TypeError(
                        f"{describe(member)}, of the {what}, cannot be stored: {error}"
                    ) from error

    def _add(self, variant: _Variant) -> None:
        if variant.runtime is object or variant.runtime in self._by_class:
            raise TypeError("values of another of them have the same class")
        for name in (variant.stored.name, *variant.stored.aliases):
            if name in self._by_name:
                raise _SameName(
                    f"{name!r} is the stored name of two of the {self.what}: give one of them another"
                )
            self._by_name[name] = variant
        self._by_class[variant.runtime] = variant

    def store(self, value: Any, durable_id: str, most: int) -> tuple[Encoded, Any]:
        """Encode a value, read it back, and compare; returns what is stored, and what was read back.

        Raises:
            NotStorableError: it cannot be stored so that the same comes back, or has more than `most` bytes.
        """
        variant = self._by_class.get(type(value))
        if variant is None:
            raise NotStorableError(
                f"{describe(value)} is none of the {self.what} that can be stored"
                f" ({', '.join(self._by_name) or 'there are none'})",
                durable_id,
            )
        try:
            encoded = variant.encode(value)
            back = variant.decode(encoded.version, encoded.body)
            same = bool(back == value)
        except Exception as error:
            raise NotStorableError(
                f"{describe(value)}, of the {self.what}, cannot be stored: {error}", durable_id
            ) from error
        if not same:
            raise NotStorableError(
                f"{describe(value)}, of the {self.what}, is not equal to what would be read back: {describe(back)}",
                durable_id,
            )
        if len(encoded.body) > most:
            raise NotStorableError(
                f"one of the {self.what} has {len(encoded.body):,} bytes; max_event_bytes is {most:,}",
                durable_id,
            )
        return encoded, back

    def read(self, durable_id: str, sequence: int | None, type: str, version: int, body: bytes) -> Any:
        """Return the value of what is stored.

        Raises:
            RecoveryError: of an unknown name, of a higher version, or it does not decode.
        """
        variant = self._by_name.get(type)
        if variant is None:
            problem = f"{type!r} is the stored name of none of the {self.what}"
        elif not 1 <= version <= variant.stored.version:
            problem = f"{type!r} is stored in version {version}, and this code knows {variant.stored.version}"
        else:
            try:
                return variant.decode(version, body)
            except Exception as error:
                problem = f"{type!r} of version {version} does not decode: {error}"
                raise _unreadable(problem, durable_id, sequence, type, version) from error
        raise _unreadable(problem, durable_id, sequence, type, version)


class _SameName(TypeError):
    """Two classes have one stored name: never passed over."""


def _unreadable(
    problem: str, durable_id: str, sequence: int | None, type: str, version: int
) -> RecoveryError:
    where = "" if sequence is None else f", sequence {sequence}"
    return RecoveryError(f"{durable_id}{where}: {problem}", durable_id, sequence, type, version)


def _members(form: Any) -> list[Any]:
    """Return the classes that a union is of, each once."""
    if type(form).__name__ == "TypeAliasType":  # of `type Event = ...`, from Python 3.12 on
        return _members(form.__value__)
    origin = get_origin(form)
    if origin is Annotated:
        return _members(get_args(form)[0])
    if origin is Union or isinstance(form, types.UnionType):
        return list(dict.fromkeys(member for part in get_args(form) for member in _members(part)))
    return [form]


def type_arguments(cls: type[Any], base: type[Any]) -> tuple[Any, ...]:
    """Return the type arguments that a class gives to its generic base, through whatever is between them.

    Type variables that nothing was given for stay in it.
    """
    for parent in cls.__dict__.get("__orig_bases__", cls.__bases__):  # its own: another base's are inherited
        origin = get_origin(parent) or parent
        if not isinstance(origin, type) or not issubclass(origin, base):
            continue
        given = get_args(parent)
        if origin is base:
            return given or tuple(base.__parameters__)
        inner = type_arguments(origin, base)
        if not given:
            return inner
        by_variable = dict(zip(getattr(origin, "__parameters__", ()), given, strict=False))
        return tuple(_substituted(form, by_variable) for form in inner)
    return ()


def resolved(form: Any, module: str) -> Any:
    """Return a type argument with the names in it that were written as strings looked up.

    Raises:
        NameError: one of them is not there (yet).
    """
    holder = types.SimpleNamespace(__annotations__={"form": form})
    return get_type_hints(holder, vars(sys.modules[module]) if module in sys.modules else {})["form"]


def _substituted(form: Any, by_variable: Mapping[Any, Any]) -> Any:
    if form in by_variable:
        return by_variable[form]
    inner = getattr(form, "__parameters__", ())
    if not inner or isinstance(form, ForwardRef):
        return form
    return form[tuple(by_variable.get(variable, variable) for variable in inner)]
