"""Aliases: which is whose, and when they are free again."""

from __future__ import annotations

from typing import Any

from actorio._tree.names import Registry


class Cell:
    pass


def two() -> tuple[Registry, Any, Any]:
    return Registry(), Cell(), Cell()


def test_an_alias_means_its_actor() -> None:
    registry, a, _ = two()
    registry.add("till", a)
    assert "till" in registry
    assert registry.get("till") is a


def test_an_unknown_alias_means_nobody() -> None:
    registry, *_ = two()
    assert "till" not in registry
    assert registry.get("till") is None


def test_an_actor_may_have_several_in_their_order() -> None:
    registry, a, _ = two()
    for alias in ("till", "shop", "desk"):
        registry.add(alias, a)
    assert registry.names_of(a) == ["till", "shop", "desk"]


def test_an_actor_without_one_has_none() -> None:
    registry, a, _ = two()
    assert registry.names_of(a) == []


def test_a_removed_alias_is_free_and_the_others_stay() -> None:
    registry, a, _ = two()
    registry.add("till", a)
    registry.add("shop", a)
    assert registry.remove("till")
    assert "till" not in registry
    assert registry.names_of(a) == ["shop"]


def test_removing_one_that_is_free_says_so() -> None:
    registry, *_ = two()
    assert not registry.remove("till")


def test_a_freed_alias_can_be_anothers() -> None:
    registry, a, b = two()
    registry.add("till", a)
    registry.remove("till")
    registry.add("till", b)
    assert registry.get("till") is b
    assert registry.names_of(a) == []


def test_an_actor_that_ends_frees_all_of_its_own_and_no_others() -> None:
    registry, a, b = two()
    for alias, cell in (("till", a), ("shop", a), ("desk", b)):
        registry.add(alias, cell)
    registry.forget(a)
    assert registry.names_of(a) == []
    assert "till" not in registry
    assert registry.get("desk") is b


def test_forgetting_one_without_an_alias_is_nothing() -> None:
    registry, a, b = two()
    registry.add("desk", b)
    registry.forget(a)
    assert registry.get("desk") is b


def test_an_actor_without_aliases_is_not_kept() -> None:
    registry, a, _ = two()
    registry.add("till", a)
    registry.remove("till")
    assert not registry.named
    registry.add("till", a)
    registry.forget(a)
    assert not registry.named
    assert not registry._aliases
