"""optimization.sizes, .estimates and .optimizers: the runs of a search, counted without an LM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dspy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instructed_reader import write_carried

from locomo.dataset import load
from memory_system import Memories, MemoryConfig, MemoryQA, ProgramConfig
from memoryqa.lms.prices import Price
from optimization.config import OptimizeConfig
from optimization.estimates import Estimator, measure_run
from optimization.optimizers import BoundedMIPROv2
from optimization.questions import QuestionSets, as_examples, draw_questions
from optimization.sizes import DEMO_FIELD_CHARS, gepa_size, mipro_size, simba_size


@pytest.fixture
def planned(tmp_path: Path) -> tuple[MemoryQA, QuestionSets]:
    dataset = load(write_carried(tmp_path / "data.json"))
    config = ProgramConfig(context_tokens=300)
    memories = Memories.of({one.id: one.turns for one in dataset.conversations}, MemoryConfig())
    sets = draw_questions(dataset, OptimizeConfig(num_examples=8, num_val=4, num_held_back=6))
    return MemoryQA(memories, config), sets


# -- sizes -------------------------------------------------------------------------------------------------------------


def test_the_documented_calls_have_the_sizes_that_suit_small_sets() -> None:
    thirty, fifteen = simba_size(30, 30), simba_size(15, 15)
    assert (thirty.batch, fifteen.batch) == (15, 8)
    assert thirty.runs == 4 * 15 * (2 * 4 + 1) + 5 * (30 + 30)
    assert fifteen.runs == 4 * 8 * (2 * 4 + 1) + 5 * (15 + 15)
    assert mipro_size(15, 15).runs(max_demos=2) == 15 + 11 * 15
    assert mipro_size(30, 30).runs(max_demos=0) == 17 * 30
    assert gepa_size(30).runs == 300


@given(st.integers(4, 500), st.integers(1, 500))
def test_every_size_is_one_that_dspy_accepts(num_train: int, num_val: int) -> None:
    simba, mipro, gepa = simba_size(num_train, num_val), mipro_size(num_train, num_val), gepa_size(num_val)
    assert 1 <= simba.batch <= min(32, num_train)
    assert mipro.trials >= mipro.candidates > 1
    assert gepa.runs > gepa.num_val
    assert simba.prompt_calls(0) >= simba.prompt_calls(2) > 0 < gepa.prompt_calls


# -- estimates ---------------------------------------------------------------------------------------------------------


def test_an_estimate_is_of_the_search_and_of_both_comparisons(planned: tuple[MemoryQA, QuestionSets]) -> None:
    program, sets = planned
    prices = {"task": Price(1e-6, 2e-6), "prompt": Price(1e-6, 2e-6)}
    whole = Estimator(OptimizeConfig(optimizer=("simba",), max_demos=0), program, sets, prices).everything()
    assert whole.program_runs == simba_size(8, 4).runs + 2 * 6
    assert whole.lm_calls == 3 * whole.program_runs + 4 * min(4, 5)
    assert whole.cost_usd == pytest.approx(1e-6 * whole.prompt_tokens + 2e-6 * whole.completion_tokens)
    chain = Estimator(OptimizeConfig(optimizer=("simba", "gepa"), max_demos=0), program, sets, prices).everything()
    assert chain.program_runs == whole.program_runs + gepa_size(4).runs


def test_an_unknown_price_makes_the_cost_unknown(planned: tuple[MemoryQA, QuestionSets]) -> None:
    program, sets = planned
    config = OptimizeConfig(metric="judge")
    known = {"task": Price(1e-6, 1e-6), "prompt": Price(1e-6, 1e-6), "judge": Price(1e-6, 1e-6)}
    judged = Estimator(config, program, sets, known).everything()
    plain = Estimator(OptimizeConfig(), program, sets, known).everything()
    assert judged.lm_calls == plain.lm_calls + plain.program_runs
    for role in known:
        assert Estimator(config, program, sets, {**known, role: None}).everything().cost_usd is None


def test_demonstrations_make_prompts_longer_by_a_bounded_amount(planned: tuple[MemoryQA, QuestionSets]) -> None:
    program, sets = planned
    longest = [
        Estimator(OptimizeConfig(optimizer=("miprov2",), max_demos=number), program, sets, {})
        .everything()
        .largest_task_prompt_tokens
        for number in (0, 1, 2)
    ]
    assert longest[0] == measure_run(program, sets.all()).largest_prompt_tokens
    assert longest[2] - longest[1] == longest[1] - longest[0] <= DEMO_FIELD_CHARS / 4 + 100


# -- demonstrations of MIPROv2 -----------------------------------------------------------------------------------------


def mipro_demos(program: MemoryQA, examples: list[dspy.Example], score: float, max_demos: int = 2) -> Any:
    class Engine:
        def __deepcopy__(self, memo: object) -> Engine:
            return self

        def complete(self, request: Any) -> Any:
            from dspy.lm15 import Message, Response, TextPart, Usage

            asks_queries = "`queries`" in request.system.partition("All interactions")[0]
            sufficient = "`sufficient`" in request.system.partition("All interactions")[0]
            fields = "[[ ## answer ## ]]\nkite\n\n[[ ## evidence_ids ## ]]\n\n"
            if asks_queries:
                fields = '[[ ## queries ## ]]\n["a b"]\n\n'
            elif sufficient:
                fields = "[[ ## sufficient ## ]]\nTrue\n\n[[ ## follow_up_queries ## ]]\n[]\n\n"
            text = f"{fields}[[ ## completed ## ]]"
            message, usage = Message.assistant([TextPart(text)]), Usage(input_tokens=1, output_tokens=1, total_tokens=2)
            return Response(id=None, model=request.model, message=message, finish_reason="stop", usage=usage)

    dspy.configure(lm=dspy.LM("test/mipro", engine=Engine(), cache=False))
    optimizer = BoundedMIPROv2(
        metric=lambda *arguments: dspy.Prediction(score=score, feedback=""), auto=None, num_candidates=4, num_threads=1
    )
    return optimizer._bootstrap_fewshot_examples(
        program, examples, 1, None, num_fewshot_candidates=4, max_bootstrapped_demos=max_demos, max_labeled_demos=0
    )


def test_demonstrations_are_good_runs_with_their_inputs_cut(planned: tuple[MemoryQA, QuestionSets]) -> None:
    program, sets = planned
    wide = MemoryQA(program.memories, ProgramConfig(context_tokens=4_000))
    found = mipro_demos(wide, as_examples(sets.train), score=1.0)
    assert [len(found[number]) for number in range(3)] == [4, 4, 4]
    assert all(found[number][0] == [] for number in range(3))  # what the program has: nothing yet
    demos = [demo for number in range(3) for one in found[number][1:] for demo in one]
    assert demos
    assert all(1 <= len(one) <= 2 for number in range(3) for one in found[number][1:])
    evidence = [demo["evidence"] for demo in demos if "evidence" in demo]
    assert max(map(len, evidence)) <= DEMO_FIELD_CHARS + 20
    assert {demo["answer"] for demo in demos if "answer" in demo} == {"kite"}


def test_failures_are_never_demonstrations_and_without_demos_nothing_is_run(
    planned: tuple[MemoryQA, QuestionSets],
) -> None:
    program, sets = planned
    assert mipro_demos(program, as_examples(sets.train), score=0.0) is None
    assert mipro_demos(program, [], score=1.0, max_demos=0) is None
