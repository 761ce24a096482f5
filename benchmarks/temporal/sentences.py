"""How well a system finds and resolves the dates of the labelled sentences in data/dates/, kind by kind.

A sentence has a day and hour of saying and marks each date with the days that it means. An `optional` date may be
resolved or left alone. Some have several readings.

A predicted span is right when it lies within the days of the marked date whose words it touches, or is of the same kind
(day, weekend, week, ...) and shares a day with it. So a system that gives "last month" as one day of it is right, and
any seven days will do for "next week". A marked hour must be met within half an hour. A range must be met at both its
ends. The day of saying, given for "today" or "now", counts neither way; any other span is wrong.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple

from memoryqa.language.dating.dates import resolve

SENTENCES = Path(__file__).resolve().parents[2] / "data" / "dates" / "english.jsonl"
PARTS = ("tune", "hold")
_KINDS = ((1, "day"), (3, "weekend"), (10, "week"), (31, "month"), (92, "season"), (366, "year"))  # longest, in days
_SAYING = re.compile(r"\b(?:today|tonight|now|this (?:morning|afternoon|evening)|noon|midnight)\b", re.I)
_HOUR = re.compile(r"\b(\d\d):(\d\d)\b")


class Predicted(NamedTuple):
    """What a system says that `text[start:end]` means. `hour` is set where it names the time of the day."""

    start: int
    end: int
    first: date
    last: date
    hour: datetime | None = None


System = Callable[[str, datetime], list[Predicted]]


class Reading(NamedTuple):
    """The days, both included, that a marked date means; or the hour."""

    first: date
    last: date
    hour: datetime | None = None


@dataclass(frozen=True, slots=True)
class Marked:
    """A date in a sentence: where its words are, and the readings that are right."""

    start: int
    end: int
    readings: tuple[Reading, ...]
    optional: bool


@dataclass(frozen=True, slots=True)
class Sentence:
    """A labelled sentence. part: "tune" or "hold"."""

    id: str
    kind: str
    part: str
    said: datetime
    text: str
    dates: tuple[Marked, ...]


def read_sentences(path: Path = SENTENCES) -> list[Sentence]:
    """The labelled sentences of a file, one JSON object a line."""
    return [_sentence(row) for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())]


def _sentence(row: dict[str, Any]) -> Sentence:
    dates = tuple(
        Marked(
            one["start"],
            one["start"] + len(one["words"]),
            tuple(_reading(*span) for span in one["spans"]),
            one.get("optional", False),
        )
        for one in row["dates"]
    )
    return Sentence(row["id"], row["kind"], row["part"], datetime.fromisoformat(row["said"]), row["text"], dates)


def _reading(first: str, last: str) -> Reading:
    if "T" in first:
        hour = datetime.fromisoformat(first)
        return Reading(hour.date(), hour.date(), hour)
    return Reading(date.fromisoformat(first), date.fromisoformat(last))


# ---------------------------------------------------------------- scoring


def kind_of_span(first: date, last: date) -> str:
    """The kind of time that is so long: day, weekend, week, month, season, year or longer."""
    days = (last - first).days + 1
    return next((name for longest, name in _KINDS if days <= longest), "longer")


def _is_right(one: Predicted, reading: Reading) -> bool:
    if reading.hour is not None:
        return one.hour is not None and abs(one.hour - reading.hour) <= timedelta(minutes=30)
    if reading.first <= one.first and one.last <= reading.last:
        return True
    same_kind = kind_of_span(one.first, one.last) == kind_of_span(reading.first, reading.last)
    return same_kind and one.first <= reading.last and reading.first <= one.last


def _is_met(marked: Marked, found: Sequence[Predicted], is_range: bool) -> bool:
    right = [(one, reading) for one in found for reading in marked.readings if _is_right(one, reading)]
    if not is_range or not right:
        return bool(right)
    reading = right[0][1]
    return min(one.first for one, _ in right) == reading.first and max(one.last for one, _ in right) == reading.last


Verdict = Literal["right", "wrong", "neither"]


@dataclass(slots=True)
class Score:
    """Counts over sentences. late: dates to come that a system put into the past."""

    sentences: int = 0
    whole: int = 0  # sentences with every date found and nothing wrong
    right: int = 0
    wrong: int = 0
    met: int = 0
    wanted: int = 0
    past_for_future: int = 0
    failures: list[str] = field(default_factory=list)  # ids of the sentences that are not whole

    def note(self, sentence: Sentence, found: Sequence[Predicted]) -> None:
        """Count one sentence."""
        verdicts = [_verdict(sentence, one) for one in found]
        wanted = [marked for marked in sentence.dates if not marked.optional]
        met = sum(_is_met(marked, found, sentence.kind == "range") for marked in wanted)
        whole = met == len(wanted) and "wrong" not in verdicts
        self.sentences += 1
        self.whole += whole
        self.right += verdicts.count("right")
        self.wrong += verdicts.count("wrong")
        self.met += met
        self.wanted += len(wanted)
        self.past_for_future += sum(_puts_future_into_past(sentence, one) for one in found)
        if not whole:
            self.failures.append(sentence.id)

    def add(self, other: Score) -> None:
        """Count what `other` counted too."""
        for name in ("sentences", "whole", "right", "wrong", "met", "wanted", "past_for_future", "failures"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def rates(self) -> dict[str, float | int | None]:
        """Shares in 0..1; None where nothing was predicted, or nothing was to be found."""
        predicted = self.right + self.wrong
        return {
            "sentences": self.sentences,
            "whole": self.whole / self.sentences if self.sentences else None,
            "precision": self.right / predicted if predicted else None,
            "coverage": self.met / self.wanted if self.wanted else None,
            "predicted": predicted,
            "wanted": self.wanted,
            "past_for_future": self.past_for_future,
        }


def _touched(sentence: Sentence, one: Predicted) -> list[Marked]:
    return [marked for marked in sentence.dates if marked.start < one.end and one.start < marked.end]


def _verdict(sentence: Sentence, one: Predicted) -> Verdict:
    touched = _touched(sentence, one)
    if any(_is_right(one, reading) for marked in touched for reading in marked.readings):
        return "neither" if all(marked.optional for marked in touched) else "right"
    is_saying = one.first == one.last == sentence.said.date()
    if is_saying and _SAYING.search(sentence.text[one.start : one.end]):
        return "neither"
    return "wrong"


def _puts_future_into_past(sentence: Sentence, one: Predicted) -> bool:
    day = sentence.said.date()
    to_come = [marked for marked in _touched(sentence, one) if all(each.first > day for each in marked.readings)]
    return bool(to_come) and one.last < day


def measure(system: System, sentences: Iterable[Sentence]) -> dict[str, Score]:
    """The score of each kind, and of all under "all"."""
    scores: dict[str, Score] = {}
    everything = Score()
    for sentence in sentences:
        found = system(sentence.text, sentence.said)
        scores.setdefault(sentence.kind, Score()).note(sentence, found)
        everything.note(sentence, found)
    return scores | {"all": everything}


# ---------------------------------------------------------------- the systems


def ours(text: str, said: datetime) -> list[Predicted]:
    """Our grammar, memoryqa.language.dating.dates."""
    return [
        Predicted(found.start, found.end, found.first, found.last, _hour(found.value, found.first))
        for found in resolve(text, said)
    ]


def _hour(value: str, day: date) -> datetime | None:
    found = _HOUR.search(value)
    return datetime(day.year, day.month, day.day, int(found[1]), int(found[2])) if found else None


def dateparser_search(text: str, said: datetime, language: str = "en") -> list[Predicted]:
    """dateparser finds the phrases and their dates, nearest first."""
    from dateparser.search import search_dates

    settings = {"RELATIVE_BASE": said, "PREFER_DATES_FROM": "current_period"}
    predicted, position = [], 0
    for phrase, moment in search_dates(text, languages=[language], settings=settings) or []:
        start = max(text.find(phrase, position), 0)
        position = start + len(phrase)
        predicted.append(_moment(start, position, moment))
    return predicted


def parsedatetime_nlp(text: str, said: datetime) -> list[Predicted]:
    """parsedatetime's search in running text."""
    import parsedatetime

    found = parsedatetime.Calendar().nlp(text, sourceTime=said) or ()
    return [_moment(start, end, moment) for moment, _, start, end, _ in found]


