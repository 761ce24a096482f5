"""What a run will do, decided before anything is spent."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.flags import from_args
from harness.lm_flags import record_of, saved_fields
from harness.settings import choose_settings
from locomo.dataset import find
from locomo.questions import Selection
from locomo.schema import Dataset
from locomo.split_data import ids_digest
from memory_system import Memories, MemoryQA, load_program, prompt_digests
from memoryqa.config import Settings
from memoryqa.errors import UsageError
from memoryqa.lms.prices import dollars
from optimization.config import ADDED, OptimizeConfig
from optimization.estimates import Estimate, Estimator
from optimization.models import Models, choose_models
from optimization.questions import QuestionSets, draw_questions


@dataclass(frozen=True)
class Plan:
    """One run of optimize.py.

    program: what the search starts from. expected: the whole run's cost. comparison: the cost of asking the held-back
    questions once. after_limit: the cost of what comes after a limit. notes: lines that the user has to see.
    """

    config: OptimizeConfig
    settings: Settings
    dataset: Dataset
    sets: QuestionSets
    models: Models
    program: MemoryQA
    expected: Estimate
    comparison: Estimate
    after_limit: Estimate
    notes: tuple[str, ...]

    @property
    def num_threads(self) -> int:
        """Questions asked at a time; one for the offline reader, which gains nothing from several."""
        return self.config.num_threads or (1 if self.models.choices["task"].offline else 8)

    def title(self) -> str:
        """A name for people, such as the run's in MLflow."""
        model = "offline reader" if (task := self.models.choices["task"]).offline else str(task.model).split("/")[-1]
        return f"optimize {'+'.join(self.config.optimizer)}, {model}, {len(self.sets.train)} train questions"

    def full_config(self) -> dict[str, Any]:
        """Everything that the result depends on: saved with the run and compared when it is resumed."""
        of_lms = record_of(self.models.choices)
        return {
            "optimize": saved_fields(asdict(self.config), ADDED),
            "memory": asdict(self.settings.memory),
            "program": asdict(self.settings.program),
            "resolved": {
                "models": {role: choice.model for role, choice in self.models.choices.items()},
                "data_sha256": self.dataset.sha256,
                "questions_digests": {
                    name: ids_digest(one.id for one in questions) for name, questions in self.sets.by_name().items()
                },
                "prompts": prompt_digests(self.program),
                **({"lms": of_lms} if of_lms else {}),
            },
        }

    @property
    def held_back(self) -> Selection:
        """The questions that the comparison asks, before and after."""
        return Selection(self.dataset, "val, held back", self.sets.held_back)

    def search_limits(self) -> tuple[int | None, float | None]:
        """Calls and dollars up to the end of the search; None: no limit. The rest is kept for what comes after it."""
        calls, cost_usd = self.config.max_calls, self.config.max_cost
        return (
            None if calls is None else calls - self.after_limit.lm_calls,
            None if cost_usd is None else cost_usd - (self.after_limit.cost_usd or 0.0),
        )


def make_plan(args: argparse.Namespace, saved: Mapping[str, Any]) -> Plan:
    """From the flags, and from `saved`, the config.json of a resumed run. Asks no LM.

    Raises UsageError, one line with the fix: a flag, the data, a saved program, a limit too low, prompts too long.
    """
    config = from_args(OptimizeConfig, args, saved=saved.get("optimize"))
    settings, verdict = choose_settings(args, saved, program=config.from_file, parameters=config.parameters)
    dataset = find(config.data, config.format)
    sets = draw_questions(dataset, config)
    models = choose_models(config, args, saved)
    conversations = Selection(dataset, "all sets", sets.all()).conversations
    memories = Memories.of(conversations, settings.memory, vector_cache=Path("vectors.sqlite"))
    program = MemoryQA(memories, settings.program)
    if config.from_file is not None:
        program = load_program(Path(config.from_file), memories)
    estimator = Estimator(config, program, sets, {role: facts.price for role, facts in models.facts.items()})
    plan = Plan(
        config=config,
        settings=settings,
        dataset=dataset,
        sets=sets,
        models=models,
        program=program,
        expected=estimator.everything(),
        comparison=estimator.comparison(),
        after_limit=estimator.after_limit(),
        notes=(*dataset.notes, *([verdict] if verdict else []), *models.describe()),
    )
    _check(plan)
    return plan


def estimate_lines(plan: Plan) -> list[str]:
    """The plan and its cost, for people."""
    sets, expected, models = plan.sets, plan.expected, plan.models
    cost = models.describe_cost(expected.cost_usd)
    cached = "; answers from the cache cost nothing" if expected.cost_usd else ""
    window = models.max_prompt_tokens("task")
    room = "the model's window is not known" if window is None else f"up to {window:,} fit"
    tokens = f"{expected.prompt_tokens / 1e6:.1f}M prompt and {expected.completion_tokens / 1e6:.2f}M completion tokens"
    return [
        f"{' then '.join(plan.config.optimizer)}: learns from {len(sets.train)} questions of train, chooses on "
        f"{len(sets.val)} of val, compares on {len(sets.held_back)} other ones of val",
        f"expected: {expected.program_runs:,} program runs, {expected.lm_calls:,} LM calls, {tokens}; {cost}{cached}",
        f"at most {expected.lm_calls_at_most:,} LM calls, when every reply misses the format once",
        f"longest prompt: about {expected.largest_prompt_tokens:,} tokens; {room}",
        *_limit_lines(plan),
    ]


def _limit_lines(plan: Plan) -> list[str]:
    """The limits, and where they end the search; for people."""
    (calls, cost_usd), config, kept = plan.search_limits(), plan.config, "is kept to choose and to compare"
    lines = []
    if calls is not None:
        lines.append(f"limit: {config.max_calls:,} LM calls; the search ends at {calls:,}, the rest {kept}")
    if config.max_cost is not None and cost_usd is not None:
        ends, limit = dollars(cost_usd), dollars(config.max_cost)
        lines.append(
            f"limit: {limit}" if ends == limit else f"limit: {limit}; the search ends at {ends}, the rest {kept}"
        )
    return lines


def _check(plan: Plan) -> None:
    config, models = plan.config, plan.models
    if config.max_cost is not None and (unpriced := models.unpriced()):
        raise UsageError(f"--max-cost: no price is known of {', '.join(unpriced)}; limit the run by --max-calls")
    least = plan.after_limit.lm_calls + plan.comparison.lm_calls
    if config.max_calls is not None and config.max_calls <= least:
        raise UsageError(
            f"--max-calls {config.max_calls:,} leaves nothing to search with: comparing and choosing alone take "
            f"{least:,}; raise it, or lower --num-held-back or --num-val"
        )
    cost = (plan.after_limit.cost_usd or 0.0) + (plan.comparison.cost_usd or 0.0)
    if config.max_cost is not None and config.max_cost <= cost:
        raise UsageError(
            f"--max-cost {config.max_cost:.2f} leaves nothing to search with: comparing and choosing alone take "
            f"${cost:.2f}; raise it, or lower --num-held-back or --num-val"
        )
    for role in models.choices:
        longest = plan.expected.largest_prompt_tokens if role == "prompt" else plan.expected.largest_task_prompt_tokens
        window = models.max_prompt_tokens(role)
        if role != "judge" and window is not None and longest > window:
            raise UsageError(
                f"prompts of about {longest:,} tokens do not fit {models.choices[role].model}, which has room for "
                f"{window:,}: lower --context-tokens or --max-demos, or choose another model"
            )
