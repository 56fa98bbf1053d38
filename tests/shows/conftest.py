"""The big shows run when they are asked for: `pytest -m show`."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "show: a big one, of minutes; run by `-m show` alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the shows out unless the marker expression names them."""
    if "show" in (config.option.markexpr or ""):
        return
    shows = [item for item in items if item.get_closest_marker("show")]
    if shows:
        config.hook.pytest_deselected(items=shows)
        items[:] = [item for item in items if item not in shows]
