"""Plain text for terminals: nothing of a system reaches the terminal that is not printable."""

import pytest

from actorio.cli.plain import duration, number, shown, table


def test_a_table_has_columns_as_wide_as_they_need_to_be() -> None:
    text = table(("name", "n"), [("a", 1), ("long name", 1000)], right=(1,))
    assert text.splitlines() == ["name          n", "a             1", "long name  1000"]


def test_o12_cells_are_inert() -> None:
    text = table(("name",), [("\x1b[31mred\u202e",)])
    assert all(line.isprintable() for line in text.splitlines())
    assert shown(None) == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (1.25, "1.2 s"), (59, "59 s"), (600, "10 min"), (7200, "2.0 h")]
)
def test_times_are_for_people(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (0, "0"), (1234567, "1,234,567"), (2.5, "2.5"), (25.4, "25")]
)
def test_numbers_are_for_people(value: float | None, text: str) -> None:
    assert number(value) == text
