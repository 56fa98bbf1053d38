"""O15, harmless capsules: values are JSON and come back; opening one runs nothing, whatever is in the file."""

import asyncio
import datetime
import decimal
import enum
import functools
import io
import json
import logging
import pathlib
import random
import string
import sys
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorio import Actor, ActorSystem
from actorio._core.redaction import REDACTED, hide_secrets
from actorio.capsule import CapsuleError, IncompleteCapsuleError, read
from actorio.capsule.decoding import Decoder, Names
from actorio.capsule.encoding import Encoder
from actorio.observability import Recorder
from actorio.testing import replay, until


class Colour(enum.Enum):
    RED = 1


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


@dataclass(frozen=True)
class Point:
    x: int
    y: Any = None


@dataclass
class Account:
    name: str
    pin: str = field(default="1234", repr=False)
    api_key: str = "k"


class Pair(NamedTuple):
    left: int
    right: Any


class Plain:
    def __init__(self, value: Any) -> None:
        self.value = value

    def method(self) -> Any:
        return self.value


class Slotted:
    __slots__ = ("one", "two")

    def __init__(self) -> None:
        self.one = 1


class Own:
    def __init__(self, secret: int) -> None:
        self.number = secret

    def __capsule__(self) -> Any:
        return {"number": self.number}

    @classmethod
    def __from_capsule__(cls, data: Any) -> "Own":
        return cls(data["number"])


class Denied(Exception):
    def __init__(self, who: str, code: int) -> None:
        super().__init__(f"{who} was denied")
        self.code = code


def function(a: int, b: int = 0) -> int:
    return a + b


TYPES = [Colour, Rights, Point, Account, Pair, Plain, Slotted, Own, Denied, function]


def code(value: object) -> Any:
    """Encode, through the text of JSON."""
    return json.loads(json.dumps(Encoder(hide_secrets).encode(value, "value"), allow_nan=False))


def decode(data: Any, *, provide: Any = None, types: Any = TYPES) -> Any:
    decoder = Decoder(Names(types), provide or {}, lambda path: f"ref {path}", lambda: "timer")
    value = decoder.decode(data, "value")
    decoder.check()
    return value


SAME = [
    *(
        None,
        True,
        0,
        -1,
        1 << 70,
        1 << 5000,
        1.5,
        float("inf"),
        -0.0,
        "text",
        "\ud800",
        "\x00<script>",
        b"\x00\xff",
    ),
    *([1, [2]], (1, (2,)), {"a": 1, "b": [2]}, {1: 2, (3, 4): 5}, {"$": "dict"}, {1, 2}, frozenset({"a"})),
    *(deque([1, 2], 5), OrderedDict(a=1), Counter("aab"), defaultdict(list, {"a": [1]}), bytearray(b"ab")),
    *(datetime.date(2026, 1, 2), datetime.time(1, 2, 3, 4), datetime.datetime(2026, 1, 2, 3, 4, 5, 6)),
    datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
    datetime.timezone(datetime.timedelta(hours=5, minutes=45)),
    *(ZoneInfo("Europe/Berlin"), datetime.time(1, 2, tzinfo=ZoneInfo("Europe/Berlin"))),
    *(
        datetime.timedelta(-1, 2, 3),
        decimal.Decimal("1.10"),
        Fraction(1, 3),
        uuid.UUID(int=7),
        pathlib.Path("/a/b"),
    ),
    *(Colour.RED, Rights.READ | Rights.WRITE, Point(1, (2, Point(3))), Pair(1, [2]), 1 + 2j, range(1, 9, 2)),
    *(Plain, int, ValueError, function, logging.getLogger("shop")),
]


@pytest.mark.parametrize("value", SAME, ids=lambda value: f"{type(value).__name__}")
def test_a_value_comes_back_as_it_was(value: object) -> None:
    again = decode(code(value))
    assert type(again) is type(value)
    assert repr(again) == repr(value) if isinstance(value, float) else again == value


def test_a_time_keeps_its_zone_and_which_of_two_it_is() -> None:
    when = datetime.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin"))
    again = decode(code(when))
    assert (again.tzinfo, again.fold, again.utcoffset()) == (when.tzinfo, 1, datetime.timedelta(hours=1))
    assert again + datetime.timedelta(days=180) == when + datetime.timedelta(days=180)


def test_o15_a_value_that_cannot_be_encoded_is_opaque_and_its_time_zone_may_be_the_programs_own() -> None:
    class Zone(datetime.tzinfo):
        def utcoffset(self, when: datetime.datetime | None) -> datetime.timedelta:
            return datetime.timedelta(hours=2)

    own = decode(code(datetime.datetime(2026, 1, 2, tzinfo=Zone())))
    assert own.utcoffset() == datetime.timedelta(hours=2)
    encoder = Encoder(hide_secrets)
    assert encoder.encode(datetime.datetime(2026, 1, 2, tzinfo=datetime.tzinfo()), "value")["$"] == "opaque"
    assert encoder.missing == ["value"]


