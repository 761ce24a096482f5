"""A whole evaluation in a run folder: ask what is missing, judge, sum up, report.

    run = new_run(Path("runs/mine"), config, selection, task_lm="task LM: my own")
    summary = evaluate_programs(run, programs, selection, task_lm="task LM: my own", memories=memories)

Afterwards the folder holds answers.jsonl (a row per answer, as it completes), config.json, manifest.json, summary.json,
and for programs that answer lines.json, report.html, plots and verdicts; for programs that only search report.txt.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.commands import disk_reason
from harness.flags import with_flags
from harness.progress import counting
from harness.runs import ANSWERS, MANIFEST, Run, default_run_dir, manifest_environment
from harness.tracking.tracker import NullTracker, Tracker
from harness.tracking.values import metrics_of, trace_of
from locomo.asking import Ask, BenchmarkStoppedError, Program, ask_for_answer, ask_for_evidence
from locomo.benchmark import BenchmarkProgress, BenchmarkResult, answered, ask_programs, main_program
from locomo.judging.files import judge_columns
from locomo.judging.verdicts import judged_name
from locomo.kinds import LOCOMO, kinds_of
from locomo.predictions import with_predictions
from locomo.questions import Selection
from locomo.rows import AnswerSummary, ProgramSummary, RunSummary
from locomo.summary import with_counted_key
from memoryqa.errors import UsageError
from memoryqa.lms.preflight import is_systemic
from memoryqa.memories import Memories
from reports.plots import write_plots
from reports.records import LINES, SUMMARY
from reports.terminal import print_summary, write_report
from reports.trouble import trouble_lines

if TYPE_CHECKING:
    from locomo.judging.prompts import Judge

REPORT_TEXT = "report.txt"
NO_JUDGE = "judge LM: none"


def new_run(run_dir: Path | None, config: Mapping[str, Any], selection: Selection, *, task_lm: str, **more: Any) -> Run:
    """A new run folder (None: runs/TIME-ID), with where its numbers come from; `more` goes to the manifest too.

    Raises RunFolderError when the folder is in use, UsageError when it cannot be written.
    """
    dataset = selection.dataset
    kinds = {} if dataset.kinds == LOCOMO else {"kinds": dataset.kinds.to_json()}
    manifest = {
        **manifest_environment(),
        "task_lm": task_lm,
        **more,
        "data": {"path": str(dataset.path), "sha256": dataset.sha256, "notes": list(dataset.notes), **kinds},
        "questions": len(selection.questions),
        "questions_digest": selection.digest,
    }
    run_dir = run_dir or default_run_dir(config)
    try:
        return Run.create(run_dir, config, manifest)
    except OSError as error:
        raise UsageError(f"{run_dir} cannot be written ({error.strerror}): name another folder by --run-dir") from error


def evaluate_programs(
    run: Run,
    programs: Mapping[str, Program],
    selection: Selection,
    *,
    task_lm: str,
    memories: Memories | None = None,
    judges: Sequence[Judge] = (),
    judge_lm: str = NO_JUDGE,
    budgets_tokens: Sequence[int] = (),
    num_threads: int = 1,
    tracker: Tracker | NullTracker | None = None,
    parameters: str | None = None,
    resume: str = "give the same command again",
) -> RunSummary:
    """Ask `programs` what the folder of `run` does not answer yet, judge, and report; the content of summary.json.

    Every row is on disk as it completes. Progress and tables go to stderr. LMs are set up by the caller.

    task_lm, judge_lm: who answers and who judges, for people. memories: what the programs search, for the report's
    contexts. judges: none judges nothing. budgets_tokens: with any, programs only search (locomo/asking.py).
    parameters: what tuned parameters say of themselves. resume: what the message of a stop tells the user to do.
    Raises BenchmarkStoppedError and JudgingStoppedError, Ctrl-C and a full disk included; rows and verdicts are kept.
    """
    tracker = tracker or NullTracker()
    if memories is not None and not budgets_tokens:
        run.write_json(LINES, memories.rendered_lines())
    result = _ask(run, programs, selection, budgets_tokens, num_threads, tracker, resume)
    judged = _judge(run, judges, num_threads, tracker, resume)
    return write_results(
        run,
        result,
        selection,
        task_lm=task_lm,
        judge_lm=judge_lm,
        judged=judged,
        judges_asked=list(map(name_of, judges)),
        budgets_tokens=budgets_tokens,
        embedding_failures=0 if memories is None else memories.embedding_failures,
        tracker=tracker,
        parameters=parameters,
    )


def write_results(
    run: Run,
    result: BenchmarkResult,
    selection: Selection,
    *,
    task_lm: str,
    judge_lm: str = NO_JUDGE,
    judged: Mapping[str, Any] | None = None,
    judges_asked: Sequence[str] = (),
    budgets_tokens: Sequence[int] = (),
    embedding_failures: int = 0,
    tracker: Tracker | NullTracker | None = None,
    parameters: str | None = None,
    more: Mapping[str, Any] | None = None,
    loud: Sequence[str] = (),
) -> RunSummary:
    """summary.json, the report and the tracker's metrics from rows that are in the folder; a table on stderr.

    judged: the `judges` of judges.json, of which those named in `judges_asked` count. more: goes into summary.json too.
    loud: lines that a reader of the numbers has to know, beside the selection's own.
    """
    tracker = tracker or NullTracker()
    summaries = {
        name: with_judges(summary, name, judged or {}, judges_asked) for name, summary in result.summaries.items()
    }
    document = run_summary(run, selection, summaries, task_lm=task_lm, judge_lm=judge_lm)
    document["embedding_failures"] = embedding_failures
    if parameters is not None:
        document["parameters"] = parameters
    run.write_json(SUMMARY, {**document, **(more or {})})
    failed = [f"{embedding_failures} searches did without the embedder's vectors: see the warning above"]
    troubles = map(with_flags, trouble_lines(run.latest_rows("program", "question_id").values()))
    loud = [*loud, *troubles, *(failed if embedding_failures else []), *([] if parameters is None else [parameters])]
    if budgets_tokens:  # there are no answers to page through
        text = "\n".join([*loud, result.report])
        (run.run_dir / REPORT_TEXT).write_text(text + "\n", encoding="utf-8")
        print(f"{text}\nrows and report: {run.run_dir}", file=sys.stderr)
    else:
        write_report(run.run_dir)
        write_plots(run.run_dir)
        print_summary(document, loud=[*selection.warnings, *loud])
    kinds = selection.dataset.kinds
    for name, summary in summaries.items():
        tracker.child(name).log_metrics(metrics_of(with_counted_key(summary, kinds)))
    tracker.log_metrics(metrics_of(with_counted_key(summaries[main_program(summaries)], kinds)))
    tracker.log_artifacts(run.run_dir)
    return document


def run_summary(
    run: Run, selection: Selection, summaries: Mapping[str, ProgramSummary], *, task_lm: str, judge_lm: str = NO_JUDGE
) -> RunSummary:
    """The content of summary.json, without embedding failures and parameters."""
    return {
        "run_dir": str(run.run_dir),
        "task_lm": task_lm,
        "judge_lm": judge_lm,
        "embedding_failures": 0,
        "data": selection.summary(),
        "programs": dict(summaries),
    }


def with_judges(
    summary: AnswerSummary, program: str, judged: Mapping[str, Any] | None = None, asked: Sequence[str] = ()
) -> ProgramSummary:
    """A program's summary with what the judges named in `asked` said of it; None for those that were not asked."""
    columns = judge_columns(judged or {}, program, asked)
    intervals = {**summary["ci95"], **columns.pop("ci95")}
    return cast(ProgramSummary, {**summary, **columns, "ci95": intervals})


