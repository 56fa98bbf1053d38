"""The same program, seed and policy: the same run, byte for byte, in every process and on every Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from actorio.testing import PolicyName, simulate
from tests.testing import planted

POLICIES: list[PolicyName] = ["fifo", "random", "pct"]
PROGRAMS = [planted.disorder, planted.disorder_in_anyio, planted.disorder_of_refs]
ROOT = Path(__file__).parents[2]
SEED = 5

PRINT_DIGEST = f"""
import sys
from actorio.testing import simulate
from tests.testing import planted

result = simulate(getattr(planted, sys.argv[1]), seed={SEED}, policy=sys.argv[2])
print(result.digest, result.value)
"""


def digest_here(program: planted.Main, policy: PolicyName) -> str:
    result = simulate(program, seed=SEED, policy=policy)
    return f"{result.digest} {result.unwrap()}"


def digest_elsewhere(program: planted.Main, policy: PolicyName, hash_seed: str) -> str:
    command = [sys.executable, "-c", PRINT_DIGEST, program.__name__, policy]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("policy", POLICIES)
def test_same_seed_gives_the_same_run_and_another_seed_another(
    program: planted.Main, policy: PolicyName
) -> None:
    first, again, other = (simulate(program, seed=seed, policy=policy) for seed in (5, 5, 6))
    assert (first.digest, first.value, first.tape) == (again.digest, again.value, again.tape)
    assert first.digest != other.digest


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("policy", POLICIES)
def test_tape_replays_the_run_of_any_policy(program: planted.Main, policy: PolicyName) -> None:
    run = simulate(program, seed=11, policy=policy)
    replay = simulate(program, tape=str(run.tape))
    assert (replay.digest, replay.value) == (run.digest, run.value)


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_else_is_allocated_does_not_matter(program: planted.Main) -> None:
    before = digest_here(program, "random")
    ballast = [[object() for _ in range(size)] for size in range(200)]
    assert digest_here(program, "random") == before
    del ballast[::2]
    assert digest_here(program, "random") == before


@pytest.mark.parametrize("program", PROGRAMS)
def test_hash_seed_of_the_process_does_not_matter(program: planted.Main) -> None:
    digests = {digest_elsewhere(program, "random", hash_seed) for hash_seed in ("0", "1", "random")}
    assert digests == {digest_here(program, "random")}


@pytest.mark.parametrize(
    ("policy", "digest"),
    [
        ("fifo", "9eeb79f52ee7402ee08f3c6dc5e3f628"),
        ("random", "09e1e26505433d5e541aaf7222888668"),
        ("pct", "edfe5e965250c29a2c1b3e0c94b3f00f"),
    ],
)
def test_seeds_keep_their_meaning_on_every_python_and_in_new_releases(
    policy: PolicyName, digest: str
) -> None:
    """After a deliberate change of the simulator: say in the changelog that seeds have changed."""
    assert simulate(planted.disorder, seed=SEED, policy=policy).digest == digest
