"""Methods that others may call, and classes that they may spawn: their arguments as bytes, by their signatures."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import msgspec

from actorio.cluster.annotations import hints_of, members_of, messages_of, methods_of, name_of
from actorio.cluster.codec import Codec, Decode
from actorio.errors import NotSendableError, Refusal, RefusedError, describe

__all__ = ["Method", "Methods"]


class Method:
    """One function whose arguments cross: read and written by its signature."""

    __slots__ = ("_codec", "_decode", "_result", "_unusable", "function", "name", "owner", "signature")

    def __init__(self, codec: Codec, owner: type, name: str, function: Callable[..., Any]) -> None:
        self._codec = codec
        self.owner = owner
        self.name = name
        self.function = function
        self.signature = inspect.signature(function)
        self._unusable: str | None = None
        self._decode: Decode | None = None
        self._result: Decode | None = None
        try:
            self._read_annotations()
        except TypeError as error:
            self._unusable = str(error)

    def _read_annotations(self) -> None:
        hints = hints_of(self.function)
        fields: list[Any] = []
        for parameter in list(self.signature.parameters.values())[1:]:
            annotation = hints.get(parameter.name, Any)
            for kind in members_of(annotation):
                self._codec.add_found(kind)
            if parameter.kind is parameter.VAR_POSITIONAL:
                annotation = list[annotation]  # type: ignore[valid-type]
            elif parameter.kind is parameter.VAR_KEYWORD:
                annotation = dict[str, annotation]  # type: ignore[valid-type]
            if annotation is Any:
                fields.append((parameter.name, Any, msgspec.UNSET))
            else:
                fields.append((parameter.name, annotation | msgspec.UnsetType, msgspec.UNSET))
        self._decode = self._codec.decoder(msgspec.defstruct("Arguments", fields, kw_only=True))
        answer = hints.get("return", Any)
        if answer is not Any:
            self._codec.add_found(answer)
            self._result = self._codec.decoder(answer)

    @property
    def is_declared(self) -> bool:
        """Tell whether it says what it returns."""
        return self._result is not None

    def encode(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
        """Return the arguments of a call.

        Raises:
            TypeError: they do not fit the signature.
            NotSendableError: they cannot be sent.
        """
        if self._unusable is not None:
            raise NotSendableError(f"{self.name} cannot be called from another node: {self._unusable}")
        bound = self.signature.bind(None, *args, **kwargs)
        return self._codec.data(dict(list(bound.arguments.items())[1:]))

    def decode(self, data: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of a call, `self` left out.

        Raises:
            RefusedError: they do not fit.
        """
        if self._decode is None:
            raise RefusedError(f"{self.name} is not for other nodes: {self._unusable}", Refusal.NOT_EXPOSED)
        fields = self._codec.read(self._decode, data)
        given = {
            name: getattr(fields, name)
            for name in list(self.signature.parameters)[1:]
            if getattr(fields, name) is not msgspec.UNSET
        }
        first = next(iter(self.signature.parameters))
        bound = inspect.BoundArguments(self.signature, {first: None, **given})
        try:
            args, kwargs = bound.args[1:], bound.kwargs
            self.signature.bind(None, *args, **kwargs)
        except TypeError as error:
            raise RefusedError(f"the arguments do not fit {self.name}: {error}", Refusal.BAD_DATA) from error
        return args, kwargs

    def decode_answer(self, data: Any) -> Any:
        """Return what it returned."""
        if self._result is None:
            raise RefusedError(f"{self.name} does not say what it returns", Refusal.BAD_DATA)
        return self._codec.read(self._result, data)


class Methods:
    """The methods of the classes that a node knows, and which of them others may call here."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._by_function: dict[Any, Method] = {}
        self._by_name: dict[str, Method] = {}
        self._callable: set[type] = set()
        self.spawnable: dict[str, type] = {}
        self._constructors: dict[type, Method] = {}

    def add_class(self, actor: type, *, calls: bool = False, spawns: bool = False) -> None:
        """Register the messages and methods of a class of actors.

        Args:
            actor: the class.
            calls: whether others may call its methods here.
            spawns: whether others may spawn it here.
        """
        self._codec.add_found(messages_of(actor))
        for owner, name, function in methods_of(actor):
            wire_name = f"{name_of(owner)}.{name}"
            if function not in self._by_function:
                self._by_function[function] = self._by_name[wire_name] = Method(
                    self._codec, owner, wire_name, function
                )
        constructor = actor.__init__ if "__init__" in dir(actor) else None  # type: ignore[misc]
        if actor not in self._constructors and inspect.isfunction(constructor):
            self._constructors[actor] = Method(self._codec, actor, f"{name_of(actor)}()", constructor)
        if calls:
            self._callable.add(actor)
        if spawns:
            self.spawnable[name_of(actor)] = actor

    def of(self, function: Any) -> Method:
        """Return the method that a program calls.

        Raises:
            NotSendableError: it is of no class that this node knows.
        """
        method = self._by_function.get(function)
        if method is None:
            raise NotSendableError(
                f"{describe(function)} is no public method of a class that this node knows: see `uses`",
                function,
            )
        return method

    def called(self, name: str, cell: Any) -> Method:
        """Return the method that another node calls on an actor.

        Raises:
            RefusedError: there is none, or it is not for others.
        """
        method = self._by_name.get(name)
        if method is None:
            raise RefusedError(f"no method is known as {name!r}", Refusal.UNKNOWN_TYPE)
        # While it restarts it has no instance.
        kind = type(cell.instance) if cell.instance is not None else cell.factory
        if not (
            isinstance(kind, type)
            and issubclass(kind, method.owner)
            and any(base in self._callable for base in kind.__mro__)
        ):
            raise RefusedError(f"{name} is not exposed on this node", Refusal.NOT_EXPOSED)
        return method

    def constructor(self, actor: type) -> Method | None:
        """Return what reads and writes the arguments of a class; None when it takes none."""
        return self._constructors.get(actor)