def timefhuman_search(text: str, said: datetime) -> list[Predicted]:
    """timefhuman, which gives ranges as pairs; a text that it cannot read has no dates."""
    from timefhuman import tfhConfig, timefhuman

    try:
        found = timefhuman(text, tfhConfig(now=said, return_matched_text=True))
    except Exception:  # noqa: BLE001  its parser raises what it likes
        return []
    predicted = []
    for _, (start, end), meaning in found:
        moments = [one for one in (meaning if isinstance(meaning, tuple | list) else [meaning]) if _is_day(one)]
        if len(moments) == 2 and isinstance(meaning, tuple):
            first, last = (_moment(start, end, one) for one in moments)
            predicted.append(first._replace(last=max(first.last, last.last)))
        else:
            predicted += [_moment(start, end, one) for one in moments]
    return predicted


def ctparse_best(text: str, said: datetime) -> list[Predicted]:
    """ctparse's best reading; it finds one time in a text."""
    from ctparse import ctparse

    found = ctparse(text, ts=said, timeout=2)
    if found is None or found.resolution.mstart == found.resolution.mend:
        return []
    meaning = found.resolution
    try:
        moments = [
            one.dt for one in (getattr(meaning, "start", None), getattr(meaning, "end", None)) if one is not None
        ]
    except ValueError:  # an hour without a day
        return []
    if not moments:
        return []
    first, last = (_moment(meaning.mstart, meaning.mend, one) for one in (moments[0], moments[-1]))
    return [first._replace(last=max(first.last, last.last))]


