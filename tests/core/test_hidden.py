"""O10: what was hidden is taken out of texts that quote it."""

from typing import Any

import pytest

from actorio._core.hidden import Hidden, quote, said
from actorio._core.redaction import REDACTED, hide_secrets


class Vault:
    def __init__(self, inner: Any) -> None:
        self.inner = inner


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        ("hunter2", "it was hunter2!", "it was <redacted>!"),
        ("line\n1", repr("line\n1"), "'<redacted>'"),
        (b"bytes", "it was b'bytes'", "it was b'<redacted>'"),
        (4711, "pin 4711", "pin <redacted>"),
        ({"a": ["deep1", "deep2"]}, "deep2, deep1", "<redacted>, <redacted>"),
        (Vault("inside"), "inside", "<redacted>"),
        ("ab", "ab and abc", "<redacted> and abc"),
        ("", "nothing", "nothing"),
        (None, "None", "None"),
        (True, "True", "True"),
    ],
)
def test_o10_a_text_is_shown_without_what_was_hidden(value: object, text: str, shown: str) -> None:
    hidden = Hidden()
    hidden.note(value)
    assert hidden.veil(text) == shown


def test_o10_of_two_secrets_the_longer_one_goes_first() -> None:
    assert Hidden(["token", "token-and-more"]).veil("token-and-more") == "<redacted>"


def test_o10_of_a_large_secret_every_part_is_hidden() -> None:
    tokens = {f"user{number}": {"key": f"canary-{number:04}"} for number in range(900)}
    hidden = Hidden()
    hidden.note(tokens)
    assert hidden.veil("refused canary-0003 and canary-0899") == "refused <redacted> and <redacted>"


def test_o10_of_a_secret_that_is_too_large_to_be_looked_through_no_text_is_shown() -> None:
    hidden = Hidden()
    hidden.note([f"canary-{number}" for number in range(100_000)])
    assert hidden.veil("refused canary-99999") == "<redacted>"
    assert Hidden(hidden.texts).veil("refused canary-99999") == "<redacted>"


def test_o10_a_secret_that_contains_itself_counts_as_too_large() -> None:
    circle: list[Any] = ["inside"]
    circle.append(circle)
    hidden = Hidden()
    hidden.note(circle)
    assert hidden.veil("plain, and inside") == "<redacted>"


def test_what_lies_about_itself_is_no_error() -> None:
    class Lies:
        @property
        def __dict__(self) -> Any:  # type: ignore[override]
            raise ValueError("no")

    hidden = Hidden()
    hidden.note([Lies(), "after"])
    hidden.note(range(10**9))
    assert hidden.veil("plain") == "plain"


def test_o10_a_secret_is_not_asked_for_its_class() -> None:
    class Lazy:
        def __init__(self) -> None:
            self.key = "canary"

        @property
        def __class__(self) -> Any:  # type: ignore[override]
            raise AssertionError("asked")

    hidden = Hidden()
    hidden.note([Lazy()])
    assert hidden.veil("refused canary") == "refused <redacted>"


def test_a_text_of_an_exception_is_asked_for_and_one_that_raises_is_told() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise KeyError("no")

    assert said(Broken()) == "<its __str__ raised KeyError>"
    assert said(ValueError("plain")) == "plain"
    assert quote("a\x1b[31mb", Hidden(), hide_secrets) == "a\N{REPLACEMENT CHARACTER}[31mb"
    assert quote("plain", Hidden(), lambda name, value: REDACTED) == "<redacted>"
