"""The benchmark as one call: questions to programs, rows on disk, numbers back.

    config = build_benchmark_config(make_programs=search_programs(MemoryConfig()), mode="retrieval")
    result = run_benchmark(config)
    result.metrics["all_evidence_at_2000"]      # 0.87; None for what was not measured, never 0
    print(result.report)

A program is any callable (see locomo/asking.py): this module knows neither the memory nor LMs. evaluate.py is this and
a run folder around it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from locomo.asking import (
    Ask,
    MeasureUsage,
    Program,
    Row,
    Trace,
    ask_all,
    ask_for_answer,
    ask_for_evidence,
    no_trace,
    no_usage,
)
from locomo.config import EvaluationConfig
from locomo.dataset import Dataset, choose_questions
from locomo.schema import Question
from locomo.statistics import score_intervals
from locomo.summary import Metrics, flat_metrics, summarise, summarise_evidence, write_report
from memoryqa.turns import Turn

MakePrograms = Callable[[Mapping[str, tuple[Turn, ...]]], Mapping[str, Program]]
"""From the conversations that are asked about, by id, to the programs, by name."""


class RowStore(Protocol):
    """Where rows are kept; a run folder (harness/runs.py) is one, so is `RowList`."""

    def append(self, row: Row, /) -> None: ...

    def latest_rows(self, *fields: str) -> Mapping[tuple[Any, ...], Row]: ...


class RowList:
    """Rows in this process only."""

    def __init__(self) -> None:
        self._rows: list[Row] = []

    def append(self, row: Row) -> None:
        """Keep `row`."""
        self._rows.append(row)

    def latest_rows(self, *fields: str) -> dict[tuple[Any, ...], Row]:
        """The rows by the values of `fields`; of several with the same values the last."""
        return {tuple(row[field] for field in fields): row for row in self._rows}


@dataclass(frozen=True)
class BenchmarkConfig:
    """What is asked, of whom, and where the rows go. `build_benchmark_config` makes one.

    dataset, split, questions: what was found for the options in `asked`. programs: by name; in which way they are
    called depends on the mode. rows: questions that are answered in it already are not asked again. jsonl: the file
    behind `rows`, if there is one. measure_usage, is_systemic, trace: see locomo/asking.py; for programs with an LM.
    wrap: what stands around each question, such as a cache.
    """

    asked: EvaluationConfig
    dataset: Dataset
    split: str
    questions: tuple[Question, ...]
    programs: Mapping[str, Program]
    rows: RowStore = field(default_factory=RowList)
    jsonl: Path | None = None
    num_threads: int = 1
    measure_usage: MeasureUsage = no_usage
    is_systemic: Callable[[BaseException], bool] = lambda error: False
    trace: Trace = no_trace
    wrap: Callable[[Ask], Ask] = lambda ask: ask


@dataclass(frozen=True, slots=True)
class BenchmarkProgress:
    """After a row: how many of `total` answers are there, how many failed in this call, and the row."""

    completed: int
    total: int
    failed: int
    row: Row


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """What came out.

    metrics: of the program `memory`, or else of the first, on one level: fractions in 0..1, units in the names, None
    for what was not measured. report: the same of all programs, as text. jsonl: the file with a row per question and
    program, if one was asked for. summaries: by program, by category, with 95% intervals over conversations. rows: by
    (program, question id).
    """

    metrics: Metrics
    report: str
    jsonl: Path | None
    summaries: Mapping[str, dict[str, Any]]
    rows: Mapping[tuple[Any, ...], Row]


def build_benchmark_config(
    *, make_programs: MakePrograms, rows: RowStore | None = None, jsonl: Path | None = None, **options: Any
) -> BenchmarkConfig:
    """A config from `options`, the fields of `EvaluationConfig`; what is left out has its default.

    Without `data` the file is LOCOMO_PATH, data/locomo10.json, its download or the bundled sample, in this order.
    Raises ValueError, one line, for an unknown option or a bad value, and DataError for data that cannot be used.
    """
    known = [*EvaluationConfig.__dataclass_fields__]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(f"no option {unknown[0]!r}; there are {', '.join(known)}")
    asked = EvaluationConfig(**options)
    dataset, split, questions = choose_questions(asked)
    asked_about = {question.conversation_id for question in questions}
    conversations = {one.id: one.turns for one in dataset.conversations if one.id in asked_about}
    return BenchmarkConfig(
        asked=asked,
        dataset=dataset,
        split=split,
        questions=tuple(questions),
        programs=make_programs(conversations),
        rows=RowList() if rows is None else rows,
        jsonl=jsonl,
        num_threads=asked.num_threads or 1,
    )


def run_benchmark(
    config: BenchmarkConfig, *, on_progress: Callable[[BenchmarkProgress], None] | None = None
) -> BenchmarkResult:
    """Ask what is missing from the rows, and count up all of them.

    `on_progress` is called after each row, in the calling thread; what it raises ends the run, with the rows kept.
    Raises BenchmarkStoppedError as `locomo.asking.ask_all` does.
    """
    done = answered(config.rows)
    total = len(config.programs) * len(config.questions)
    completed, failed = len(done), 0

    def on_row(row: Row) -> None:
        nonlocal completed, failed
        config.rows.append(row)
        completed += 1
        failed += row["error"] is not None
        if on_progress is not None:
            on_progress(BenchmarkProgress(completed, total, failed, row))

    ask_all(
        config.programs,
        config.questions,
        ask=config.wrap(_ask(config)),
        on_row=on_row,
        done=done,
        num_threads=config.num_threads,
        is_systemic=config.is_systemic,
    )
    return _result(config)


def answered(rows: RowStore) -> set[tuple[Any, ...]]:
    """What need not be asked again, as (program, question id); questions that failed are not among it."""
    return {key for key, row in rows.latest_rows("program", "question_id").items() if row["error"] is None}


def _ask(config: BenchmarkConfig) -> Ask:
    if config.asked.mode == "retrieval":
        return partial(ask_for_evidence, budgets_tokens=config.asked.budgets_tokens)
    return partial(ask_for_answer, measure_usage=config.measure_usage, trace=config.trace)


def _result(config: BenchmarkConfig) -> BenchmarkResult:
    budgets = config.asked.budgets_tokens
    rows = config.rows.latest_rows("program", "question_id")
    summaries = {}
    for name in config.programs:
        of_program = [rows[name, question.id] for question in config.questions]
        summaries[name] = {**summarise(of_program), "ci95": score_intervals(of_program)}
        if config.asked.mode == "retrieval":
            summaries[name] |= summarise_evidence(of_program, budgets)
    metrics = {name: flat_metrics(summary, budgets) for name, summary in summaries.items()}
    main = "memory" if "memory" in metrics else next(iter(metrics))
    return BenchmarkResult(
        metrics=metrics[main],
        report=write_report(_what_was_asked(config.dataset, config.split, config.questions), metrics),
        jsonl=config.jsonl,
        summaries=summaries,
        rows=rows,
    )


def _what_was_asked(dataset: Dataset, split: str, questions: Sequence[Question]) -> str:
    conversations = len({question.conversation_id for question in questions})
    return f"{dataset.name}, split {split}: {len(questions)} questions of {conversations} conversations"