def _is_day(moment: object) -> bool:
    return isinstance(moment, date)  # a datetime is one too; a duration is not


def _moment(start: int, end: int, moment: date) -> Predicted:
    hour = moment.replace(tzinfo=None) if isinstance(moment, datetime) else None
    day = moment.date() if isinstance(moment, datetime) else moment
    return Predicted(start, end, day, day, hour)


PEERS: dict[str, tuple[str, System]] = {
    "dateparser": ("dateparser", dateparser_search),
    "parsedatetime": ("parsedatetime", parsedatetime_nlp),
    "timefhuman": ("timefhuman", timefhuman_search),
    "ctparse": ("ctparse", ctparse_best),
}


def installed_systems() -> tuple[dict[str, System], list[str]]:
    """Ours and the peers that can run, and the names of those that are not installed."""
    present = {name: system for name, (module, system) in PEERS.items() if importlib.util.find_spec(module)}
    return {"ours": ours, **present}, [name for name in PEERS if name not in present]


def report(sentences: Sequence[Sentence], systems: dict[str, System]) -> dict[str, Any]:
    """{part: {kind: {system: rates}}}."""
    parts: dict[str, Any] = {}
    for part in PARTS:
        of_part = [sentence for sentence in sentences if sentence.part == part]
        scores = {name: measure(system, of_part) for name, system in systems.items()}
        kinds = scores["ours"]
        parts[part] = {kind: {name: one[kind].rates() for name, one in scores.items()} for kind in kinds}
    return parts


def print_report(parts: dict[str, Any]) -> None:
    """A table for each part: precision, coverage and the share of sentences that are right as a whole."""
    for part, kinds in parts.items():
        systems = list(kinds["all"])
        print(f"{part}: precision / coverage / share of sentences with every date right and none wrong")
        print(" ".join([f"{'kind':14}{'n':>4}", *(f"{name:>18}" for name in systems)]))
        for kind, rates in kinds.items():
            cells = [
                " / ".join(_share(rates[name][column]) for column in ("precision", "coverage", "whole"))
                for name in systems
            ]
            print(" ".join([f"{kind:14}{rates['ours']['sentences']:>4}", *(f"{cell:>18}" for cell in cells)]))
        late = (f"{name} {kinds['all'][name]['past_for_future']}" for name in systems)
        print(f"dates to come that were put into the past: {', '.join(late)}\n")


def _share(rate: float | None) -> str:
    return "  -" if rate is None else f"{rate:.2f}".removeprefix("0") if rate < 1 else "1.0"
