"""Systems in processes of their own, for those who look at them from outside."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Shop:
    """A system with trouble planted in it, which does what it is told; `url` is its link, or its socket."""

    def __init__(self, *options: str, runtime_dir: Path | None = None) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        if runtime_dir is not None:
            environment["XDG_RUNTIME_DIR"] = str(runtime_dir)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.observability.shop", *options],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url, "it has not started"

    def tell(self, order: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{order}\n")
        self.process.stdin.flush()

    def end(self) -> None:
        """Kill it, as `kill -9` does: nothing of it is cleared away."""
        self.process.kill()
        self.process.wait(10)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
