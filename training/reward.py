"""The reward of an answer or of queries, 0..1. An unreadable completion gets `backend_api.FORMAT_FAILURE_REWARD`.

The format needs no further term: a readable completion has the right format, and an unreadable one scores below every
wrong answer, so a group with both has something to learn from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from locomo.evaluate import evidence_recall, official_f1
from locomo.schema import ADVERSARIAL

if TYPE_CHECKING:
    import dspy

    from locomo.judging.prompts import Judge
    from memory_system import Memories
    from memoryqa.config import ProgramConfig

_TOPIC_ONLY = 0.5  # for an answer that only the lenient judge accepts


class F1Reward:
    """The benchmark's score of the answer: LoCoMo's token F1, by category."""

    def __call__(self, example: dspy.Example, prediction: dspy.Prediction, trace: Any = None) -> float:
        return official_f1(str(prediction.answer or ""), example.gold, example.category)


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

    Answers of category 5 and empty ones are scored by rule, without a judge. An answer whose verdict is unreadable gets
    its F1; `unreadable` counts those.
    """

    def __init__(self, strict: Judge, lenient: Judge) -> None:
        self._strict = strict
        self._lenient = lenient
        self.unreadable = 0

    def __call__(self, example: dspy.Example, prediction: dspy.Prediction, trace: Any = None) -> float:
        answer = str(prediction.answer or "").strip()
        by_rule = official_f1(answer, example.gold, example.category)
        if example.category == ADVERSARIAL or not answer:
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
