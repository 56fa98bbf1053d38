"""The benchmark of many entities: it runs in small, on real nodes, and tells what it says it tells."""

from benchmarks.cluster import entities


async def test_every_entity_is_active_on_one_of_the_nodes_and_answers_twice() -> None:
    found = await entities.measure(60, nodes=2, width=10)
    assert sum(found.hosted) == 61  # one more has let the nodes know each other
    assert len(found.hosted) == 2
    assert min(found.first, found.second) > 0
