"""The score that a search maximises, with feedback in words for the optimizers that read it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import dspy

from locomo.asking import Row, score
from locomo.judging.prompts import Judge
from locomo.schema import Question
from optimization.questions import right_answer

DEMO_SCORE = 0.5  # the lowest score of an answer that may be a demonstration
_MAX_ANSWER_CHARS = 300
_MAX_LINE_CHARS = 200
_MAX_LINES = 6


class Judges(Protocol):
    """Whether the answer is right; None: the verdict could not be read. Raises DSPy's LMError when the LM fails."""

    def __call__(self, question: Question, answer: str) -> bool | None: ...


class CachedJudges:
    """The strict judge, and for unanswerable questions the abstention judge; each answer is judged once.

    GEPA asks for a score a second time to get its feedback, and SIMBA sees the same answer from many candidates.
    """

    def __init__(self, strict: Judge, abstention: Judge) -> None:
        self._strict, self._abstention = strict, abstention
        self._findings: dict[tuple[str, str], bool | None] = {}

    def __call__(self, question: Question, answer: str) -> bool | None:
        """Judge `answer`; an empty one is wrong without asking the LM."""
        if not answer.strip():
            return False
        key = (question.id, answer)
        if key not in self._findings:
            # the abstention judge finds that the answer declines, which is right here; the strict one, that it is right
            judge = self._abstention if question.is_declined else self._strict
            self._findings[key] = judge(question=question.text, gold=question.gold, answer=answer).finding
        return self._findings[key]


class Metric:
    """`f1`, `f1+recall` (their mean; F1 alone where no evidence is named) or `judge`, 0..1.

    Called as DSPy's optimizers call metrics: with two arguments for a score, with `trace` when demonstrations are
    picked, with `pred_name` for feedback. Examples are those of `as_examples(questions)`; `lines`: every turn as text,
    by conversation and turn id. `unreadable` counts verdicts that could not be read and count as wrong; `failures`
    counts verdicts that the judge's LM failed to give, which DSPy would turn into a silent 0.
    """

    def __init__(
        self,
        kind: str,
        questions: Iterable[Question],
        lines: Mapping[str, Mapping[str, str]],
        judges: Judges | None = None,
    ) -> None:
        if (kind == "judge") != (judges is not None):
            raise ValueError("judges go with the metric judge, and only with it")
        self.kind = kind
        self.unreadable = self.failures = 0
        self._questions = {question.id: question for question in questions}
        self._lines = lines
        self._judges = judges
        self._lock = threading.Lock()

    def __call__(
        self,
        gold: dspy.Example,
        pred: dspy.Prediction | None,
        trace: Any = None,
        pred_name: str | None = None,
        pred_trace: Any = None,
    ) -> dspy.Prediction | bool:
        """A prediction with `score` and `feedback`; True or False when demonstrations are picked (`trace` alone).

        Demonstrations need a bool because a prediction is always true, even with the score 0, and DSPy would take
        failures for demos (https://github.com/stanfordnlp/dspy/issues/10473). `pred` is None when the program failed.
        """
        question = self._questions[gold.question_id]
        row = score(question, pred)
        value = self.value(question, row)
        if trace is not None and pred_name is None:
            return value is not None and value >= DEMO_SCORE
        return dspy.Prediction(score=value or 0.0, feedback=self._feedback(question, row, value, failed=pred is None))

    def value(self, question: Question, row: Row) -> float | None:
        """The score of a row of `locomo.asking`; None when the judge's verdict could not be read."""
        if self._judges is None:
            recall = row["evidence_recall"]
            both = self.kind == "f1+recall" and recall is not None
            return float((row["f1"] + recall) / 2 if both else row["f1"])
        try:
            finding = self._judges(question, row["answer"])
        except Exception:
            with self._lock:
                self.failures += 1
            raise
        if finding is None:
            with self._lock:
                self.unreadable += 1
            return None
        return float(finding)

    def _feedback(self, question: Question, row: Row, value: float | None, *, failed: bool) -> str:
        shown = "the program failed and gave none" if failed else f'"{row["answer"][:_MAX_ANSWER_CHARS]}"'
        right = right_answer(question)
        parts = [f'Score {value or 0:.2f} of 1. The right answer: "{right}". The answer given: {shown}.']
        if question.is_declined:
            parts.append("The chat does not answer this question, or what it takes for granted did not happen.")
        missed = [turn_id for turn_id in question.evidence if turn_id not in row["retrieved_ids"]]
        if missed:
            parts.append(f"The searches missed {len(missed)} of {len(question.evidence)} lines with the answer:")
            parts += [self._quoted(question, turn_id) for turn_id in missed[:_MAX_LINES]]
        elif question.evidence:
            parts.append("All lines with the answer were found:")
            parts += [self._quoted(question, turn_id) for turn_id in question.evidence[:_MAX_LINES]]
        return "\n".join(parts)

    def _quoted(self, question: Question, turn_id: str) -> str:
        return f"- {turn_id} {self._lines[question.conversation_id].get(turn_id, '')[:_MAX_LINE_CHARS]}"