def test_o10_a_value_is_not_asked_for_its_class() -> None:
    asked = []

    class Lazy:
        @property
        def __class__(self) -> Any:  # type: ignore[override]
            asked.append("class")
            return dict

    assert Encoder(hide_secrets).encode(Lazy(), "value")["$"] == "object"
    assert asked == []


def test_nan_comes_back() -> None:
    assert str(decode(code(float("nan")))) == "nan"


def test_objects_come_back_without_their_constructors() -> None:
    plain = decode(code(Plain([Plain(1)])))
    assert (type(plain), type(plain.value[0]), plain.value[0].value) == (Plain, Plain, 1)
    slotted = decode(code(Slotted()))
    assert slotted.one == 1
    assert not hasattr(slotted, "two")
    assert decode(code(Own(7))).number == 7
    error = decode(code(Denied("ada", 7)))
    assert (type(error), str(error), error.code) == (Denied, "ada was denied", 7)
    assert repr(decode(code(KeyError("a")))) == "KeyError('a')"
    assert decode(code(functools.partial(function, 1, b=2)))() == 3
    assert decode(code(Plain(9).method))() == 9


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(), inner)
        | st.dictionaries(st.integers(), inner)
        | st.tuples(inner, inner)
        | st.builds(Point, st.integers(), inner)
        | st.builds(Pair, st.integers(), inner)
    ),
    max_leaves=20,
)


@given(values)
def test_any_value_comes_back_as_it_was(value: object) -> None:
    encoder = Encoder(lambda name, value: value)
    assert decode(json.loads(json.dumps(encoder.encode(value, "value"), allow_nan=False))) == value
    assert encoder.missing == []


def test_o10_secrets_are_left_out_at_any_depth() -> None:
    encoder = Encoder(hide_secrets)
    value = {"deep": [Account("ada", "canary", "canary")], "PASSWORD": "canary", 7: {"cookie": "canary"}}
    text = json.dumps(encoder.encode(value, "value"))
    assert "canary" not in text
    assert encoder.missing == [
        *("value.deep[0].pin", "value.deep[0].api_key", "value.PASSWORD", "value.values[2].cookie")
    ]
    account = decode(json.loads(text))["deep"][0]
    assert (account.name, account.pin, account.api_key) == ("ada", REDACTED, REDACTED)
    given = decode(json.loads(text), provide={"value.deep[0].pin": "0"})["deep"][0]
    assert given.pin == "0"


def test_o10_arguments_are_redacted_by_the_names_of_the_parameters() -> None:
    def login(user: str, password: str, *more: str) -> None: ...

    call = Encoder(hide_secrets).call(login, ("ada", "canary", "x"), {"token": "canary"}, "call")
    assert (call["args"][1], call["kwargs"]["token"]) == ({"$": "redacted"}, {"$": "redacted"})
    assert "canary" not in json.dumps(call)


def test_what_cannot_be_kept_is_opaque_and_named() -> None:
    loop: list[Any] = []
    loop.append(loop)
    deep: Any = 0
    for _ in range(40):
        deep = [deep]

    class Raises:
        def __capsule__(self) -> Any:
            raise ValueError("no")

    class Strange(dict[str, int]):
        pass

    for value in (loop, deep, object(), Raises(), Strange(), asyncio.Lock(), open, io.StringIO(), iter([])):
        encoder = Encoder(hide_secrets)
        text = json.dumps(encoder.encode(value, "value"))
        assert len(encoder.missing) == (0 if value is open else 1), value
        with pytest.raises(IncompleteCapsuleError) as raised:
            decode(json.loads(text))
        assert raised.value.missing == (encoder.missing or ["value"])


def test_the_machinery_of_actors_is_opaque_and_the_actor_itself_is_named() -> None:
    async def main() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn(Fails, 0)
            actor = ref._cell.instance
            encoder = Encoder(hide_secrets, root=actor)
            assert encoder.encode([actor, actor.receive], "value") == [
                {"$": "self"},
                {"$": "method", "self": {"$": "self"}, "name": "receive"},
            ]
            assert Encoder(hide_secrets).encode(actor.context, "value")["$"] == "opaque"

    asyncio.run(main())


def test_what_is_too_large_is_cut_and_says_so() -> None:
    encoder = Encoder(hide_secrets, most=100)
    encoded = encoder.encode([[number] for number in range(100)], "value")
    assert encoder.is_cut
    assert (encoded["$"], encoded["why"], encoder.missing) == ("opaque", "it is too large", ["value"])
    small = Encoder(hide_secrets, most=100)
    assert small.encode([[number] for number in range(40)], "value") == [[number] for number in range(40)]
    assert not small.is_cut


