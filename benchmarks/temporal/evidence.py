"""How well dates are found and resolved: our grammar beside libraries, on labelled sentences and on a data set.

    python -m benchmarks.temporal                                          # data/dates/english.jsonl, kind by kind
    python -m benchmarks.temporal --data data/locomo10.json                # can gold dates be read off the evidence?
    python -m benchmarks.temporal --data data/locomo10.json --split val

The first is described in sentences.py; `pip install -e '.[peers]'` adds the libraries. In the second each
system annotates the evidence turns of the category 2 questions whose gold answer is a date. A gold date is
derivable when the session's date or an annotation means it: a time of the same kind (day, weekend, week, month,
season, year) with a day in common, so that "last week" is right by either reading of a week. `in_month` counts also the
gold months that such a day is in: "20 May 2022" for "May 2022". Token F1 is the official
one: `best` is that of the session's date and all annotations, `copy` that of a reader that copies the first annotation
(the session's date when there is none). Precision is over the annotations on evidence turns; one that dates another
event in the same turn counts against it. Progress goes to stderr; the last line on stdout is one JSON document.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from benchmarks.questions import add_format_flag, add_split_flag, print_notes, restrict
from benchmarks.temporal import sentences
from benchmarks.temporal.sentences import kind_of_span
from harness.commands import run_command
from locomo.dataset import find
from locomo.evaluate import token_f1
from locomo.questions import select
from locomo.schema import DataError, Dataset, Question
from memoryqa.language.dating.dates import annotate, resolve
from memoryqa.language.dating.time_spans import (
    WEEKDAYS,
    TimeSpan,
    one_day,
    same_weekday,
    season,
    week,
    weekend,
    whole_month,
    whole_year,
)
from memoryqa.tokens import count_tokens
from memoryqa.turns import MONTHS, Turn, format_date

TEMPORAL = "temporal"  # how the names of the kinds begin that are measured
System = Callable[[str, datetime], list[TimeSpan]]

_MONTH = rf"(?P<month>{'|'.join(month[:3].lower() for month in MONTHS)})[a-z]*"
_YEAR = r"(?:\s*(?P<year>\d{4}))?"
_DATE_FORMS = (
    re.compile(rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s*{_MONTH}{_YEAR}"),
    re.compile(rf"{_MONTH}\s*(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?!\d){_YEAR}"),
    re.compile(rf"{_MONTH}{_YEAR}"),
    re.compile(r"(?P<season>spring|summer|fall|autumn|winter)(?: of)? (?P<year>\d{4})"),
    re.compile(r"(?P<year>\d{4})"),
)
_COUNTS = {"first": 1, "last": -1, "two": 2, "2": 2, "three": 3, "3": 3}
_IGNORED = {"the", "in", "around", "since", "early", "mid", "late", "on", "of", "a"}
_WEEKDAYS = [name.lower() for name in WEEKDAYS]


# ---------------------------------------------------------------- gold answers


def parse_gold(gold: str, session: date) -> TimeSpan | None:
    """The days that a gold answer such as "The week before 9 June 2023" means; None when it is not a date.

    A missing year is the year of the evidence's session. The value is the gold answer itself.
    """
    text = re.sub(r"[,.`']+", " ", gold.lower())
    found = next((match for form in _DATE_FORMS if (match := form.search(text))), None)
    if found is None:
        return None
    words = [word for word in (text[: found.start()] + text[found.end() :]).split() if word not in _IGNORED]
    try:
        span = _relative_to(_plain(found, session), words)
    except ValueError:  # no such day
        return None
    return None if span is None else span._replace(value=gold)


def _plain(found: re.Match[str], session: date) -> TimeSpan:
    groups = found.groupdict()
    year = int(groups["year"] or session.year)
    if groups.get("season"):
        return season(groups["season"], year)
    if not groups.get("month"):
        return whole_year(year)
    month = [name[:3].lower() for name in MONTHS].index(groups["month"]) + 1
    return one_day(date(year, month, int(groups["day"]))) if groups.get("day") else whole_month(year, month)


def _relative_to(plain: TimeSpan, words: list[str]) -> TimeSpan | None:
    """`words` around a date ("friday before") turned into days; None when they say something else."""
    day = plain.first
    number = _COUNTS.get(words[0], 0) if words else 0
    match words[1:] if number else words:
        case []:
            return plain
        case [name, "before"] if name in _WEEKDAYS:
            return same_weekday("last", day, _WEEKDAYS.index(name))
        case ["few", "days", "before"]:
            return TimeSpan("", day - timedelta(5), day - timedelta(2))
        case ["weekend" | "weekends", "before"]:
            return _later(weekend("last", day), -max(0, number - 1))
        case ["weekend" | "week", "after"] | ["weekend"]:
            return weekend("this", day) if "weekend" in words else week("next", day)
        case ["week", "before"]:
            return week("last", day)
        case ["weeks", "before"]:
            return _later(one_day(day), -number)
        case ["week"] if not number:
            return week("this", day)
        case ["week"]:  # "first week of May 2023", "last week of September 2023"
            return (
                week("last", plain.last + timedelta(1)) if number < 0 else week("next", day + timedelta(7 * number - 8))
            )
    return None


def _later(span: TimeSpan, weeks: int) -> TimeSpan:
    return TimeSpan("", span.first + timedelta(7 * weeks), span.last + timedelta(7 * weeks))


def same_time(one: TimeSpan, other: TimeSpan) -> bool:
    """Equally long (by kind: day, weekend, week, ...) and with a day in common."""
    same_kind = kind_of_span(one.first, one.last) == kind_of_span(other.first, other.last)
    return same_kind and one.first <= other.last and other.first <= one.last


def in_month(one: TimeSpan, gold: TimeSpan) -> bool:
    """Whether `gold` is a month and `one` lies in it."""
    return kind_of_span(*gold[1:]) == "month" and gold.first <= one.first and one.last <= gold.last


# ---------------------------------------------------------------- the systems


def header_only(text: str, anchor: datetime) -> list[TimeSpan]:
    """No annotation: the session's date alone."""
    return []


