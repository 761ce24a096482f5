"""The LMs of a search: one answers, one writes prompts, one judges; all are behind one meter."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import dspy

from harness.flags import with_flags
from harness.lm_flags import settings_of
from memoryqa.errors import UsageError
from memoryqa.lms.catalogue import settle
from memoryqa.lms.preflight import preflight
from memoryqa.lms.prices import ModelFacts, describe_cost, model_facts, unpriced_models
from memoryqa.lms.roles import LMChoice, build, describe, resolve
from optimization.config import OptimizeConfig
from optimization.meter import Meter
from optimization.metered_lm import MeteredLM

_MAX_PROPOSAL_TOKENS = 4_096  # an instruction may be a page
_MARGIN_TOKENS = 4_096  # of a window, for the answer and for another tokenizer than ours


@dataclass(frozen=True, slots=True)
class Models:
    """By role (task, prompt and, with --metric judge, judge): the choice, the plain LM, its price and window."""

    choices: Mapping[str, LMChoice]
    lms: Mapping[str, dspy.LM]
    facts: Mapping[str, ModelFacts]
    context_window: int | None

    def describe(self) -> list[str]:
        """One line for people per role."""
        return [with_flags(describe(choice)) for choice in self.choices.values()]

    def unpriced(self) -> list[str]:
        """The models whose price is unknown."""
        return unpriced_models(self._facts_by_choice())

    def describe_cost(self, cost_usd: float | None) -> str:
        """For people: what a run that costs `cost_usd` costs; None is unknown."""
        return describe_cost(cost_usd, self._facts_by_choice())

    def _facts_by_choice(self) -> dict[LMChoice, ModelFacts]:
        return {self.choices[role]: facts for role, facts in self.facts.items()}

    def max_prompt_tokens(self, role: str) -> int | None:
        """The longest prompt that leaves room for the answer; None when the window is unknown."""
        window = self.context_window or self.facts[role].window_tokens
        return None if window is None else max(1, window - min(_MARGIN_TOKENS, window // 4))

    def metered(self, announce: Callable[[str], None]) -> tuple[Meter, dict[str, MeteredLM]]:
        """A meter, and by role the LMs behind it; `announce` prints a line for people."""
        meter = Meter({role: facts.price for role, facts in self.facts.items()}, announce)
        return meter, {
            role: MeteredLM.of(lm, self.choices[role], meter, self.max_prompt_tokens(role))
            for role, lm in self.lms.items()
        }

    def check_the_rest(self, meter: Meter) -> None:
        """Send one word to every LM that has not answered yet, once the run has paid for an answer.

        A repeated run pays for none and must send none. Raises LMUnavailable.
        """
        for role, choice in self.choices.items():
            if meter.spent.paid_calls and MeteredLM.endpoint_of(choice) not in meter.answering:
                preflight(self.lms[role], choice)


def choose_models(
    config: OptimizeConfig, args: argparse.Namespace | None = None, saved: Mapping[str, Any] | None = None
) -> Models:
    """Choose from the flags, the environment and the config of a run that is resumed; asks no LM.

    Where only a key decides on the model, its provider is asked which it offers. Raises UsageError with the fix, and
    LMUnavailable.
    """
    args = args or argparse.Namespace(dry_run=True)
    task = _task(config, args, saved or {})
    prompt = resolve(
        "prompt",
        model=config.prompt_model,
        api_base=config.prompt_api_base,
        task=task,
        settings=settings_of(config, args, prefix="prompt"),
    )
    choices = {"task": task, "prompt": prompt}
    if config.metric == "judge":
        judge = resolve(
            "judge",
            model=config.judge_model,
            api_base=config.judge_api_base,
            settings=settings_of(config, args, prefix="judge"),
        )
        if judge.model is None or judge.offline:
            raise UsageError("--metric judge needs a model that judges: name one by --judge-model, or use --metric f1")
        choices["judge"] = judge
    lms = {
        # proposals must differ; elsewhere the same question must get the same answer
        role: build(choice, temperature=1.0, max_tokens=_MAX_PROPOSAL_TOKENS) if role == "prompt" else build(choice)
        for role, choice in choices.items()
    }
    return Models(choices, lms, {role: model_facts(one) for role, one in choices.items()}, config.context_window)


def _task(config: OptimizeConfig, args: argparse.Namespace, saved: Mapping[str, Any]) -> LMChoice:
    """The LM that answers. A run that is resumed keeps the model that it began with, whatever the default is today."""
    settings = settings_of(config, args)
    choice = resolve("task", model=config.model, api_base=config.api_base, settings=settings)
    if not choice.alternatives:
        return choice
    resolved = saved.get("resolved", {})
    if before := resolved.get("models", {}).get("task"):
        effort = resolved.get("lms", {}).get("task", {}).get("reasoning_effort")
        kept = replace(settings, reasoning_effort=settings.reasoning_effort or effort)
        return replace(resolve("task", model=before, settings=kept), reason="the run began with it")
    return choice if args.dry_run else settle(choice)
