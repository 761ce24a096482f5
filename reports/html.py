"""report.html: a finished run as one self-contained file, readable without scripts and explored with them.

The page's template, style and script are the files in reports/page/. Everything from the data is escaped here or
set as text by the script.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from memoryqa.lms.roles import redact
from reports.charts import category_bars, evidence_chart, histograms, legend
from reports.curves import curve_unit, evidence_curve, judged_share, latencies_sec, prompt_tokens
from reports.data import explorer_data
from reports.differences import judge_measures, paired_differences, score_measures
from reports.records import RunRecords, load_run
from reports.table import controls_table, headline_table
from reports.verdict import alone_sentence, verdict_sentence

REPORT = "report.html"
NOT_LOCOMO = "This is not LoCoMo: the questions are of the bundled sample conversations."
_PAGE = Path(__file__).resolve().parent / "page"
_SLOT = re.compile(r"<!--\{(\w+)\}-->")


def write_report(run_dir: Path) -> Path:
    """Write `<run_dir>/report.html` from the finished run in `run_dir`, and return its path.

    Raises RunFolderError, naming the file and the fix, when `run_dir` is no finished run or one of its rows is broken.
    """
    records = load_run(run_dir)
    data = records.summary["data"]
    title = f"{data['name']}, {data['split']}: {data['questions']:,} questions"
    return write_page(
        run_dir / REPORT,
        title=title,
        heading=title,
        verdict=run_verdict(records),
        about=_about(records),
        warnings=_warnings(records),
        results=_results(records),
        data=explorer_data(records.rows, records.judges, records.lines, preset={"program": records.main_program}),
    )


def write_page(
    path: Path,
    *,
    title: str,
    heading: str,
    verdict: str,
    about: str,
    warnings: Sequence[str],
    results: str,
    data: Mapping[str, Any],
) -> Path:
    """Fill the page's template and write it whole or not at all. `about` and `results` are HTML, the others text."""
    # in a script element only "<" can do harm: it may open a comment or close the element
    as_json = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    slots = {
        "title": escape(title),
        "heading": escape(heading),
        "verdict": f'<p class="verdict-line" dir="auto">{escape(verdict)}</p>' if verdict else "",
        "about": about,
        "warnings": "".join(f'<p class="warning">{escape(line)}</p>' for line in warnings),
        "results": results,
        "footer": "One file, no network: it can be kept, mailed and opened anywhere.",
        "data": as_json,
        "style": (_PAGE / "page.css").read_text(encoding="utf-8"),
        "script": (_PAGE / "page.js").read_text(encoding="utf-8"),
    }
    page = _SLOT.sub(lambda slot: slots[slot[1]], (_PAGE / "page.html").read_text(encoding="utf-8"))
    _write_whole(path, redact(page))
    return path


def _write_whole(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def run_verdict(records: RunRecords) -> str:
    """One sentence on the run: its main program against the best of the others, by token F1."""
    main, others = records.main_program, [name for name in records.rows if name != records.main_program]
    scores: Mapping[str, Mapping[str, Any]] = records.summary["programs"]
    if not others:
        return alone_sentence(main, scores[main])
    best = max(others, key=lambda name: scores[name]["f1_categories_1_4"] or scores[name]["f1"])
    rows_a, rows_b = records.rows[best], records.rows[main]
    measures = [*score_measures(rows_a, rows_b)]
    for judge, verdicts in records.judges.items():
        of_a, of_b = (
            {question: row for (name, question), row in verdicts.items() if name == program} for program in (best, main)
        )
        measures += judge_measures(judge, of_a, of_b, rows_a)
    conversation_of = {question: row["conversation_id"] for question, row in rows_a.items()}
    said = verdict_sentence(best, main, paired_differences(measures, conversation_of))
    return said if len(others) == 1 else f"{said} ({best} has the highest F1 of the {len(others)} others.)"


def _about(records: RunRecords) -> str:
    summary, manifest = records.summary, records.manifest
    data = summary["data"]
    commit, _, changes = (manifest.get("commit") or "").partition("-")
    parts = [
        f"{data['conversations']:,} conversations",
        summary["task_lm"],
        f"commit {commit[:10]}{' with uncommitted changes' if changes else ''}" if commit else "",
        manifest.get("started_at", "")[:16].replace("T", " "),
        f"data {data['sha256'][:10]}",
    ]
    notes = manifest.get("data", {}).get("notes", [])
    lines = [" · ".join(part for part in parts if part), *notes]
    return "".join(f'<p class="about">{escape(line)}</p>' for line in lines)


def _warnings(records: RunRecords) -> list[str]:
    """What a reader must know before any number."""
    data = records.summary["data"]
    programs = records.summary["programs"].items()
    failed = ", ".join(f"{name} {scores['failures']:,}" for name, scores in programs if scores["failures"])
    return [
        *([NOT_LOCOMO] if data["is_bundled_sample"] else []),
        *([f"Questions that failed, and count as wrong: {failed}."] if failed else []),
    ]


def _results(records: RunRecords) -> str:
    programs: Mapping[str, Mapping[str, Any]] = records.summary["programs"]
    judged = {judge: {name: judged_share(judge, name, records) for name in programs} for judge in records.judges}
    evidence_n = sum(row["evidence_recall"] is not None for row in records.questions.values())
    curves = {name: evidence_curve(name, records) for name in programs}
    unit = curve_unit(records)
    charts = [
        evidence_chart("Evidence recall", curves, "recall", unit),
        evidence_chart("All evidence found", curves, "all_evidence", unit),
        histograms("Latency per question", {name: latencies_sec(records.rows[name]) for name in programs}, "seconds"),
        histograms(
            "Prompt tokens per question", {name: prompt_tokens(records.rows[name]) for name in programs}, "tokens"
        ),
    ]
    return (
        f'<div class="lead">{headline_table(programs, judged, evidence_n)}'
        f"<div>{category_bars(programs)}{controls_table(records.judge_summary)}</div></div>"
        f'<h2>Evidence, latency and tokens</h2>{legend(programs)}<div class="charts">{"".join(charts)}</div>'
    )
