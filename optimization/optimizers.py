"""SIMBA, MIPROv2 and GEPA on the program, with settings for small sets: three functions of one signature.

Each takes a program to start from and a `Task`, and returns the programs to choose among on val. The scoreboard has all
their candidates besides, from which the best is taken when a search is stopped.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import dspy
from dspy.propose import GroundedProposer
from dspy.teleprompt.bootstrap_trace import FailedPrediction, bootstrap_trace_data
from dspy.utils.exceptions import AdapterParseError, LMError

from memory_system import MemoryQA
from optimization.metric import DEMO_SCORE
from optimization.sizes import DEMO_FIELD_CHARS, gepa_size, mipro_size, simba_size

NO_LIMIT = 1_000_000  # errors; the scoreboard counts them. After ten, its default, DSPy scores the whole candidate 0


@dataclass(frozen=True, slots=True)
class Task:
    """What every optimizer needs. metric: `Scoreboard.scoring(Metric(...))`. The task LM is DSPy's default LM."""

    trainset: list[dspy.Example]
    valset: list[dspy.Example]
    metric: Callable[..., Any]
    prompt_lm: dspy.LM
    max_demos: int
    num_threads: int
    seed: int


Search = Callable[[MemoryQA, Task], list[MemoryQA]]


def run_simba(program: MemoryQA, task: Task) -> list[MemoryQA]:
    """Return SIMBA's finalists. SIMBA itself would choose by their scores on train, from which they were made.

    It makes rules and demos from contrasting runs of the same question: https://dspy.ai/api/optimizers/SIMBA/
    """
    size = simba_size(len(task.trainset), len(task.valset))
    optimizer = dspy.SIMBA(
        metric=task.metric,
        bsize=size.batch,
        num_candidates=size.candidates,
        max_steps=size.steps,
        max_demos=task.max_demos,
        prompt_model=task.prompt_lm,
        demo_input_field_maxlen=DEMO_FIELD_CHARS,
        num_threads=task.num_threads,
    )
    best = optimizer.compile(program, trainset=task.trainset, seed=task.seed)
    return [one["program"] for one in best.candidate_programs]


def run_miprov2(program: MemoryQA, task: Task) -> list[MemoryQA]:
    """Return the best on val. MIPROv2 combines instructions and demos: Opsahl-Ong et al. 2024, arXiv 2406.11695."""
    size = mipro_size(len(task.trainset), len(task.valset))
    optimizer = BoundedMIPROv2(
        metric=task.metric,
        prompt_model=task.prompt_lm,
        auto=None,
        num_candidates=size.candidates,
        max_bootstrapped_demos=task.max_demos,
        max_labeled_demos=0,
        num_threads=task.num_threads,
        max_errors=NO_LIMIT,
        seed=task.seed + 1,  # 0 would silently be 9
        metric_threshold=DEMO_SCORE,
    )
    best = optimizer.compile(
        program,
        trainset=task.trainset,
        valset=task.valset,
        num_trials=size.trials,
        minibatch=False,
        fewshot_aware_proposer=False,  # it would put three whole inputs into each of its prompts
    )
    return [best]


def run_gepa(program: MemoryQA, task: Task) -> list[MemoryQA]:
    """Return the best on val. GEPA rewrites instructions by written feedback: Agrawal et al. 2025, arXiv 2507.19457."""
    size = gepa_size(len(task.valset))
    optimizer = dspy.GEPA(
        metric=task.metric,
        max_metric_calls=size.runs,
        reflection_minibatch_size=size.minibatch,
        reflection_lm=task.prompt_lm,
        num_threads=task.num_threads,
        seed=task.seed,
    )
    return [optimizer.compile(program, trainset=task.trainset, valset=task.valset)]


SEARCHES: Mapping[str, Search] = {"simba": run_simba, "miprov2": run_miprov2, "gepa": run_gepa}


