"""Every candidate that an optimizer tries, with its scores: the search can end at any time with the best so far."""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import dspy
from dspy.teleprompt.bootstrap_trace import FailedPrediction
from dspy.utils.callback import BaseCallback

from locomo.schema import Question
from memory_system import MemoryQA

Asked = tuple[str, str]  # conversation id and question: what the program is given
Metric = Callable[..., Any]
_MAX_FAILURE_CHARS = 300


@dataclass(slots=True)
class Candidate:
    """One set of prompts.

    prompts: signature and demos by predictor. found_by: the optimizer that first ran them; None for the start.
    first_run: program runs on the board before its own. scores: 0..1, every one of each question asked.
    """

    key: str
    number: int
    prompts: Mapping[str, tuple[type[dspy.Signature], list[Any]]]
    found_by: str | None
    first_run: int
    scores: defaultdict[Asked, list[float]] = field(default_factory=lambda: defaultdict(list))

    def mean(self, questions: Collection[Asked]) -> float | None:
        """The mean over `questions`, each counting once; None unless all were asked."""
        if not questions or not all(self.scores.get(one) for one in questions):
            return None
        return fmean(fmean(self.scores[one]) for one in questions)

    def gain_over(self, other: Candidate, among: Collection[Asked], least: int) -> float | None:
        """Mean difference on the questions of `among` that both were asked; None when those are fewer than `least`."""
        shared = [one for one in among if self.scores.get(one) and other.scores.get(one)]
        if len(shared) < least:
            return None
        return fmean(fmean(self.scores[one]) - fmean(other.scores[one]) for one in shared)


class _Thread(threading.local):
    """depth: runs and metrics this thread is inside; candidate: whose run ended last here, which is scored next."""

    depth = 0
    candidate: Candidate | None = None


class Scoreboard(BaseCallback):
    """Watches all runs of MemoryQA, in every thread and copy; one of DSPy's callbacks during the search.

    `runs` and `failures` are counted here because optimizers turn an exception into a score of 0 and report nothing.
    The same holds for `proposals`, the prompt model's calls, and `proposal_failures`, those that could not be read.
    `optimizer`: the one that runs now, set by the search. `on_run` is called after every run, in its thread.
    """

    def __init__(self, on_run: Callable[[Scoreboard], None] = lambda board: None) -> None:
        self.runs = self.failures = self.proposals = self.proposal_failures = 0
        self.last_failure: str | None = None
        self.optimizer: str | None = None
        self.candidates: dict[str, Candidate] = {}
        self._on_run = on_run
        self._running: dict[str, tuple[MemoryQA, Asked]] = {}
        self._proposing: set[str] = set()
        self._thread = _Thread()
        self._lock = threading.Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> Scoreboard:
        """Itself: DSPy copies its settings."""
        return self

    def on_module_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        """DSPy calls this before each run of a module."""
        if isinstance(instance, MemoryQA):
            asked = inputs["kwargs"]
            self._running[call_id] = (instance, (asked["conversation_id"], asked["question"]))
            self._thread.depth += 1
        elif isinstance(instance, dspy.Predict) and not self._thread.depth:
            self._proposing.add(call_id)

    def on_module_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        """DSPy calls this after each run. A failed run scores 0; a stopped one has no score."""
        if call_id in self._proposing:
            self._proposing.discard(call_id)
            with self._lock:
                self.proposals += 1
                self.proposal_failures += isinstance(exception, Exception)
        program, asked = self._running.pop(call_id, (None, None))
        if program is None or asked is None:
            return
        self._thread.depth -= 1
        if not isinstance(exception, Exception | None):
            return
        unread = outputs[0] if isinstance(outputs, tuple) and isinstance(outputs[0], FailedPrediction) else None
        candidate = self.candidate(program)
        self._thread.candidate = candidate
        with self._lock:
            self.runs += 1
            if exception is not None or unread is not None:
                self.failures += 1
                problem = str(exception) if unread is None else f"cannot be read: {unread.completion_text!r}"
                self.last_failure = " ".join(problem.split())[:_MAX_FAILURE_CHARS]
                candidate.scores[asked].append(0.0)
        self._on_run(self)

    def scoring(self, metric: Metric) -> Metric:
        """A metric that also writes the scores of `metric` here. Call it in the thread of the run that it scores."""

        def scored(gold: Any, pred: Any, trace: Any = None, pred_name: Any = None, pred_trace: Any = None) -> Any:
            self._thread.depth += 1  # a judge proposes nothing
            try:
                result = metric(gold, pred, trace, pred_name, pred_trace)
            finally:
                self._thread.depth -= 1
            if pred is not None and pred_name is None and self._thread.candidate is not None:
                with self._lock:
                    self._thread.candidate.scores[gold.conversation_id, gold.question].append(float(result.score))
            return result

        return scored

    def candidate(self, program: dspy.Module) -> Candidate:
        """The candidate with `program`'s prompts; a new one if they were not met before."""
        prompts = {name: (one.signature, list(one.demos)) for name, one in program.named_predictors()}
        text = repr([(name, signature.instructions, demos) for name, (signature, demos) in prompts.items()])
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        with self._lock:
            new = Candidate(key, len(self.candidates), prompts, self.optimizer, self.runs)
            return self.candidates.setdefault(key, new)

    def best(self, incumbent: Candidate, questions: Sequence[Question]) -> Candidate:
        """The best on all of `questions`. On a tie the incumbent wins, then the candidate tried earlier."""
        asked = [asked_of(one) for one in questions]
        in_order = [incumbent, *(one for one in self.candidates.values() if one is not incumbent)]
        ranked = [(one, score) for one in in_order if (score := one.mean(asked)) is not None]
        return max(ranked, key=lambda pair: pair[1], default=(incumbent, 0.0))[0]

    def leaders(self, incumbent: Candidate, questions: Sequence[Question], least: int) -> list[Candidate]:
        """Candidates that beat the incumbent on the questions both were asked, `least` or more; best first."""
        among = [asked_of(one) for one in questions]
        gains = [(one, one.gain_over(incumbent, among, least) or 0.0) for one in self.candidates.values()]
        return [one for one, gain in sorted(gains, key=lambda pair: -pair[1]) if gain > 0]


def asked_of(question: Question) -> Asked:
    """What the program is given of `question`."""
    return question.conversation_id, question.text


def with_prompts(program: MemoryQA, candidate: Candidate) -> MemoryQA:
    """A copy of `program` with the candidate's prompts."""
    copy: MemoryQA = program.deepcopy()
    for name, predictor in copy.named_predictors():
        predictor.signature, demos = candidate.prompts[name]
        predictor.demos = list(demos)
    return copy
