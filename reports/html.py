"""report.html: a finished run as one self-contained file, readable without scripts and explored with them.

The page's template, style and script are the files in reports/page/. Everything from the data is escaped here or
set as text by the script.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, cast

from harness.files import write_bytes_atomically
from memoryqa.redaction import redact
from reports.charts import category_bars, evidence_chart, histograms, legend
from reports.comparing.standing import Standing, standing_of
from reports.curves import curve_unit, evidence_curve, judged_share, latencies_sec, prompt_tokens
from reports.data import explorer_data
from reports.glossary import glossary
from reports.palette import style
from reports.records import RunRecords, load_run, not_locomo_note
from reports.search_record import SearchSummary
from reports.search_section import is_search, search_heading, search_section, search_verdict
from reports.table import controls_table, headline_table

REPORT = "report.html"
_PAGE = Path(__file__).resolve().parent / "page"
_SCRIPTS = ("records.js", "filters.js", "list.js", "question.js", "links.js")  # one script, in this order
_SLOT = re.compile(r"<!--\{(\w+)\}-->")


def write_report(run_dir: Path) -> Path:
    """Write `<run_dir>/report.html` from the finished run in `run_dir`, and return its path.

    Raises RunFolderError, naming the file and the fix, when `run_dir` is no finished run or one of its rows is broken.
    """
    records = load_run(run_dir)
    standing = standing_of(records)
    data = records.summary["data"]
    title = f"{data['name']}, {data['split']}: {data['questions']:,} questions"
    search = is_search(records.summary)
    return write_page(
        run_dir / REPORT,
        title=title,
        heading=search_heading(records.summary) if search else title,
        verdict=search_verdict(records.summary) if search else standing.sentence(),
        about=_about(records),
        warnings=_warnings(records),
        results=_search_part(records) + _results(records, standing),
        data=explorer_data(
            records.rows,
            records.judges,
            records.lines,
            records.passages,
            preset={"program": records.main_program},
            kinds=records.kinds,
        ),
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
    data: Mapping[str, Any] | None,
) -> Path:
    """Fill the page's template and write it whole or not at all. `about` and `results` are HTML, the others text.

    data: what the explorer of questions shows, see `explorer_data`; None for a page without one.
    """
    slots = {
        "title": escape(title),
        "heading": escape(heading),
        "verdict": f'<p class="verdict-line" dir="auto">{escape(verdict)}</p>' if verdict else "",
        "about": about,
        "warnings": "".join(f'<p class="warning">{escape(line)}</p>' for line in warnings),
        "results": results,
        "footer": "One file, no network: it can be kept, mailed and opened anywhere.",
        "style": style() + _part("page.css"),
        "explorer": "" if data is None else _explorer(data),
        "glossary": "" if data is None else glossary(),
    }
    page = _SLOT.sub(lambda slot: slots[slot[1]], _part("page.html"))
    write_bytes_atomically(path, redact(page).encode())
    return path


def _search_part(records: RunRecords) -> str:
    """What the report of an optimisation has before the scores; "" for other runs."""
    if not is_search(records.summary):
        return ""
    section = search_section(records.run_dir, cast(SearchSummary, records.summary))
    return f"{section}<h2>Scores on the questions held back</h2>"


def _explorer(data: Mapping[str, Any]) -> str:
    """The section with the questions, and the script that fills it."""
    # in a script element only "<" can do harm: it may open a comment or close the element
    as_json = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    slots = {"data": as_json, "script": "".join(_part(name) for name in _SCRIPTS)}
    return _SLOT.sub(lambda slot: slots[slot[1]], _part("explorer.html"))


def _part(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")


def _about(records: RunRecords) -> str:
    summary, manifest = records.summary, records.manifest
    data = summary["data"]
    commit, _, changes = (manifest.get("commit") or "").partition("-")
    parts = [
        f"{data['conversations']:,} conversation{'' if data['conversations'] == 1 else 's'}",
        summary["task_lm"],
        f"commit {commit[:10]}{' with uncommitted changes' if changes else ''}" if commit else "",
        manifest.get("started_at", "")[:16].replace("T", " "),
        f"data {data['sha256'][:10]}",
    ]
    notes = manifest.get("data", {}).get("notes", [])
    lines = [" · ".join(part for part in parts if part), *notes]
    return "".join(f'<p class="about" dir="auto">{escape(line)}</p>' for line in lines)


def _warnings(records: RunRecords) -> list[str]:
    """What a reader must know before any number."""
    programs = records.summary["programs"].items()
    failed = ", ".join(f"{name} {scores['failures']:,}" for name, scores in programs if scores["failures"])
    return [
        *not_locomo_note(records),
        *([f"Questions that failed, and count as wrong: {failed}."] if failed else []),
    ]


def _results(records: RunRecords, standing: Standing) -> str:
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
        f'<div class="lead">{headline_table(programs, judged, evidence_n, records.kinds)}'
        f"<div>{category_bars(programs)}{standing.table()}{controls_table(records.judge_summary)}</div></div>"
        f'<h2>Evidence, latency and tokens</h2>{legend(programs)}<div class="charts">{"".join(charts)}</div>'
    )