def ours(text: str, anchor: datetime) -> list[TimeSpan]:
    """Our grammar, memoryqa.language.dating.dates."""
    return [TimeSpan(found.value, found.first, found.last) for found in resolve(text, anchor)]


def dateparser_search(text: str, anchor: datetime) -> list[TimeSpan]:
    """dateparser finds the phrases and their dates."""
    from dateparser.search import search_dates

    settings = {"RELATIVE_BASE": anchor, "PREFER_DATES_FROM": "past"}
    found = search_dates(text, languages=["en"], settings=settings) or []
    return [meaning for phrase, _ in found for meaning in _dateparser(phrase, anchor)]


def dateparser_on_our_phrases(text: str, anchor: datetime) -> list[TimeSpan]:
    """Our grammar finds the phrases, dateparser gives the dates."""
    return [meaning for found in resolve(text, anchor) for meaning in _dateparser(found.phrase, anchor)]


def _dateparser(phrase: str, anchor: datetime) -> list[TimeSpan]:
    from dateparser.date import DateDataParser

    settings = {"RELATIVE_BASE": anchor, "PREFER_DATES_FROM": "past"}
    parsed = DateDataParser(languages=["en"], settings=settings).get_date_data(phrase)
    if parsed.date_obj is None:
        return []
    day = parsed.date_obj.date()
    if parsed.period == "week":  # its calendar week, in the wording that scores best
        return [week("this", day)._replace(value=f"the week before {format_date(anchor.date())}")]
    if parsed.period == "month":
        return [whole_month(day.year, day.month)]
    return [whole_year(day.year) if parsed.period == "year" else one_day(day)]


# ---------------------------------------------------------------- measuring


@dataclass(frozen=True, slots=True)
class Case:
    """A question with a date for an answer, and its evidence."""

    question: Question
    gold: TimeSpan
    turns: tuple[tuple[str, datetime], ...]


def collect(questions: Iterable[Question], turns: dict[tuple[str, str], Turn]) -> tuple[list[Case], int]:
    """The questions whose gold answer is a date and whose evidence exists, and the number of the others."""
    cases, others = [], 0
    for question in questions:
        found = [turns[question.conversation_id, turn_id] for turn_id in question.evidence]
        dated = tuple((turn.text, turn.time) for turn in found if turn.time is not None)
        gold = parse_gold(question.gold, dated[0][1].date()) if dated else None
        if gold is None:
            others += 1
        else:
            cases.append(Case(question, gold, dated))
    return cases, others


def measure(system: System, cases: Sequence[Case]) -> dict[str, float | int | None]:
    """Rates in 0..1 over `cases`."""
    derivable, months, best_f1, copy_f1, correct, total = 0, 0, 0.0, 0.0, 0, 0
    for case in cases:
        headers = [one_day(anchor.date()) for _, anchor in case.turns]
        annotations = [meaning for text, anchor in case.turns for meaning in system(text, anchor)]
        correct += sum(same_time(meaning, case.gold) for meaning in annotations)
        total += len(annotations)
        derivable += any(same_time(meaning, case.gold) for meaning in headers + annotations)
        months += any(
            same_time(meaning, case.gold) or in_month(meaning, case.gold) for meaning in headers + annotations
        )
        best_f1 += max(token_f1(meaning.value, case.gold.value) for meaning in headers + annotations)
        copy_f1 += token_f1((annotations or headers)[0].value, case.gold.value)
    return {
        "derivable": derivable / len(cases),
        "in_month": months / len(cases),
        "best_f1": best_f1 / len(cases),
        "copy_f1": copy_f1 / len(cases),
        "precision": correct / total if total else None,
        "annotations": total,
    }