def record_judges(run: Run, judge_lm: str, digests: Mapping[str, str]) -> None:
    """Keep in the manifest who judges, with the digests of the prompts; a judge of before is not forgotten by a run
    that is resumed without one."""
    if digests or "judge_lm" not in run.manifest:
        run.write_json(MANIFEST, {**run.manifest, "judge_lm": judge_lm, "judge_prompt_digests": dict(digests)})


def _ask(
    run: Run,
    programs: Mapping[str, Program],
    selection: Selection,
    budgets_tokens: Sequence[int],
    num_threads: int,
    tracker: Tracker | NullTracker,
    resume: str,
) -> BenchmarkResult:
    completed, total = len(answered(run)), len(programs) * len(selection.questions)
    ask: Ask = partial(ask_for_evidence, budgets_tokens=budgets_tokens)
    if not budgets_tokens:
        from memoryqa.lms.usage import measure_usage  # DSPy; a search does without

        ask = with_predictions(partial(ask_for_answer, measure_usage=measure_usage, trace=tracker.trace))
    with counting("answering", total=total, completed=completed) as advance:
        try:
            return ask_programs(
                programs,
                selection,
                budgets_tokens=budgets_tokens,
                ask=ask,
                rows=run,
                jsonl=run.run_dir / ANSWERS,
                num_threads=num_threads,
                is_systemic=is_systemic,
                on_progress=_progress(advance, tracker),
            )
        except OSError as error:
            problem, fix = disk_reason(error)
            if not run.run_dir.is_dir():
                fix, resume = "the LMs' answers are cached", "run it again with another folder"
            raise BenchmarkStoppedError(
                f"{problem}; {len(answered(run))} answers are kept: {fix}, then {resume}"
            ) from None
        except (BenchmarkStoppedError, KeyboardInterrupt) as error:
            raise BenchmarkStoppedError(
                f"{str(error) or 'interrupted'}; {len(answered(run))} answers are kept: mend the cause, then {resume}"
            ) from None


def _progress(advance: Callable[[str], None], tracker: Tracker | NullTracker) -> Callable[[BenchmarkProgress], None]:
    def on_progress(progress: BenchmarkProgress) -> None:
        row = progress.row
        tracker.log_trace(row["program"], row["question_id"], **trace_of(row))
        advance(f"{progress.failed} failed" if progress.failed else "")

    return on_progress


def _judge(
    run: Run, judges: Sequence[Judge], num_threads: int, tracker: Tracker | NullTracker, resume: str
) -> Mapping[str, Any]:
    """Verdicts on the run's answers: their summaries by judge; none without `judges`."""
    if not judges:
        return {}
    from locomo.judging.files import VerdictFiles, read_answers
    from locomo.judging.run import judge_answers
    from locomo.judging.tables import print_judges

    answers = read_answers(run.run_dir)
    document = judge_answers(run, judges, answers, num_threads=num_threads, resume=resume)
    print_judges(document, kinds_of(run.manifest))
    files = VerdictFiles(run.run_dir)
    for name in map(name_of, judges):
        for (program, question_id), row in files.verdicts(name, answers)[1].items():
            feedback = {"rationale": row["reason"], "judge_model": row["model"]}
            tracker.log_feedback(program, question_id, f"judge_{row['judge']}", row["verdict"], **feedback)
    return document["judges"]


def name_of(judge: Judge) -> str:
    """`<judge>@<model>`, as its verdict file is called."""
    return judged_name(judge.name, judge.model, judge.num_votes)
