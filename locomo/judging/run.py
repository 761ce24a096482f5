"""Judge the answers of a run folder: only what is missing, each verdict on disk as it comes, and a summary of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from harness.commands import disk_reason
from harness.progress import counting
from harness.runs import MANIFEST, Run
from locomo.judging.ask import JudgingStoppedError, Task, ask_judges, pending
from locomo.judging.controls import by_key, control_answers, summarise_controls
from locomo.judging.files import KINDS, VerdictFiles, summarise_judges
from locomo.judging.prompts import Judge
from locomo.judging.verdicts import Answers
from locomo.kinds import kinds_of
from locomo.rows import VerdictRow
from memoryqa.errors import UsageError
from memoryqa.lms.preflight import is_systemic
from memoryqa.lms.usage import measure_usage

JUDGES = "judges.json"
_DOING = {"judge": "judging", "controls": "judging controls"}


class JudgesSummary(TypedDict):
    """judges.json. judges: `summarise_judges` of every judge in the folder; controls: `summarise_controls`."""

    run_dir: str
    judges: dict[str, Any]
    controls: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Work:
    """What is left to judge: `tasks` of `total`; their verdicts go to `files`."""

    files: VerdictFiles
    tasks: Sequence[Task]
    total: int


def verdict_files(run: Run) -> tuple[VerdictFiles, VerdictFiles]:
    """The verdicts on the run's answers, and on controls. Raises UsageError for a manifest with unreadable kinds."""
    try:
        kinds = kinds_of(run.manifest)
    except ValueError as error:
        raise UsageError(f"{run.run_dir / MANIFEST}: {error}; evaluate again in a new folder") from error
    files, control_files = (VerdictFiles(run.run_dir, kind, kinds) for kind in KINDS)
    return files, control_files


def missing_work(run: Run, judges: Sequence[Judge], answers: Answers, num_controls: int = 0) -> list[Work]:
    """What `judges` have not judged readably yet: answers, and controls to `num_controls` questions."""
    files, control_files = verdict_files(run)
    kinds = files.kinds
    controls = by_key(control_answers(answers.values(), num_controls, kinds)) if num_controls else {}
    return [
        Work(into, into.pending(judges, rows), len(pending(judges, rows.values(), kinds=kinds)))
        for into, rows in ((files, answers), (control_files, controls))
    ]


def judge_answers(
    run: Run,
    judges: Sequence[Judge],
    answers: Answers,
    *,
    num_threads: int,
    num_controls: int = 0,
    resume: str = "give the same command again",
) -> JudgesSummary:
    """Have `judges`, whose LM is set up, read what is missing; judges.json, which sums up every judge of the folder.

    resume: what the message of a stop tells the user to do. Raises JudgingStoppedError, Ctrl-C and a full disk
    included, when judging further makes no sense; the verdicts until then are kept.
    """
    for written in verdict_files(run):
        written.mend()
    for work in missing_work(run, judges, answers, num_controls):
        _judge(work, num_threads, resume)
    files, control_files = verdict_files(run)
    document: JudgesSummary = {
        "run_dir": str(run.run_dir),
        "judges": summarise_judges(files, answers),
        "controls": summarise_controls(control_files, answers),
    }
    run.write_json(JUDGES, document)
    return document


def _judge(work: Work, num_threads: int, resume: str) -> None:
    kept = unreadable = 0
    done = work.total - len(work.tasks)
    with counting(_DOING[work.files.kind], total=work.total, completed=done) as advance:

        def on_row(row: VerdictRow) -> None:
            nonlocal kept, unreadable
            work.files.append(row)
            kept += 1
            unreadable += row["verdict"] == "UNREADABLE"
            advance(f"{unreadable} unreadable" if unreadable else "")

        try:
            ask_judges(
                work.tasks,
                total=work.total,
                on_row=on_row,
                measure_usage=measure_usage,
                num_threads=num_threads,
                is_systemic=is_systemic,
                kinds=work.files.kinds,
            )
        except OSError as error:
            problem, fix = disk_reason(error)
            raise JudgingStoppedError(f"{problem}; {kept} new verdicts are kept: {fix}, then {resume}") from None
        except (JudgingStoppedError, KeyboardInterrupt) as error:
            raise JudgingStoppedError(
                f"{str(error) or 'interrupted'}; {kept} new verdicts are kept: mend the cause, then {resume}"
            ) from None
