"""The API pages have every public name, and no other."""

import inspect
import re

import pytest

import actorio
import actorio.cluster
from actorio import ClusterError
from tests.docs.signatures import PAGES, REFERENCE, page

PAGE_OF_CLUSTER = (REFERENCE / "cluster.md").read_text()


def listed(text: str, module: str) -> list[str]:
    return sorted(re.findall(rf"^\.\. auto\w+:: {re.escape(module)}\.(\w+)$", text, re.MULTILINE))


def test_the_page_lists_what_can_be_imported() -> None:
    assert listed((REFERENCE / "api.md").read_text(), "actorio") == sorted(
        set(actorio.__all__) - {"__version__"}
    )


def test_the_page_of_the_cluster_lists_what_can_be_imported() -> None:
    assert listed(PAGE_OF_CLUSTER, "actorio.cluster") == sorted(actorio.cluster.__all__)


@pytest.mark.parametrize("name", PAGES)
def test_the_page_says_how_each_is_called_and_what_it_does(name: str) -> None:
    assert (REFERENCE / name).read_text() == page(name), "python -m tests.docs.signatures writes it"


def test_the_page_of_the_cluster_has_each_setting_with_its_default() -> None:
    told = {
        (cls, name): default
        for cls, table in re.findall(
            r"^### `(\w+)\(.*?\)`\n(.*?)(?=^##)", PAGE_OF_CLUSTER, re.MULTILINE | re.DOTALL
        )
        for name, default in re.findall(r"^\| `(\w+)` \| (.+?) \|", table, re.MULTILINE)
    }
    real = {
        (cls.__name__, name): "needed" if each.default is each.empty else f"`{each.default!r}`"
        for cls in (
            actorio.cluster.Cluster,
            actorio.cluster.Entity,
            actorio.cluster.Nats,
            actorio.cluster.NatsServer,
        )
        for name, each in inspect.signature(cls).parameters.items()
    }
    assert told == real


def test_the_page_of_the_cluster_has_each_error() -> None:
    errors = {
        name
        for name, value in vars(actorio).items()
        if inspect.isclass(value) and issubclass(value, ClusterError)
    }
    assert set(re.findall(r"^\| \{class\}`~actorio\.(\w+)`", PAGE_OF_CLUSTER, re.MULTILINE)) == errors
