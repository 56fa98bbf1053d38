"""Names and paths: what may name an actor, and how a path is taken apart."""

from __future__ import annotations

from typing import Any

import pytest

from actorio.address import Address, check_name, check_ref, child_path, split_path


@pytest.mark.parametrize("name", ["till", "till 7", "Kasse-ä", ".", " "])
def test_any_string_without_a_slash_names_an_actor(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "/", "a/b", "/a"])
def test_an_empty_name_and_one_with_a_slash_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="'/'"):
        check_name(name)


@pytest.mark.parametrize("name", [None, 7, b"till", ["till"]])
def test_a_name_that_is_no_string_is_refused_by_its_type(name: Any) -> None:
    with pytest.raises(TypeError, match=type(name).__name__):
        check_name(name)


def test_the_path_of_a_child_is_below_its_parents() -> None:
    assert child_path("", "shop") == "/shop"
    assert child_path("/shop", "till") == "/shop/till"


@pytest.mark.parametrize("names", [["shop"], ["shop", "till"], ["a", "b", "c"]])
def test_a_path_is_taken_apart_as_it_was_put_together(names: list[str]) -> None:
    path = ""
    for name in names:
        path = child_path(path, name)
    assert split_path(path) == names


@pytest.mark.parametrize("path", ["shop", "shop/till", ""])
def test_a_path_that_is_not_absolute_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="begins with '/'"):
        split_path(path)


@pytest.mark.parametrize("path", ["/", "//", "/shop/", "//till"])
def test_a_path_with_an_empty_name_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        split_path(path)


def test_a_ref_is_told_from_what_is_none() -> None:
    check_ref("watch", Address())
    with pytest.raises(TypeError, match="watch takes an ActorRef, not str"):
        check_ref("watch", "/shop/till")
