"""Makes the store and the export of the present schema: `python -m tests.persistence.schemas.make`, once a release."""

import asyncio
from pathlib import Path

from actorio import ActorSystem
from actorio.persistence import SqliteStore
from actorio.persistence._sqlite_schema import VERSION
from tests.persistence.actors import Account, Balance, Cart, Deposit, Noted, Pruned, Snapshotted, do, reminder

HERE = Path(__file__).parent


async def main() -> None:
    path = HERE / f"{VERSION}.db"
    path.unlink(missing_ok=True)
    async with ActorSystem(store=SqliteStore(path)) as system:
        for kind in (Account, Snapshotted, Pruned):
            ref = await system.spawn(kind, "ada")
            for amount in range(7):
                await ref.ask(Deposit(amount, once=f"once {amount}"))
            await do(ref, lambda actor: actor.persist(Noted("ä€"), remind=[reminder(10**9)]))
        cart = await system.spawn(Cart, name="ada")
        await do(cart, lambda actor: actor.save(Balance(7)))
        gone = await system.spawn(Account, "gone")
        await gone.ask(Deposit(1))
        await do(gone, lambda actor: actor.erase())
        lines = [line async for line in system.store.export_lines()]
    (HERE / f"{VERSION}.jsonl").write_text("\n".join(lines) + "\n")
    path.with_suffix(".db.lock").unlink()


if __name__ == "__main__":
    asyncio.run(main())
