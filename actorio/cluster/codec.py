"""Messages as bytes, by MessagePack, and back: registered types alone, each decoded by its own annotations.

Nothing is looked up by a name from the wire but in dictionaries that are filled here, at the start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

import msgspec

from actorio._core.hints import or_none
from actorio.cluster.annotations import asks_of, check_name, members_of, name_of
from actorio.cluster.nesting import DEEPEST, is_too_deep, may_nest
from actorio.errors import (
    MessageTooLargeError,
    NotSendableError,
    Refusal,
    RefusedError,
    describe,
)
from actorio.ref import ActorRef

__all__ = ["RESULT", "Codec", "References", "register_all"]

RESULT = -1
"""In place of the name of a type: the one that was declared as the answer."""
_PLAIN: tuple[type, ...] = (str, int, float, bool, type(None), bytes)

Decode = Callable[[Any], Any]


class References(Protocol):
    """How refs are written and read."""

    def pack(self, ref: Any) -> list[Any]: ...
    def unpack(self, data: Any) -> Any: ...


class Codec:
    """The registered types of one node.

    Args:
        references: writes and reads the refs in messages.
        limit: most bytes of one message.
    """

    def __init__(self, references: References, limit: int) -> None:
        self._references = references
        self.limit = limit
        self._names: dict[type, str] = {}
        self._decoders: dict[str, Decode] = {}
        self._results: dict[type, Decode | None] = {}
        self._unusable: dict[type, str] = {}
        self._nesting: set[type] = set()
        self._encode = msgspec.msgpack.Encoder(enc_hook=self._pack).encode
        for kind in _PLAIN:
            self.add(kind, kind.__name__)

    # -- what is registered ------------------------------------------------------------------------

    def add(self, kind: type, *names: str) -> None:
        """Register a type: its first name is written, all are read.

        Raises:
            TypeError: it cannot be sent.
            ValueError: a name is in use, or too long.
        """
        names = names or (name_of(kind),)
        decode = self.decoder(kind)
        for name in names:
            if self._decoders.get(check_name(name), decode) is not decode and kind not in self._names:
                raise ValueError(f"two types have the wire name {name!r}")
            self._decoders[name] = decode
        self._names.setdefault(kind, names[0])
        if may_nest(kind):
            self._nesting.add(kind)
        self._add_answer(kind)

    def add_found(self, annotation: Any) -> None:
        """Register the types that an annotation names; one that cannot be sent is told so when it is."""
        for kind in members_of(annotation):
            if kind in self._names or kind in self._unusable:
                continue
            try:
                self.add(kind)
            except (TypeError, ValueError) as error:
                self._unusable[kind] = str(error)

    def _add_answer(self, kind: type) -> None:
        answer = asks_of(kind)
        if answer is None or kind in self._results:
            return
        self._results[kind] = None
        self.add_found(answer)
        try:
            self._results[kind] = self.decoder(answer)
        except TypeError as error:
            self._unusable[kind] = f"its answer: {error}"

    def decoder(self, kind: Any) -> Decode:
        """Return what reads an annotation.

        Raises:
            TypeError: no message can have it.
        """
        try:
            decode: Decode = msgspec.msgpack.Decoder(kind, dec_hook=self._unpack).decode
            return partial(_decode_shallow, decode) if may_nest(kind) else decode
        except (TypeError, NameError, AttributeError) as error:
            raise TypeError(f"{describe(kind)} cannot be sent to another node: {error}") from error

    # -- a message ---------------------------------------------------------------------------------

    def encode(self, message: Any) -> tuple[str, bytes]:
        """Return the name of a message's type, and the message.

        Raises:
            NotSendableError: its type is not registered, or what it holds cannot be sent.
            MessageTooLargeError: it has too many bytes.
        """
        kind = type(message)
        name = self._names.get(kind)
        if name is None:
            why = self._unusable.get(kind, "register it: Cluster(messages=[...])")
            raise NotSendableError(
                f"{describe(message)} is of the type {kind.__qualname__}, which is not sendable: {why}",
                message,
            )
        return name, self.data(message, may_nest=kind in self._nesting)

    def data(self, value: Any, *, may_nest: bool = True) -> bytes:
        """Return a value as bytes. Raises as `encode` does."""
        try:
            data = self._encode(value)
        except NotSendableError:
            raise
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise NotSendableError(f"{describe(value)} cannot be sent: {error}", value) from error
        if len(data) > self.limit:
            raise MessageTooLargeError(len(data), self.limit, value)
        if may_nest and is_too_deep(data):
            raise NotSendableError(f"{describe(value)} nests deeper than {DEEPEST} containers", value)
        return data

    def decode(self, name: str, data: Any) -> Any:
        """Return the message.

        Raises:
            RefusedError: no such type, or the data does not fit it.
        """
        decode = self._decoders.get(name)
        if decode is None:
            raise RefusedError(f"no type is registered as {name!r}", Refusal.UNKNOWN_TYPE)
        return self.read(decode, data)

    def read(self, decode: Decode, data: Any) -> Any:
        """Return what `decode` makes of the data.

        Raises:
            RefusedError: it does not fit.
        """
        try:
            return decode(data)
        except Exception as error:  # of a constructor too: whatever it is, no actor sees such data
            raise RefusedError(f"the data does not fit its type: {error}", Refusal.BAD_DATA) from error

    # -- an answer ---------------------------------------------------------------------------------

    def encode_answer(self, value: Any, *, declared: bool) -> tuple[str | None, bytes]:
        """Return an answer, with the name of its type, or None where it is to be read as declared."""
        value = or_none(value)
        if type(value) in self._names:
            return self.encode(value)
        if declared:
            return None, self.data(value)
        raise NotSendableError(
            f"the answer {describe(value)} is of the type {type(value).__qualname__}, which is not registered"
        )

    def is_declared(self, message: Any) -> bool:
        """Tell whether a message says what it is answered with."""
        return self._results.get(type(message)) is not None

    def decode_answer(self, message: Any, data: Any) -> Any:
        """Return the answer of a message that says what it is answered with."""
        decode = self._results.get(type(message))
        if decode is None:
            raise RefusedError(f"{describe(message)} does not say what it is answered with", Refusal.BAD_DATA)
        return self.read(decode, data)

    def decode_ref(self, data: Any) -> Any:
        """Return a ref that is an answer of its own. Raises as `decode` does."""
        return self.read(lambda raw: self._references.unpack(msgspec.msgpack.decode(raw)), data)

    # -- refs --------------------------------------------------------------------------------------

    def _pack(self, value: Any) -> Any:
        if isinstance(value, ActorRef):
            return self._references.pack(value)
        raise NotSendableError(f"{describe(value)} is of the type {type(value).__qualname__}, not sendable")

    def _unpack(self, kind: Any, data: Any) -> Any:
        kind = getattr(kind, "__origin__", kind)
        if isinstance(kind, type) and issubclass(kind, ActorRef):
            return self._references.unpack(data)
        raise TypeError(f"{describe(kind)} cannot be read from another node")


def _decode_shallow(decode: Decode, data: Any) -> Any:
    if is_too_deep(bytes(data)):
        raise ValueError(f"it nests deeper than {DEEPEST} containers")
    return decode(data)


def register_all(codec: Codec, messages: Iterable[type] | Mapping[str, type]) -> None:
    """Register what a program lists.

    Raises:
        TypeError: one of them is no type, or cannot be sent.
    """
    named: dict[type, list[str]] = {}
    if isinstance(messages, Mapping):
        for name, kind in messages.items():
            named.setdefault(kind, []).append(str(name))
    else:
        named = {kind: [] for kind in messages}
    for kind, names in named.items():
        if not isinstance(kind, type):
            raise TypeError(f"messages takes types, not {describe(kind)}")
        codec.add(kind, *names)
