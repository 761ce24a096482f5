"""The reward of an answer or of queries, 0..1. An unreadable completion gets `backend_api.FORMAT_FAILURE_REWARD`.

The format needs no further term: a readable completion has the right format, and an unreadable one scores below every
wrong answer, so a group with both has something to learn from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from harness.flags import with_flags
from locomo.evaluate import evidence_recall, f1_by_rule
from memoryqa.errors import UsageError
from training.students import rule_of

if TYPE_CHECKING:
    import dspy

    from locomo.judging.prompts import Judge
    from memory_system import Memories
    from memoryqa.config import ProgramConfig
    from training.inputs import Material

_TOPIC_ONLY = 0.5  # for an answer that only the lenient judge accepts


def choose_reward(
    metric: str, material: Material, *, judge_model: str | None, judge_api_base: str | None
) -> tuple[Callable[..., float], str | None]:
    """The reward of `metric`, and a line that describes the judge (None without one).

    Raises UsageError without a judge for the metric judge, LMUnavailable when it does not answer.
    """
    if metric == "f1":
        return F1Reward(), None
    if metric == "recall":
        return RecallReward(material.memories, material.settings.program), None
    from locomo.judging.prompts import Judge
    from memoryqa.lms.preflight import preflight
    from memoryqa.lms.roles import build, describe, resolve

    choice = resolve("judge", model=judge_model, api_base=judge_api_base)
    if choice.model is None or choice.offline:
        raise UsageError("`metric` judge needs a judge: give `judge_model` NAME, e.g. openai/gpt-4o-mini")
    lm = build(choice)
    preflight(lm, choice)
    strict, lenient = (Judge(name, lm, model=choice.model) for name in ("strict", "lenient"))
    return JudgeReward(strict, lenient), with_flags(describe(choice))


class F1Reward:
    """The benchmark's score of the answer: LoCoMo's token F1, by the kind of the question."""

    def __call__(self, example: dspy.Example, prediction: dspy.Prediction, trace: Any = None) -> float:
        return f1_by_rule(str(prediction.answer or ""), example.gold, rule_of(example))


class RecallReward:
    """The share of the gold turns that the question and the queries find together."""

    def __init__(self, memories: Memories, config: ProgramConfig) -> None:
        self._memories = memories
        self._config = config

    def __call__(self, example: dspy.Example, prediction: dspy.Prediction, trace: Any = None) -> float:
        queries = [text for query in prediction.queries or () if (text := str(query).strip())]
        found = self._memories[example.conversation_id].search(
            [example.question, *queries], self._config.context_tokens, score_floor=self._config.score_floor
        )
        return evidence_recall(found.ids, example.gold_evidence_ids) or 0.0


class JudgeReward:
    """1 if the strict judge accepts the answer, 0.5 if only the lenient judge does, else 0.

    Answers to questions that are to be declined and empty ones are scored by rule, without a judge. An answer whose
    verdict is unreadable gets its F1; `unreadable` counts those.
    """

    def __init__(self, strict: Judge, lenient: Judge) -> None:
        self._strict = strict
        self._lenient = lenient
        self.unreadable = 0

    def __call__(self, example: dspy.Example, prediction: dspy.Prediction, trace: Any = None) -> float:
        answer = str(prediction.answer or "").strip()
        by_rule = f1_by_rule(answer, example.gold, rule_of(example))
        if rule_of(example) == "declines" or not answer:
            return by_rule
        asked = {"question": example.question, "gold": str(example.gold), "answer": answer}
        strict = self._strict(**asked).finding
        if strict:
            return 1.0
        lenient = self._lenient(**asked).finding
        if strict is None or lenient is None:
            self.unreadable += 1
            return by_rule
        return _TOPIC_ONLY if lenient else 0.0
