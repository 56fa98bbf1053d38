"""At their full sizes the workloads find what an independent model of Savina's programs has found.

The checks of the workloads compute what they expect; these figures were computed elsewhere.
"""

import math
from typing import Any

import pytest

from benchmarks.workloads import select
from benchmarks.workloads.banking import BANKING, transfers
from benchmarks.workloads.sor import SOR

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_factories=["asyncio"])]


async def answer_of(name: str) -> Any:
    (workload,) = select([name])
    program = workload.programs.get("lean") or workload.programs["queue"]
    outcome = await program(workload.full)
    workload.check(workload.full, outcome.answer)
    return outcome.answer


async def test_concdict_writes_10_060_entries() -> None:
    answer = await answer_of("concdict")
    assert (answer.writes, answer.entries, answer.right_replies) == (10_060, 10_060, 100_000)


async def test_concsll_inserts_3_997_values() -> None:
    answer = await answer_of("concsll")
    assert (answer.inserts, answer.contains, answer.sizes) == (3_997, 35_993, 10)
    assert answer.total == 134_736_869


async def test_philosopher_needs_150_038_messages_first_in_first_out() -> None:
    (workload,) = select(["philosopher"])
    assert workload.messages(workload.full, await answer_of("philosopher")) == 150_038


async def test_the_busiest_cigarette_smoker_smokes_517_times_and_half_of_them_never() -> None:
    starts = await answer_of("cigsmok")
    assert max(starts) == 517
    assert sum(count > 0 for count in starts) == 100


async def test_logmap_ends_with_a_sum_of_6_387835144604() -> None:
    answer = await answer_of("logmap")
    assert math.isclose(sum(answer.last_terms), 6.387835144604, abs_tol=1e-11)
    assert answer.last_terms[0] == 0.0


async def test_banking_moves_823_338_204() -> None:
    answer = await answer_of("banking")
    assert sum(amount for _, _, amount in transfers(BANKING.full)) == 823_338_204
    assert sum(answer.changes) == 0
    assert sum(number * change for number, change in enumerate(answer.changes)) == 244_816_678_096


async def test_radixsort_and_bitonicsort_sort_the_values_of_savina() -> None:
    assert sum(await answer_of("radixsort")) == 165_394_260
    assert sum((await answer_of("bitonicsort")).values) == 8_494_720


async def test_sieve_finds_2_262_primes_in_91_filters_with_111_207_messages() -> None:
    answer = await answer_of("sieve")
    assert (len(answer.primes), answer.filters, answer.candidates) == (2_262, 91, 111_207)


async def test_filterbank_lets_1_970_values_out() -> None:
    found = await answer_of("filterbank")
    assert (len(found), sum(found), found[-1]) == (1_970, 470_618_020_992.0, 472_793_664.0)


async def test_sor_ends_with_the_total_of_the_generator_in_use() -> None:
    answer = await answer_of("sor")
    assert math.isclose(answer.total, 4.162686342332717e-10, rel_tol=1e-9)
    assert SOR.messages(SOR.full, answer) == 152_000


async def test_uct_grows_to_4_991_nodes() -> None:
    assert (await answer_of("uct")).nodes == 4_991


async def test_facloc_opens_12_facilities_with_258_837_messages_first_in_first_out() -> None:
    answer = await answer_of("facloc")
    assert (answer.facilities, answer.handled) == (12, 258_837)


async def test_nqueens_hands_out_535_boards() -> None:
    answer = await answer_of("nqueens")
    assert (answer.solutions, answer.boards) == (92, 535)


async def test_at_most_20_515_nodes_of_the_grid_can_be_reached() -> None:
    answer = await answer_of("astar")
    assert sum(parent >= 0 for parent in answer.parents) <= 20_515


async def test_bndbuffer_adds_the_constant_of_cost_zero() -> None:
    answer = await answer_of("bndbuffer")
    assert math.isclose(answer.total, 40 * 500_500 * -4.597975910, rel_tol=1e-9)


async def test_quicksort_makes_203_lists_of_the_values_of_savina() -> None:
    answer = await answer_of("quicksort")
    assert (sum(answer.values), answer.parts) == (3_281_785_872, 203)


async def test_apsp_finds_distances_of_91_624_in_all_and_13_at_most() -> None:
    distances = (await answer_of("apsp")).distances
    assert (sum(map(sum, distances)), max(map(max, distances))) == (91_624, 13)


async def test_recmatmul_works_on_585_blocks() -> None:
    answer = await answer_of("recmatmul")
    assert (sum(map(sum, answer.rows)), answer.items) == (260_112_384, 585)


async def test_400_digits_of_pi_take_329_terms() -> None:
    assert (await answer_of("piprecision")).terms == 329