class BoundedMIPROv2(dspy.MIPROv2):
    """MIPROv2 whose demonstrations come from one run of every train question, in parallel, with their inputs cut.

    DSPy makes its demo sets one after another in a single thread, over an unknown number of questions. It takes
    failures for demonstrations when a metric has feedback (https://github.com/stanfordnlp/dspy/issues/10473), and keeps
    whole inputs. Besides, one proposal that cannot be read would end its search. This overrides two methods that DSPy
    3.4.1 calls in `compile`.
    """

    def _propose_instructions(
        self,
        program: Any,
        trainset: list[Any],
        demo_candidates: list[Any] | None,
        view_data_batch_size: int,
        program_aware_proposer: bool,
        data_aware_proposer: bool,
        tip_aware_proposer: bool,
        fewshot_aware_proposer: bool,
        num_instruct_candidates: int,
    ) -> dict[int, list[str]]:
        """As DSPy's, by a proposer that goes on: instructions by predictor, its present one first."""
        proposer = _PatientProposer(
            program=program,
            trainset=trainset,
            prompt_model=self.prompt_model,
            view_data_batch_size=view_data_batch_size,
            program_aware=program_aware_proposer,
            use_dataset_summary=data_aware_proposer,
            use_task_demos=fewshot_aware_proposer,
            use_tip=tip_aware_proposer,
            set_tip_randomly=tip_aware_proposer,
            use_instruct_history=False,
            set_history_randomly=False,
            rng=self.rng,
            init_temperature=self.init_temperature,
        )
        proposed: dict[int, list[str]] = proposer.propose_instructions_for_program(
            trainset=trainset,
            program=program,
            demo_candidates=demo_candidates,
            N=num_instruct_candidates,
            trial_logs={},
        )
        for number, predictor in enumerate(program.predictors()):
            proposed[number][0] = predictor.signature.instructions
        return proposed

    def _bootstrap_fewshot_examples(
        self,
        program: Any,
        trainset: list[Any],
        seed: int,
        teacher: Any,
        *,
        num_fewshot_candidates: int,
        max_bootstrapped_demos: int,
        **_: Any,
    ) -> dict[int, list[list[dspy.Example]]] | None:
        """Demo sets by predictor: its present demos, then up to `max_bootstrapped_demos` good runs each, or None."""
        if not max_bootstrapped_demos:
            return None
        student = program.deepcopy()
        runs = bootstrap_trace_data(
            student, trainset, metric=self.metric, num_threads=self.num_threads, raise_on_error=False
        )
        threshold = self.metric_threshold or DEMO_SCORE
        good = [run["trace"] for run in runs if float(getattr(run["score"], "score", run["score"])) >= threshold]
        if not good:
            return None
        rng = random.Random(seed)
        sizes = [rng.randint(1, min(max_bootstrapped_demos, len(good))) for _ in range(num_fewshot_candidates - 1)]
        chosen = [rng.sample(good, size) for size in sizes]
        return {
            number: [list(predictor.demos), *(_demos_of(predictor, traces) for traces in chosen)]
            for number, predictor in enumerate(student.predictors())
        }


class _PatientProposer(GroundedProposer):
    """One whose proposal cannot be read, or does not come, proposes what is there. The scoreboard counts it."""

    def propose_instruction_for_predictor(self, program: Any, predictor: Any, **rest: Any) -> str:
        try:
            return str(super().propose_instruction_for_predictor(program=program, predictor=predictor, **rest))
        except (AdapterParseError, LMError):  # not SearchStopped, which ends the search
            return str(predictor.signature.instructions)


def _demos_of(predictor: dspy.Predict, traces: list[Any]) -> list[dspy.Example]:
    """The last call of `predictor` in each trace, cut as SIMBA cuts it."""
    demos = []
    for trace in traces:
        steps = [step for step in trace if step[0] is predictor and not isinstance(step[2], FailedPrediction)]
        for _, inputs, outputs in steps[-1:]:
            short = {name: _cut(str(value)) for name, value in inputs.items()}
            demos.append(dspy.Example(augmented=True, **short, **outputs))
    return demos


def _cut(text: str) -> str:
    return text if len(text) <= DEMO_FIELD_CHARS else f"{text[:DEMO_FIELD_CHARS]}\n... (cut)"
