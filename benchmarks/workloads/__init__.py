"""All workloads, by name, in the order in which they are run and shown."""

from collections.abc import Iterable

from benchmarks.harness.workload import AnyWorkload
from benchmarks.workloads.apsp import APSP
from benchmarks.workloads.ask import ASK
from benchmarks.workloads.astar import ASTAR
from benchmarks.workloads.backpressure import BACKPRESSURE
from benchmarks.workloads.banking import BANKING
from benchmarks.workloads.barber import BARBER
from benchmarks.workloads.big import BIG
from benchmarks.workloads.bitonicsort import BITONICSORT
from benchmarks.workloads.bndbuffer import BNDBUFFER
from benchmarks.workloads.chameneos import CHAMENEOS
from benchmarks.workloads.cigsmok import CIGSMOK
from benchmarks.workloads.concdict import CONCDICT
from benchmarks.workloads.concsll import CONCSLL
from benchmarks.workloads.counting import COUNTING, COUNTING_BOUNDED
from benchmarks.workloads.facloc import FACLOC
from benchmarks.workloads.fib import FIB
from benchmarks.workloads.filterbank import FILTERBANK
from benchmarks.workloads.fjcreate import FJCREATE
from benchmarks.workloads.fjthrput import FJTHRPUT
from benchmarks.workloads.idle import IDLE
from benchmarks.workloads.latency import LATENCY
from benchmarks.workloads.logmap import LOGMAP
from benchmarks.workloads.nqueens import NQUEENS
from benchmarks.workloads.philosopher import PHILOSOPHER, PHILOSOPHER_PARKED
from benchmarks.workloads.pingpong import PINGPONG, PINGPONG_TIMEOUT
from benchmarks.workloads.piprecision import PIPRECISION
from benchmarks.workloads.quicksort import QUICKSORT
from benchmarks.workloads.radixsort import RADIXSORT
from benchmarks.workloads.recmatmul import RECMATMUL
from benchmarks.workloads.send import SEND
from benchmarks.workloads.sieve import SIEVE
from benchmarks.workloads.skynet import SKYNET
from benchmarks.workloads.sor import SOR
from benchmarks.workloads.threadring import THREADRING
from benchmarks.workloads.trapezoid import TRAPEZOID
from benchmarks.workloads.uct import UCT

__all__ = ["ALL", "UnknownNameError", "select"]

ALL: tuple[AnyWorkload, ...] = (
    PINGPONG,
    PINGPONG_TIMEOUT,
    COUNTING,
    COUNTING_BOUNDED,
    SEND,
    ASK,
    FJTHRPUT,
    FJCREATE,
    THREADRING,
    CHAMENEOS,
    BIG,
    SKYNET,
    FIB,
    LATENCY,
    IDLE,
    CONCDICT,
    CONCSLL,
    BNDBUFFER,
    BACKPRESSURE,
    PHILOSOPHER,
    PHILOSOPHER_PARKED,
    BARBER,
    CIGSMOK,
    LOGMAP,
    BANKING,
    RADIXSORT,
    SIEVE,
    BITONICSORT,
    FILTERBANK,
    SOR,
    UCT,
    FACLOC,
    NQUEENS,
    ASTAR,
    TRAPEZOID,
    PIPRECISION,
    RECMATMUL,
    QUICKSORT,
    APSP,
)


class UnknownNameError(LookupError):
    """There is no workload and no group of that name."""


def select(names: Iterable[str]) -> list[AnyWorkload]:
    """Give the workloads with these names, or of these groups; all of them for no name."""
    wanted = list(names)
    known = {workload.name for workload in ALL} | {workload.group.value for workload in ALL}
    for name in wanted:
        if name not in known:
            raise UnknownNameError(f"no workload and no group is called {name!r}: see --list")
    return [workload for workload in ALL if not wanted or workload.name in wanted or workload.group in wanted]
