"""Whom a run asks: the LM that answers and the one that judges, chosen, then checked before anything is spent."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evaluation.config import EvaluationConfig
from harness.flags import with_flags
from harness.lm_flags import role_settings, settings_of
from memoryqa.errors import UsageError
from memoryqa.lms.roles import LMChoice, LMSettings, describe, resolve

if TYPE_CHECKING:
    from locomo.judging.prompts import Judge

NO_LM = "no LM: a search per question and budget"
NOT_ASKED = "task LM: none, the answers were given elsewhere"
MANY_THREADS = 8


@dataclass(frozen=True, slots=True)
class ChosenLMs:
    """By role. task: None where no LM answers. judge: None where nothing is answered; its model, where none judges."""

    task: LMChoice | None
    judge: LMChoice | None

    def describe_task(self) -> str:
        """For people, and for the record."""
        if self.task is None:
            return NO_LM if self.judge is None else NOT_ASKED
        return with_flags(describe(self.task))

    def describe_judge(self) -> str:
        """For people, and for the record."""
        return "no judge: there are no answers" if self.judge is None else with_flags(describe(self.judge))

    @property
    def short_name(self) -> str:
        """Who answers, for a title."""
        if self.task is None:
            return "retrieval" if self.judge is None else "predictions"
        return "offline reader" if self.task.offline else str(self.task.model)

    @property
    def judges(self) -> bool:
        """Whether answers are to be judged."""
        return self.judge is not None and self.judge.model is not None

    def num_threads(self, asked_for: int | None) -> int:
        """Questions at a time, where the user leaves it open: searches and the offline reader gain nothing by more."""
        if asked_for is not None:
            return asked_for
        waits = self.judges if self.task is None else not self.task.offline
        return MANY_THREADS if waits else 1


def choose_lms(args: argparse.Namespace, config: EvaluationConfig, saved: Mapping[str, Any] | None = None) -> ChosenLMs:
    """Choose from flags, environment and, when a run is resumed, its `saved` config; asks no LM.

    Where only a key decides on the model, its provider is asked which it offers. Raises UsageError, LMUnavailable.
    """
    if config.mode == "retrieval":
        for flag, given in (("--judge-model", args.judge_model), ("--dry-run", args.dry_run)):
            if given:
                raise UsageError(f"--mode retrieval asks no LM: drop {flag}")
        return ChosenLMs(None, None)
    settings = settings_of(config, args)
    task = _task(args, config, settings, saved or {}) if config.programs else None
    judge = resolve(
        "judge",
        model=args.judge_model,
        api_base=args.judge_api_base,
        settings=role_settings(args, "judge", settings),
    )
    if judge.offline:
        raise UsageError("--judge-model offline: the offline reader judges nothing; name a model, or none")
    return ChosenLMs(task, judge)


def _task(
    args: argparse.Namespace, config: EvaluationConfig, settings: LMSettings, saved: Mapping[str, Any]
) -> LMChoice:
    """The LM that answers. A run that is resumed keeps the model that it began with, whatever the default is today."""
    choice = resolve("task", model=config.model, api_base=config.api_base, settings=settings)
    resolved = saved.get("resolved", {})
    if not choice.alternatives:
        return choice
    if before := resolved.get("model"):
        effort = resolved.get("lms", {}).get("task", {}).get("reasoning_effort")
        kept = replace(settings, reasoning_effort=settings.reasoning_effort or effort)
        return replace(resolve("task", model=before, settings=kept), reason="the run began with it")
    from memoryqa.lms.catalogue import settle

    return choice if args.dry_run else settle(choice)


def connect(lms: ChosenLMs, config: EvaluationConfig, args: argparse.Namespace, *, missing: int) -> list[Judge]:
    """Set up the LMs and try each by one call; the judges that were asked for, with theirs.

    `missing`: answers that are still to be asked for. A run that is resumed asks again what the cache has an answer to:
    what could not be read is in it. Raises LMUnavailable.
    """
    if lms.judge is None or (lms.task is None and lms.judge.model is None):
        return []
    from locomo.judging.prompts import Judge
    from memoryqa.lms.preflight import preflight
    from memoryqa.lms.roles import build, configure

    judges = []
    if lms.task is not None:
        lm = build(lms.task, temperature=config.temperature, cache=args.resume is None)
        if missing:
            preflight(lm, lms.task)
        configure(lm, num_threads=lms.num_threads(config.num_threads))
    if lms.judge.model is not None:
        judge_lm = build(lms.judge, temperature=0.0)
        preflight(judge_lm, lms.judge)
        judges = [
            Judge(name, judge_lm, model=lms.judge.model, num_votes=args.judge_votes, lm_identity=lms.judge.identity)
            for name in args.judge
        ]
    return judges
