"""What crosses, and what is refused: limits, evolution of types, hostile data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from actorio import NotSendableError, RefusedError
from actorio.cluster.codec import Codec
from actorio.cluster.nesting import DEEPEST, is_too_deep, may_nest
from actorio.errors import Refusal
from tests.cluster.shop import Add, Meet


@dataclass
class Tree:
    """Holds itself."""

    inner: Tree | None = None


@dataclass
class Anything:
    data: Any = None


@dataclass
class OrderOne:
    id: int


@dataclass
class OrderTwo:
    id: int
    note: str = "none"
    tags: list[str] = field(default_factory=list)


class NoRefs:
    def pack(self, ref: Any) -> list[Any]:
        raise AssertionError

    def unpack(self, data: Any) -> Any:
        raise AssertionError


def codec(**kinds: type) -> Codec:
    made = Codec(NoRefs(), 1_000_000)
    for name, kind in kinds.items():
        made.add(kind, name)
    return made


def nested(depth: int) -> Any:
    value: Any = 7
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [1, DEEPEST - 1, DEEPEST, 3_000])
def test_a_message_that_nests_too_deep_is_refused_at_the_call_and_where_it_comes(depth: int) -> None:
    """The message itself is a container too."""
    made = codec(anything=Anything, tree=Tree)
    hostile = b"\x81\xa4data" + b"\x91" * depth + b"\x07"
    if depth < DEEPEST:
        assert made.decode("anything", made.encode(Anything(nested(depth)))[1]) == Anything(nested(depth))
        assert made.decode("anything", hostile) == Anything(nested(depth))
        return
    with pytest.raises(RefusedError) as refused:
        made.decode("anything", hostile)
    assert refused.value.reason is Refusal.BAD_DATA
    with pytest.raises(NotSendableError):
        made.encode(Anything(nested(depth)))


def test_only_types_that_can_nest_are_looked_at() -> None:
    assert may_nest(Tree)
    assert may_nest(Anything)
    assert may_nest(dict[str, list[Any]])
    assert not may_nest(Add)
    assert not may_nest(Meet)
    assert not may_nest(list[dict[str, tuple[int, ...]]])


@pytest.mark.parametrize(
    "value",
    [
        b"\x91" * 500,
        "\x91" * 500,
        ["x" * 40] * 300,
        [1 << 60] * 90,
        {str(n): [n, {"a": -n}] for n in range(500)},
    ],
)
def test_what_is_flat_is_not_too_deep_whatever_its_bytes_look_like(value: Any) -> None:
    assert not is_too_deep(msgspec.msgpack.encode(value))


def test_a_type_may_gain_a_field_that_has_a_default_and_lose_one() -> None:
    old, new = codec(order=OrderOne), codec(order=OrderTwo)
    assert new.decode(*old.encode(OrderOne(7))) == OrderTwo(7)
    assert old.decode(*new.encode(OrderTwo(7, "by air"))) == OrderOne(7)


def test_a_renamed_type_is_read_by_its_old_name_and_written_by_its_first() -> None:
    made = Codec(NoRefs(), 1_000_000)
    made.add(OrderTwo, "shop.Order", "old.Order")
    assert made.encode(OrderTwo(1))[0] == "shop.Order"
    assert made.decode("old.Order", made.encode(OrderTwo(1))[1]) == OrderTwo(1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x81\xa2id",
        b"\x81\xa2id\xa1x",
        b"\x81\xa2id\x01\x01",
        b"\x91\x01",
        b"\x81\xa2id\xcb\x7f\xf8\0\0\0\0\0\0",
    ],
)
def test_data_that_does_not_fit_is_bad_data(data: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        codec(order=OrderOne).decode("order", data)
    assert refused.value.reason is Refusal.BAD_DATA


def test_a_name_that_is_not_registered_is_an_unknown_type_and_nothing_is_looked_up() -> None:
    with pytest.raises(RefusedError) as refused:
        codec().decode("os.system", b"\xa4true")
    assert refused.value.reason is Refusal.UNKNOWN_TYPE