def test_only_what_is_given_is_made() -> None:
    for name in ("os.system", "builtins.eval", "builtins.exec", "subprocess.Popen", "builtins.open"):
        for tag in ("class", "function"):
            with pytest.raises(IncompleteCapsuleError):
                decode({"$": tag, "name": name})
    with pytest.raises(IncompleteCapsuleError, match=r"give types=\[os\.system\]"):
        decode({"$": "object", "type": "os.system", "attributes": {}})
    with pytest.raises(CapsuleError):
        decode({"$": "exception", "type": f"{__name__}.Plain", "args": [], "attributes": {}})
    with pytest.raises(CapsuleError, match="no struct"):
        decode({"$": "struct", "type": f"{__name__}.Plain", "fields": {"value": 1}})


# --- files --------------------------------------------------------------------------------------------


class Fails(Actor[Any]):
    def __init__(self, start: Any) -> None:
        self.seen = [start]

    def receive(self, message: Any) -> None:
        self.seen.append(message)
        if len(self.seen) == len(SAME) + 3:
            raise ValueError("full")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capsule with all kinds of values in it."""

    async def main() -> Path:
        async with (
            ActorSystem() as system,
            Recorder(system, tmp_path_factory.mktemp("c"), keep=20) as recorder,
        ):
            ref = await system.spawn(Fails, Plain(Own(1)), name="fails")
            for value in (*SAME, Account("ada"), 1, 2):
                await ref.send(value)
            await until(lambda: recorder.capsules)
            return recorder.capsules[0]

    return asyncio.run(main())


def test_a_capsule_with_all_kinds_of_values_replays(written: Path) -> None:
    assert replay(written, types=[Fails, *TYPES]).reproduced


def _mutated(content: bytes, draw: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(draw.choice([1, 1, 1, 2, 8])):
        if not data:
            break
        at = draw.randrange(len(data))
        match draw.randrange(6):
            case 0:
                data[at] = draw.randrange(256)
            case 1:
                del data[at : at + draw.randrange(1, 200)]
            case 2:
                data[at:at] = bytes(draw.choices(b'{}[]",:$0123456789eE-ntf', k=draw.randrange(1, 6)))
            case 3:
                del data[at:]
                data += b"}"
            case 4:
                data[at:at] = data[at // 2 : at // 2 + draw.randrange(1, 300)]
            case _:
                digits = [
                    index for index in range(at, min(at + 400, len(data))) if data[index] in b"0123456789"
                ]
                for index in digits[:1]:
                    data[index : index + 1] = draw.choice([b"-1", b"1e999", b"null", b'"x"', b"[]", b"{}"])
    return bytes(data)


def _swapped(content: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """Put a value of another kind into any place of the content."""
    content = json.loads(json.dumps(content))
    node: Any = content
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return content
        key = draw.choice(keys)
        if not isinstance(node[key], (dict, list)) or draw.random() < 0.2:
            strange = [
                None,
                True,
                -1,
                1e308,
                "",
                "x",
                [],
                {},
                {"$": "object"},
                {"$": "self"},
                {"$": 1},
                {"$": "opaque"},
            ]
            node[key] = draw.choice(strange)
            return content
        node = node[key]


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.long)])
def test_o15_a_mutated_file_is_a_capsule_error_and_nothing_else(
    count: int, written: Path, tmp_path: Path
) -> None:
    content, draw = written.read_bytes(), random.Random(7)
    file, refused = tmp_path / "mutated.capsule.json", 0
    for _ in range(count):
        file.write_bytes(_mutated(content, draw))
        try:
            read(file)
        except CapsuleError:
            refused += 1
    assert refused > count / 4


@pytest.mark.parametrize("count", [60, pytest.param(3000, marks=pytest.mark.long)])
def test_o16_a_replay_of_a_mutated_file_raises_nothing_but_capsule_errors(count: int, written: Path) -> None:
    content, draw, refused = read(written), random.Random(7), 0
    for _ in range(count):
        try:
            replay(_swapped(content, draw), types=[Fails, *TYPES])
        except CapsuleError:
            refused += 1
    assert 0 < refused < count


@pytest.mark.parametrize(
    "content",
    [b"", b"null", b"[]", b"{", b"\xff", b'{"capsule": 1}', b"[" * 100_000, b'{"capsule": NaN}', b"1" * 5000],
)
def test_o15_what_is_no_capsule_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.capsule.json"
    file.write_bytes(content)
    with pytest.raises(CapsuleError):
        read(file)
    assert issubclass(IncompleteCapsuleError, CapsuleError)


def test_o15_reading_imports_and_makes_nothing(written: Path, tmp_path: Path) -> None:
    module = "never_imported_" + "".join(random.choices(string.ascii_lowercase, k=8))
    text = written.read_text().replace(f'"{__name__}.', f'"{module}.')
    file = tmp_path / "x.capsule.json"
    file.write_text(text)
    before = set(sys.modules)
    content = read(file)
    assert content["class"] == f"{module}.Fails"
    assert set(sys.modules) == before