def time_per_turn(system: System, turns: Sequence[tuple[str, datetime]], repeats: int) -> float | None:
    """CPU microseconds per turn, the best of `repeats` passes; None without turns."""
    if not turns:
        return None
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        for text, anchor in turns:
            system(text, anchor)
        best = min(best, time.process_time() - start)
    return best / len(turns) * 1e6


def installed_systems() -> dict[str, System]:
    """The systems that can run. dateparser is no dependency of the project: `pip install dateparser` adds it."""
    systems: dict[str, System] = {"header only": header_only, "ours": ours}
    if importlib.util.find_spec("dateparser"):
        return systems | {"dateparser": dateparser_search, "dateparser on our phrases": dateparser_on_our_phrases}
    print("dateparser is not installed, so it is left out; `pip install dateparser` adds it", file=sys.stderr)
    return systems


def measure_split(dataset: Dataset, split: str) -> dict[str, Any]:
    """All figures of the temporal questions of `split`. Raises DataError when it has none."""
    numbers = [number for number, name in dataset.kinds.names.items() if name.startswith(TEMPORAL)]
    if not numbers:
        raise DataError(f"{dataset.path}: has no temporal kind of questions")
    questions = select(restrict(dataset, split), "all", categories=numbers)
    ids = {question.conversation_id for question in questions}
    turns = {(talk.id, turn.id): turn for talk in dataset.conversations if talk.id in ids for turn in talk.turns}
    cases, others = collect(questions, turns)
    if not cases:
        raise DataError(f"{dataset.path}: no temporal question of split {split} has a date for an answer")
    said = [(turn.text, turn.time) for turn in turns.values() if turn.time is not None]
    matching = [(text, anchor) for text, anchor in said if resolve(text, anchor)]
    rest = [(text, anchor) for text, anchor in said if not resolve(text, anchor)]
    results: dict[str, dict[str, float | int | None]] = {}
    for name, system in installed_systems().items():
        print(f"measuring {name} ...", file=sys.stderr)
        repeats, most = (5, len(said)) if system in (ours, header_only) else (1, 100)  # dateparser takes milliseconds
        results[name] = measure(system, cases) | {
            "matching_turn_us": time_per_turn(system, matching[:most], repeats),
            "other_turn_us": time_per_turn(system, rest[:most], repeats),
        }
    return {
        "split": split,
        "questions": len(cases),
        "questions_without_date": others,
        "turns": len(said),
        "turns_annotated": len(matching),
        "tokens_added": sum(count_tokens(annotate(text, at)) - count_tokens(text) for text, at in matching),
        "systems": results,
    }


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.temporal", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="a file, folder or named set with temporal questions (default: labelled sentences)",
    )
    add_format_flag(parser)
    add_split_flag(parser, default="train")
    args = parser.parse_args(argv)
    return run_command("benchmarks.temporal", lambda: run(args))


def run(args: argparse.Namespace) -> None:
    """Measure, and print the table and the JSON document. Raises DataError for data without such questions."""
    if args.data is None:
        run_sentences()
        return
    dataset = find(args.data, args.format)
    report = measure_split(dataset, args.split)
    print_notes(dataset, args.split)
    _print_table(report)
    print(json.dumps(report))


def run_sentences() -> None:
    """Measure every installed system on the labelled sentences, and print tables and the JSON document."""
    systems, missing = sentences.installed_systems()
    if missing:
        print(f"left out, not installed: {', '.join(missing)}; pip install -e '.[peers]' adds them", file=sys.stderr)
    report = sentences.report(sentences.read_sentences(), systems)
    sentences.print_report(report)
    print(json.dumps(report))


def _print_table(report: dict[str, Any]) -> None:
    columns = list(report["systems"]["ours"])
    print(f"{report['split']}: {report['questions']} questions with a date, {report['turns']} turns")
    print(" ".join([f"{'system':26}", *(f"{column:>16}" for column in columns)]))
    for name, row in report["systems"].items():
        cells = (
            "-"
            if row[column] is None
            else f"{row[column]:.{0 if column.endswith('_us') or column == 'annotations' else 3}f}"
            for column in columns
        )
        print(" ".join([f"{name:26}", *(f"{cell:>16}" for cell in cells)]))


if __name__ == "__main__":
    raise SystemExit(main())
