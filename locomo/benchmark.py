"""Ask programs the questions of a selection, and count up what they answered: no LM is set up, no report written.

    selection = choose(split="val")
    memories = Memories.of(selection.conversations)
    result = ask_programs({"memory": MemorySearch(memories)}, selection, budgets_tokens=(500, 2000))
    result.metrics["all_evidence_at_2000"]      # 0.87; None for what was not measured, never 0
    print(result.report)

A program is any callable (see locomo/asking.py): this module knows neither the memory nor LMs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from locomo.asking import Ask, Program, ask_all, ask_for_answer, ask_for_evidence
from locomo.questions import Selection
from locomo.rows import MAIN_PROGRAM, AnswerSummary, Row
from locomo.summary import Metrics, flat_metrics, summarise_program, write_report


class RowStore(Protocol):
    """Where rows are kept; a run folder (harness/runs.py) is one, so is `RowList`."""

    def append(self, row: Mapping[str, Any], /) -> None: ...

    def latest_rows(self, *fields: str) -> Mapping[tuple[Any, ...], Any]: ...


class RowList:
    """Rows in this process only."""

    def __init__(self) -> None:
        self._rows: list[Mapping[str, Any]] = []

    def append(self, row: Mapping[str, Any]) -> None:
        """Keep `row`."""
        self._rows.append(row)

    def latest_rows(self, *fields: str) -> dict[tuple[Any, ...], Any]:
        """The rows by the values of `fields`; of several with the same values the last."""
        return {tuple(row[field] for field in fields): row for row in self._rows}


@dataclass(frozen=True, slots=True)
class BenchmarkProgress:
    """After a row: how many of `total` answers are there, how many failed in this call, and the row."""

    completed: int
    total: int
    failed: int
    row: Row


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """The numbers.

    metrics: of the program `memory`, or else of the first, on one level: fractions in 0..1, units in the names, None
    for what was not measured. report: the same of all programs, as text. jsonl: the file with a row per question and
    program, if there is one. summaries: by program, with 95% intervals over conversations. rows: by (program,
    question id).
    """

    metrics: Metrics
    report: str
    jsonl: Path | None
    summaries: Mapping[str, AnswerSummary]
    rows: Mapping[tuple[str, str], Row]


def ask_programs(
    programs: Mapping[str, Program],
    selection: Selection,
    *,
    budgets_tokens: Sequence[int] = (),
    ask: Ask | None = None,
    rows: RowStore | None = None,
    jsonl: Path | None = None,
    num_threads: int = 1,
    is_systemic: Callable[[BaseException], bool] = lambda error: False,
    on_progress: Callable[[BenchmarkProgress], None] | None = None,
) -> BenchmarkResult:
    """Ask every program what `rows` does not answer yet, and count up all of them.

    budgets_tokens: with any, programs only search, once per budget (ascending); without, they answer. ask: how one
    question is put to one program (locomo/asking.py), where not as those say: with a tracker, or from a cache. rows:
    where rows are kept, a run folder (harness/runs.py) for one; without it in this process only. jsonl: the file behind
    `rows`, for the result. `on_progress` is called after each row, in the calling thread; what it raises ends the run,
    with the rows kept. Raises BenchmarkStoppedError as `locomo.asking.ask_all` does.
    """
    rows = RowList() if rows is None else rows
    if ask is None:
        ask = partial(ask_for_evidence, budgets_tokens=budgets_tokens) if budgets_tokens else ask_for_answer
    done = answered(rows)
    total = len(programs) * len(selection.questions)
    completed, failed = len(done), 0

    def on_row(row: Row) -> None:
        nonlocal completed, failed
        rows.append(row)
        completed += 1
        failed += row["error"] is not None
        if on_progress is not None:
            on_progress(BenchmarkProgress(completed, total, failed, row))

    ask_all(
        programs,
        selection.questions,
        ask=ask,
        on_row=on_row,
        done=done,
        num_threads=num_threads,
        is_systemic=is_systemic,
    )
    return result_of(rows, list(programs), selection, budgets_tokens=budgets_tokens, jsonl=jsonl)


def answered(rows: RowStore) -> set[tuple[Any, ...]]:
    """What need not be asked again, as (program, question id); questions that failed are not among it."""
    return {key for key, row in rows.latest_rows("program", "question_id").items() if row["error"] is None}


def result_of(
    rows: RowStore,
    programs: Sequence[str],
    selection: Selection,
    *,
    budgets_tokens: Sequence[int] = (),
    jsonl: Path | None = None,
) -> BenchmarkResult:
    """What `programs` came to: there must be a row of each of them to every question of `selection`."""
    latest = rows.latest_rows("program", "question_id")
    summaries: dict[str, AnswerSummary] = {}
    kinds = selection.dataset.kinds
    for name in programs:
        of_program = [latest[name, question.id] for question in selection.questions]
        summaries[name] = summarise_program(of_program, budgets_tokens, kinds)
    metrics = {name: flat_metrics(summary, budgets_tokens, kinds) for name, summary in summaries.items()}
    return BenchmarkResult(
        metrics=metrics[main_program(metrics)],
        report=write_report("; ".join([selection.describe(), *selection.warnings]), metrics),
        jsonl=jsonl,
        summaries=summaries,
        rows=latest,
    )


def main_program(names: Collection[str]) -> str:
    """The program that a run is about: `memory`, or else the first."""
    return MAIN_PROGRAM if MAIN_PROGRAM in names else next(iter(names))
