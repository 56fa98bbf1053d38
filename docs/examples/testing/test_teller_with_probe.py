"""An actor among others: a probe stands in for one of them."""

from bank import Balance, Set, Teller

from actorio import ActorSystem
from actorio.testing import Probe


async def test_a_teller_asks_before_it_pays(actor_system: ActorSystem, probe: Probe) -> None:
    teller = await actor_system.spawn(Teller, probe.ref)
    await teller.send(2)
    await probe.expect(Balance)
    await probe.expect_none()
    probe.reply(40)
    await probe.expect(Set(42))
