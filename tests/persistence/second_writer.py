"""Another process that writes to one id: `python -m tests.persistence.second_writer DSN SCHEMA`.

Each line on standard input is how many deposits it is to make; it answers each deposit with a line: `ack BALANCE`, or
`conflict EXPECTED FOUND` when it was fenced, and each line of input with `done`.
"""

import asyncio
import os
import sys

from actorio import ActorSystem
from actorio.errors import ConflictError
from actorio.persistence import PostgresStore
from tests.persistence.actors import Deposit, Parent


def _say(*words: object) -> None:
    os.write(1, f"{' '.join(map(str, words))}\n".encode())


async def main(dsn: str, schema: str) -> None:
    async with ActorSystem(store=PostgresStore(dsn, schema=schema)) as system:
        parent = await system.spawn(Parent)
        while line := await asyncio.to_thread(sys.stdin.readline):
            for _ in range(int(line)):
                ref = await parent.call(Parent.account, "ada")
                try:
                    _say("ack", await ref.ask(Deposit(1)))
                except ConflictError as error:
                    _say("conflict", error.expected, error.found)
            _say("done")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
