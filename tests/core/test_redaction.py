"""O10: what is shown of a value is short, inert, without secrets, and runs none of its code."""

import dataclasses
import datetime
import enum
import functools
from collections import deque, namedtuple
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from actorio._core.redaction import REDACTED, attributes_of, hide_secrets, inert, text_of

Point = namedtuple("Point", "x password")


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Login:
    user: str
    password: str
    pin: int = dataclasses.field(default=0, repr=False)


@dataclasses.dataclass(slots=True)
class Slotted:
    name: str
    api_key: str


class Plain:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class Secret:
    def get_secret_value(self) -> str:
        return "canary"


class Hostile:
    """Would tell what it hides, and break who asks."""

    def __repr__(self) -> str:
        raise RuntimeError("canary")

    __str__ = __repr__

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("canary")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("canary")

    __hash__ = object.__hash__


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (7, "7"),
        (True, "True"),
        ("text", "'text'"),
        (b"bytes", "b'bytes'"),
        (Colour.RED, "Colour.RED"),
        (datetime.date(2026, 1, 2), "datetime.date(2026, 1, 2)"),
        ([1, (2,), {3}], "[1, (2), {3}]"),
        (deque([1]), "deque([1])"),
        ({"a": 1, "password": 2}, "{'a': 1, 'password': <redacted>}"),
        (Login("anna", "x", 5), "Login(user='anna', password=<redacted>, pin=<redacted>)"),
        (Slotted("a", "b"), "Slotted(name='a', api_key=<redacted>)"),
        (Point(1, 2), "Point(x=1, password=<redacted>)"),
        (Plain(a=1, auth_token="x"), "Plain(a=1, auth_token=<redacted>)"),
        (Plain(inner=[{"Cookie": 1}]), "Plain(inner=[{'Cookie': <redacted>}])"),
        (Secret(), "<redacted>"),
        (ValueError("a", 1), "ValueError('a', 1)"),
        (len, "len"),
        (Login, "Login"),
        (functools.partial(len), "partial"),
        (2**5000, "<a large int>"),
    ],
)
def test_o10_a_value_is_shown_by_its_parts(value: Any, text: str) -> None:
    assert text_of(value) == text


def test_o12_no_code_of_a_value_runs() -> None:
    assert text_of(Hostile()) == "Hostile()"
    assert text_of([{"a": Hostile()}]) == "[{'a': Hostile()}]"


def test_o10_a_value_is_not_asked_for_its_class_or_for_its_time_zone() -> None:
    asked = []

    class Lazy:
        @property
        def __class__(self) -> Any:  # type: ignore[override]
            asked.append("class")
            return dict

    class Zone(datetime.tzinfo):
        def __repr__(self) -> str:
            asked.append("repr")
            return "canary"

    assert text_of(Lazy()).endswith("Lazy()")
    text = text_of(datetime.datetime(2026, 1, 2, tzinfo=Zone()))
    assert text.startswith("datetime.datetime(2026, 1, 2, 0, 0) of a ")
    assert text_of(datetime.time(1, tzinfo=datetime.UTC)).endswith("tzinfo=datetime.timezone.utc)")
    assert "Europe/Berlin" in text_of(datetime.datetime(2026, 1, 2, tzinfo=ZoneInfo("Europe/Berlin")))
    assert asked == []


@pytest.mark.parametrize(
    "name",
    [
        *("password", "PASSWORD", "db_passwd", "Passphrase", "client_secret", "token", "x-api_key", "apikey"),
        *("Authorization", "cookies", "credentials", "private_key"),
    ],
)
def test_o10_names_that_speak_of_a_secret_hide_their_values(name: str) -> None:
    assert hide_secrets(name, "canary") is REDACTED
    assert "canary" not in text_of({"deep": [{"er": Plain(**{name: "canary"})}]})
    assert hide_secrets("passenger", "seat") == "seat"
    assert repr(REDACTED) == "<redacted>"


def test_o10_the_redaction_of_a_user_is_asked_at_any_depth_and_one_that_raises_hides() -> None:
    asked = []

    def redact(name: str, value: object) -> object:
        asked.append(name)
        if name == "bad":
            raise KeyError(name)
        return "***" if name == "iban" else value

    text = text_of(Plain(a={"iban": "canary"}, bad="canary", list=[Login("u", "shown")]), redact)
    assert "canary" not in text
    assert "'***'" in text
    assert "shown" in text
    assert {"a", "iban", "bad", "list", "user", "password"} <= set(asked)
    assert "pin" in text
    assert "pin=<redacted>" in text


def test_o2_large_and_deep_and_circular_values_are_cut() -> None:
    circle: list[Any] = []
    circle.append(circle)
    deep: Any = "canary"
    for _ in range(10_000):
        deep = [deep]
    for value in (circle, deep, "x" * 1_000_000, list(range(1_000_000)), {n: n for n in range(100_000)}):
        assert len(text_of(value)) <= 200


def test_o12_texts_have_no_control_characters_and_no_marks_of_direction() -> None:
    evil = "\x1b[31m\u202eevil\u2066"
    kind = type(evil, (), {})
    for text in (
        inert(evil),
        text_of(evil),
        text_of({evil: 1}),
        text_of(kind()),
        text_of(Plain(**{evil: 2})),
    ):
        assert text.isprintable()
    assert len(inert("x" * 5000)) == 2000


def test_attributes_are_those_of_slots_and_of_the_dict() -> None:
    class Both(Slotted):
        def __init__(self) -> None:
            self.name = "n"
            self.more = 1

    assert attributes_of(Both()) == {"name": "n", "more": 1}
