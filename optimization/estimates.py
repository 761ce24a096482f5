"""What a search will cost, before it costs anything: program runs, LM calls, tokens, dollars.

Runs follow from each optimizer's own loop (DSPy 3.4.1); the tests count real ones. Calls include repeated prompts,
which the cache answers for nothing, so the bill is lower.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import dspy

from locomo.schema import Question
from memory_system import MemoryQA
from memoryqa.lms.prices import (
    ANSWER_TOKENS,
    JUDGE_PROMPT_TOKENS,
    MOST_CALLS_PER_STEP,
    MOST_CALLS_PER_VERDICT,
    Price,
    TokenUse,
    total_cost,
)
from memoryqa.tokens import count_tokens
from optimization.config import OptimizeConfig
from optimization.questions import QuestionSets
from optimization.sizes import DEMO_FIELD_CHARS, NUM_CONFIRMED, gepa_size, mipro_size, simba_size

_PROPOSAL_TOKENS = 500  # an answer of the prompt model: advice or an instruction
_FRAME_TOKENS = 1_500  # the fixed part of its prompt: the task and the program's signatures
_CHARS_PER_TOKEN = 4
_DEMO_SHARE = {"simba": 1 / 3, "miprov2": 1 / 2, "gepa": 0.0}  # of --max-demos, in a prompt of the search on average


@dataclass(frozen=True, slots=True)
class Estimate:
    """Expected totals. largest_task_prompt_tokens: the program's longest prompt. cost_usd None: a price is unknown.

    lm_calls_at_most: when every reply misses the format once, every proposal is asked for, and no verdict can be read.
    """

    program_runs: int
    lm_calls: int
    prompt_tokens: int
    completion_tokens: int
    largest_prompt_tokens: int
    largest_task_prompt_tokens: int
    cost_usd: float | None
    lm_calls_at_most: int


@dataclass(frozen=True, slots=True)
class RunSize:
    """Mean calls and tokens of one program run, and the most calls and the largest prompt on any of the questions."""

    calls: float
    most_calls: int
    prompt_tokens: float
    largest_prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Stage:
    """One optimizer: program runs, calls of the prompt model with their mean and largest size, demos per prompt."""

    runs: int
    most_runs: int
    prompt_calls: int
    most_prompt_calls: int
    prompt_call_tokens: float
    largest_prompt_tokens: float
    demos: float


def measure_run(program: MemoryQA, questions: Sequence[Question]) -> RunSize:
    """Measure the prompts that `program` would send for `questions`; asks no LM."""
    sizes = [[count_tokens(prompt) for prompt in program.prompts(**one.inputs())] for one in questions]
    return RunSize(fmean(map(len, sizes)), max(map(len, sizes)), fmean(map(sum, sizes)), max(map(max, sizes)))


def stage_of(optimizer: str, run: RunSize, sets: QuestionSets, max_demos: int, num_predictors: int) -> Stage:
    """The work of `optimizer` on these questions."""
    num_train, num_val = len(sets.train), len(sets.val)
    code_tokens = count_tokens(inspect.getsource(MemoryQA)) + _FRAME_TOKENS
    demos = max_demos * _DEMO_SHARE[optimizer]
    if optimizer == "simba":  # the prompt model reads the code and two whole runs
        simba, size = simba_size(num_train, num_val), code_tokens + 2 * run.prompt_tokens
        calls = simba.prompt_calls(max_demos)
        return Stage(simba.runs, simba.runs, calls, simba.most_prompt_calls, size, size, demos)
    if optimizer == "miprov2":  # it reads the code, and descriptions of program and data
        mipro = mipro_size(num_train, num_val)
        runs, calls = mipro.runs(max_demos), mipro.prompt_calls(num_predictors)
        return Stage(runs, runs, calls, calls, code_tokens, code_tokens, demos)
    gepa = gepa_size(num_val)  # it reads the inputs of one predictor for a minibatch
    size, largest = (gepa.minibatch * one for one in (run.prompt_tokens / run.calls, run.largest_prompt_tokens))
    calls, most = gepa.prompt_calls, gepa.most_prompt_calls
    return Stage(gepa.runs, gepa.most_runs, calls, most, size, largest + _FRAME_TOKENS, demos)


class Estimator:
    """Estimates for one configuration; `prices` by role: task, prompt and, with --metric judge, judge."""

    def __init__(
        self, config: OptimizeConfig, program: MemoryQA, sets: QuestionSets, prices: Mapping[str, Price | None]
    ) -> None:
        self._config, self._sets, self._prices = config, sets, prices
        self._run = measure_run(program, sets.all())
        self._demo_tokens = [_demo_tokens(one, program.config.context_tokens) for one in program.predictors()]

    def everything(self) -> Estimate:
        """Cost of the whole run."""
        stages = [
            stage_of(name, self._run, self._sets, self._config.max_demos, len(self._demo_tokens))
            for name in self._config.optimizer
        ]
        return self._total(2 * len(self._sets.held_back), stages)  # twice: before and after

    def comparison(self) -> Estimate:
        """Cost of asking the held-back questions once."""
        return self._total(len(self._sets.held_back), [])

    def after_limit(self) -> Estimate:
        """Cost of what comes after a limit ends the search: choosing on val, and the last comparison."""
        return self._total(len(self._sets.held_back) + (1 + NUM_CONFIRMED) * len(self._sets.val), [])

    def _total(self, other_runs: int, stages: Sequence[Stage]) -> Estimate:
        run, max_demos = self._run, self._config.max_demos
        runs = other_runs + sum(stage.runs for stage in stages)
        demo_tokens = sum(stage.runs * stage.demos for stage in stages) * sum(self._demo_tokens)
        proposed = sum(stage.prompt_calls * stage.prompt_call_tokens for stage in stages)
        judged = runs if self._config.metric == "judge" else 0
        calls = {"task": runs * run.calls, "prompt": sum(stage.prompt_calls for stage in stages), "judge": judged}
        judge_tokens = judged * JUDGE_PROMPT_TOKENS
        sent = {"task": runs * run.prompt_tokens + demo_tokens, "prompt": proposed, "judge": judge_tokens}
        received = {role: calls[role] * (_PROPOSAL_TOKENS if role == "prompt" else ANSWER_TOKENS) for role in calls}
        uses = [(self._prices.get(role), TokenUse(sent[role], received[role])) for role in calls]
        largest = round(run.largest_prompt_tokens + max_demos * max(self._demo_tokens))
        return Estimate(
            program_runs=runs,
            lm_calls=round(sum(calls.values())),
            prompt_tokens=round(sum(sent.values())),
            completion_tokens=round(sum(received.values())),
            largest_prompt_tokens=max([largest, *(round(stage.largest_prompt_tokens) for stage in stages)]),
            largest_task_prompt_tokens=largest,
            cost_usd=total_cost(uses),
            lm_calls_at_most=self._at_most(other_runs, stages),
        )

    def _at_most(self, other_runs: int, stages: Sequence[Stage]) -> int:
        runs = other_runs + sum(stage.most_runs for stage in stages)
        steps = runs * self._run.most_calls + sum(stage.most_prompt_calls for stage in stages)
        judged = runs if self._config.metric == "judge" else 0
        return MOST_CALLS_PER_STEP * steps + MOST_CALLS_PER_VERDICT * judged


def _demo_tokens(predictor: dspy.Predict, context_tokens: int) -> int:
    """Size of one demonstration: evidence is cut, every other field is a line."""
    evidence = "evidence" in predictor.signature.input_fields
    return ANSWER_TOKENS + (min(DEMO_FIELD_CHARS // _CHARS_PER_TOKEN, context_tokens) if evidence else 0)
