"""Whom a run asks: the LM that answers and the one that judges, chosen, then checked before anything is spent."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from locomo.config import EvaluationConfig
from memoryqa.lms.roles import LMChoice, describe, resolve

if TYPE_CHECKING:
    from locomo.benchmark import BenchmarkConfig

NO_LM = "no LM: a search per question and budget"


@dataclass(frozen=True, slots=True)
class ChosenLMs:
    """By role; `task` is None where no LM answers, `judge.model` where none judges."""

    task: LMChoice | None
    judge: LMChoice | None

    def describe_task(self) -> str:
        """For people, and for the record."""
        return NO_LM if self.task is None else describe(self.task)

    def describe_judge(self) -> str:
        """The same of the judge."""
        return "no judge: there are no answers" if self.judge is None else describe(self.judge)

    @property
    def judges(self) -> bool:
        """Whether answers are to be judged."""
        return self.judge is not None and self.judge.model is not None


def choose_lms(args: argparse.Namespace, config: EvaluationConfig) -> ChosenLMs:
    """From flags and environment; nobody is asked yet. Raises ValueError."""
    if config.mode == "retrieval":
        for flag, given in (("--judge-model", args.judge_model), ("--dry-run", args.dry_run)):
            if given:
                raise ValueError(f"--mode retrieval asks no LM: drop {flag}")
        return ChosenLMs(None, None)
    task = resolve("task", model=config.model, api_base=config.api_base)
    judge = resolve("judge", model=args.judge_model, api_base=args.judge_api_base)
    if judge.offline:
        raise ValueError("--judge-model offline: the offline reader judges nothing; name a model, or none")
    return ChosenLMs(task, judge)


def connect(benchmark: BenchmarkConfig, lms: ChosenLMs, *, missing: int, fresh: bool) -> BenchmarkConfig:
    """`benchmark` with its LMs set up and tried by one call each; `missing`: answers that are still to be asked for.

    `fresh`: ask again what the cache has an answer to. Raises LMUnavailable.
    """
    if lms.task is None or lms.judge is None:
        return benchmark
    from memoryqa.lms.preflight import is_systemic, preflight
    from memoryqa.lms.roles import build, configure
    from memoryqa.lms.usage import measure_usage

    lm = build(lms.task, temperature=benchmark.asked.temperature, cache=not fresh)
    if missing:
        preflight(lm, lms.task)
    if lms.judges:
        preflight(build(lms.judge), lms.judge)
    num_threads = benchmark.asked.num_threads or (1 if lms.task.offline else 8)
    configure(lm, num_threads=num_threads)
    return replace(benchmark, num_threads=num_threads, measure_usage=measure_usage, is_systemic=is_systemic)
