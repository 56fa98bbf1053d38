"""Messages are named short, and the same in every process."""

from actorio import ActorSystem
from actorio.testing import simulate
from tests.testing.test_story import Relay, told


def test_messages_are_named_the_same_in_every_process() -> None:
    class Thing:
        pass

    async def main() -> None:
        async with ActorSystem() as system:
            ref = await system.spawn(Relay, name="relay")
            for message in (Thing(), lambda: None, Thing, [Thing()]):
                await ref.send(message)

    lines = told(simulate(main))
    assert not any("0x" in line for line in lines)
    assert any("Thing()" in line for line in lines)
    assert any("<lambda>" in line for line in lines)
