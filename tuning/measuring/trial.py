"""Measures a trial's parameters by the benchmark in mode "retrieval": one search per question, no LM.

    measured = evaluate_with_benchmark({"bm25_k1": 1.2}, BenchmarkOptions(split="train", budget_tokens=2000))
    measured.metrics["all_evidence_at_2000"]

One `TrialBenchmark` serves any number of trials: the data are read once, a conversation's lines are made again only
when the working memory changes, and it is indexed again only when the windows of the ranking do, which are part of
the index.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from locomo.asking import Ask, Program, Row, ask_for_evidence, recalled
from locomo.benchmark import BenchmarkProgress, ask_programs
from locomo.questions import choose
from locomo.rows import MAIN_PROGRAM
from locomo.schema import DataError, Question
from locomo.searches import MemorySearch
from locomo.split_data import seeded_order
from locomo.summary import Metrics
from memoryqa.config import WINDOW_FIELDS, MemoryConfig, RankingConfig, Settings
from memoryqa.memories import Memories
from memoryqa.memory import AdaptiveMemory
from memoryqa.parameters import Parameters
from tuning.measuring.cache import Context, QuestionCache
from tuning.presets import settings_of

_ROOT = Path(__file__).resolve().parents[2]
_MEASURING_CODE = (  # every module that a trial imports (a test compares), by folder
    "memoryqa/**/*.py",
    "locomo/**/*.py",
    "harness/*.py",
    "tuning/*.py",
    "tuning/measuring/*.py",
)
_MEASURED = (  # of a row: what is kept of a question
    *("evidence_recall", "all_evidence", "retrieved_ids", "context_tokens", "memory_tokens"),
    *("evidence_recall_at", "all_evidence_at", "retention"),
)
_MEMORIES_KEPT = 64  # of all conversations together; some ten megabytes for each of the longest


@dataclass(frozen=True, slots=True)
class BenchmarkOptions:
    """What every trial of a study is measured on.

    data: as `locomo.dataset.find` takes it. categories: numbers of kinds; without any those that count.
    budget_tokens: size of the evidence; None: the trial's `context_tokens`. working_tokens: search only a working
    memory of this size; None: as the trial says. data_sha256: what the data must be, where known. cache: None measures
    anew, which times need.
    """

    data: str | None = None
    data_format: str | None = None
    split: str = "train"
    categories: tuple[int, ...] = ()
    budget_tokens: int | None = 2000
    working_tokens: int | None = None
    data_sha256: str | None = None
    cache: Path | None = None


@dataclass(frozen=True, slots=True)
class TrialMetrics:
    """The result of a trial: `metrics` as in `BenchmarkResult`, `rows` by question id, and how many questions were
    asked now or taken from the cache. parameters: the settings that were measured."""

    metrics: Metrics
    rows: Mapping[str, Row]
    asked: int
    from_cache: int
    parameters: Parameters

    def scores(self, measure: str) -> dict[str, float]:
        """By question id, where `measure` was measured."""
        return {question_id: float(row[measure]) for question_id, row in self.rows.items() if row[measure] is not None}

    @property
    def conversation_of(self) -> dict[str, str]:
        """By question id."""
        return {question_id: row["conversation_id"] for question_id, row in self.rows.items()}


def evaluate_with_benchmark(trial_params: Mapping[str, Any], options: BenchmarkOptions) -> TrialMetrics:
    """Measure one set of parameters (tuning/presets.py) on all questions.

    Raises ParametersError for an unknown or bad parameter, DataError for data that cannot be used.
    """
    return benchmark_of(options).measure(trial_params)


@lru_cache(maxsize=4)
def benchmark_of(options: BenchmarkOptions) -> TrialBenchmark:
    """The benchmark for these options, made once in a process."""
    return TrialBenchmark(options)


class TrialBenchmark:
    """The questions, conversations and indexes that the trials of a study share. Raises DataError for unusable data."""

    def __init__(self, options: BenchmarkOptions) -> None:
        self.options = options
        selection = choose(
            options.data,
            data_format=options.data_format,
            split=options.split,
            categories=options.categories or "counted",
        )
        self.dataset = selection.dataset
        if options.data_sha256 not in (None, self.dataset.sha256):
            raise DataError(
                f"{self.dataset.path}: not the data of this study (sha256 {self.dataset.sha256[:12]}..., "
                f"not {str(options.data_sha256)[:12]}...); give those by --data"
            )
        self._selection = selection
        self._conversations = selection.conversations
        self.questions = tuple(question for question in selection.questions if question.evidence)
        self.cache = None if options.cache is None else QuestionCache(options.cache)
        self._memory = lru_cache(maxsize=_MEMORIES_KEPT)(self._add_turns)
        self._windowed = lru_cache(maxsize=_MEMORIES_KEPT)(self._index)

    def measure(
        self,
        trial_params: Mapping[str, Any],
        *,
        order_seed: int | None = None,
        on_row: Callable[[Row], None] = lambda row: None,
    ) -> TrialMetrics:
        """Measure one set of parameters. `on_row` is called with each question's row; what it raises ends the trial.

        order_seed: shuffles the questions; None asks them in the file's order.
        """
        parameters = settings_of(trial_params)
        settings = parameters.settings
        if self.options.working_tokens is not None:
            held = replace(settings.memory, memory_tokens=self.options.working_tokens, recovery=False)
            settings = replace(settings, memory=held)
        asked = self.options.budget_tokens
        budget = settings.program.context_tokens if asked is None else asked
        from_cache = 0

        def on_progress(progress: BenchmarkProgress) -> None:
            nonlocal from_cache
            from_cache += progress.row["error"] is None and progress.row["latency_sec"] is None
            on_row(progress.row)

        ask: Ask = partial(ask_for_evidence, budgets_tokens=(budget,))
        result = ask_programs(
            {MAIN_PROGRAM: MemorySearch(_Indexed(self._memory_of, settings.memory), settings.program)},
            replace(self._selection, questions=self._in_order(order_seed)),
            budgets_tokens=(budget,),
            ask=ask if self.cache is None else self._through_cache(ask, settings, budget, self.cache),
            on_progress=on_progress,
        )
        rows = {row["question_id"]: row for row in result.rows.values()}
        failed = [row["error"] for row in rows.values() if row["error"] is not None]
        if failed:
            raise RuntimeError(f"{len(failed)} of {len(rows)} questions failed, the first: {failed[0]}")
        return TrialMetrics(result.metrics, rows, len(rows) - from_cache, from_cache, parameters)

    def context(self, settings: Settings, budget_tokens: int) -> Context:
        """What a question's measurement depends on besides the question: no prompt, no judge, no chance, and no model
        but the embedder that the parameters name."""
        assert self.cache is not None
        return self.cache.context(
            split=self._selection.split,
            parameters={**asdict(settings), "budget_tokens": budget_tokens},
            data_sha256=self.dataset.sha256,
            versions={"code": code_digest(), "prompt": None, "judge": None, "model": settings.memory.embedder},
            seed=None,
        )

    def _through_cache(self, ask: Ask, settings: Settings, budget_tokens: int, cache: QuestionCache) -> Ask:
        context = self.context(settings, budget_tokens)

        def cached(name: str, program: Program, question: Question) -> tuple[Row, BaseException | None]:
            asked: list[tuple[Row, BaseException | None]] = []

            def measure() -> dict[str, Any] | None:
                asked.append(ask(name, program, question))
                row, error = asked[0]
                return None if error is not None else {key: row[key] for key in _MEASURED}

            measured, _ = cache.get_or_measure(context, question.id, measure)
            return asked[0] if asked or measured is None else (recalled(name, question, measured), None)

        return cached

    def _in_order(self, seed: int | None) -> tuple[Question, ...]:
        if seed is None:
            return self.questions
        by_id = {question.id: question for question in self.questions}
        return tuple(by_id[question_id] for question_id in seeded_order(by_id, seed))

    def _memory_of(self, conversation_id: str, config: MemoryConfig) -> AdaptiveMemory:
        windows = RankingConfig(**{name: getattr(config.ranking, name) for name in WINDOW_FIELDS})
        memory = self._windowed(conversation_id, without_ranking(config), windows)
        return memory.with_ranking(config.ranking)

    def _index(self, conversation_id: str, held: MemoryConfig, windows: RankingConfig) -> AdaptiveMemory:
        """A memory with its own index where the windows are not the shipped ones."""
        return self._memory(conversation_id, held).with_ranking(windows)

    def _add_turns(self, conversation_id: str, held: MemoryConfig) -> AdaptiveMemory:
        return Memories.of({conversation_id: self._conversations[conversation_id]}, held)[conversation_id]


def without_ranking(config: MemoryConfig) -> MemoryConfig:
    """What a memory is built by. Only the ranking is applied to a built one (`AdaptiveMemory.with_ranking`): every
    other field, a new one too, makes a memory of its own."""
    return replace(config, ranking=RankingConfig())


class _Indexed(Mapping[str, AdaptiveMemory]):
    """Memories by conversation id, each made at its first search: a trial from the cache needs none."""

    def __init__(self, make: Callable[[str, MemoryConfig], AdaptiveMemory], config: MemoryConfig) -> None:
        self._make = make
        self._config = config
        self._made: dict[str, AdaptiveMemory] = {}

    def __getitem__(self, conversation_id: str) -> AdaptiveMemory:
        if conversation_id not in self._made:
            self._made[conversation_id] = self._make(conversation_id, self._config)
        return self._made[conversation_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


def measuring_files(root: Path = _ROOT) -> list[Path]:
    """The sources that decide on what is found and how it is scored."""
    return sorted({path for pattern in _MEASURING_CODE for path in root.glob(pattern)})


@lru_cache(maxsize=1)
def code_digest(root: Path = _ROOT) -> str:
    """16 hex digits of sha256 over `measuring_files`, by their paths below `root`."""
    digest = hashlib.sha256()
    for path in measuring_files(root):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
