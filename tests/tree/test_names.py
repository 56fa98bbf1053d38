"""Names: which alias is whose, and when a name is free again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from actorio._tree.names import Names


class Cell:
    """Has a name among its siblings."""

    def __init__(self, name: str = "a", table: dict[str, Any] | None = None) -> None:
        self.name = name
        self.siblings = SimpleNamespace(table={} if table is None else table)


def two() -> tuple[Names, Any, Any]:
    return Names(), Cell(), Cell()


def test_an_alias_means_its_actor() -> None:
    names, a, _ = two()
    names.add("till", a)
    assert "till" in names
    assert names.get("till") is a


def test_an_unknown_alias_means_nobody() -> None:
    names, *_ = two()
    assert "till" not in names
    assert names.get("till") is None


def test_an_actor_may_have_several_in_their_order() -> None:
    names, a, _ = two()
    for alias in ("till", "shop", "desk"):
        names.add(alias, a)
    assert names.names_of(a) == ["till", "shop", "desk"]


def test_an_actor_without_one_has_none() -> None:
    names, a, _ = two()
    assert names.names_of(a) == []


def test_a_removed_alias_is_free_and_the_others_stay() -> None:
    names, a, _ = two()
    names.add("till", a)
    names.add("shop", a)
    assert names.remove("till")
    assert "till" not in names
    assert names.names_of(a) == ["shop"]


def test_removing_one_that_is_free_says_so() -> None:
    names, *_ = two()
    assert not names.remove("till")


def test_a_freed_alias_can_be_anothers() -> None:
    names, a, b = two()
    names.add("till", a)
    names.remove("till")
    names.add("till", b)
    assert names.get("till") is b
    assert names.names_of(a) == []


def test_an_actor_that_ends_frees_all_of_its_own_and_no_others() -> None:
    names, a, b = two()
    for alias, cell in (("till", a), ("shop", a), ("desk", b)):
        names.add(alias, cell)
    names.free_aliases(a)
    assert names.names_of(a) == []
    assert "till" not in names
    assert names.get("desk") is b


def test_forgetting_one_without_an_alias_is_nothing() -> None:
    names, a, b = two()
    names.add("desk", b)
    names.free_aliases(a)
    assert names.get("desk") is b


def test_an_actor_without_aliases_is_not_kept() -> None:
    names, a, _ = two()
    names.add("till", a)
    names.remove("till")
    assert not names.named
    names.add("till", a)
    names.free_aliases(a)
    assert not names.named
    assert not names._aliases


def test_the_end_of_an_actor_frees_its_name_and_its_aliases() -> None:
    names, table = Names(), dict[str, Any]()
    cell: Any = Cell("a", table)
    table["a"] = cell
    names.add("till", cell)
    names.free(cell)
    assert not table
    assert not names.named


def test_a_name_that_is_anothers_by_now_stays_that_ones() -> None:
    names, table = Names(), dict[str, Any]()
    former: Any = Cell("a", table)
    table["a"] = later = Cell("a", table)
    names.free(former)
    assert table == {"a": later}
