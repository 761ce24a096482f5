"""LoCoMo's scores: the official token F1 per category, evidence recall, and their averages. No LM is involved.

The rules are those of task_eval/evaluation.py in
https://github.com/snap-research/locomo/tree/3eb6f2c585f5e1699204e3c3bdf7adc5c28cb376 but for three things: a category 5
question without "answer" is scored (there: KeyError), scores are not rounded to three decimals before averaging, and
what is written without spaces (Chinese, Japanese, Thai) is compared sign by sign (there: an answer is one word).
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import regex

from locomo.kinds import LOCOMO, F1Rule, Kinds
from locomo.schema import CATEGORY_NAMES
from memoryqa.language.segmentation import UNSPACED

if TYPE_CHECKING:
    from nltk.stem.porter import PorterStemmer

__all__ = [
    "CATEGORY_NAMES",
    "Scores",
    "aggregate",
    "all_evidence",
    "evidence_recall",
    "f1_by_rule",
    "mem0_f1",
    "normalize_answer",
    "official_f1",
    "token_f1",
]

_ABSTENTIONS = ("no information available", "not mentioned")
_PUNCTUATION = str.maketrans("", "", string.punctuation)  # ASCII only: curly quotes survive
_ARTICLES = re.compile(r"\b(a|an|the|and)\b")
_SIGN = regex.compile(rf"{UNSPACED.pattern}\p{{M}}*|(?:(?!{UNSPACED.pattern})\w)+")
_MEM0_SEPARATORS = str.maketrans(".,!?", "    ")


def normalize_answer(text: str) -> str:
    """Lower case, ASCII punctuation deleted ("check-in" becomes "checkin"), a/an/the/and removed, single spaces."""
    bare = text.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def token_f1(prediction: str, gold: str) -> float:
    """F1 of the two multisets of Porter stems, 0..1; 0 when they share none, so also when either is empty.

    A sign of a script without spaces counts as a stem.
    """
    predicted, wanted = _stems(prediction), _stems(gold)
    shared = sum((Counter(predicted) & Counter(wanted)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(predicted), shared / len(wanted)
    return 2 * precision * recall / (precision + recall)


def official_f1(prediction: str, gold: str | int, category: int, kinds: Kinds = LOCOMO) -> float:
    """The official score of one answer, 0..1. Of LoCoMo's categories:

    1 (multi-hop): both sides split at commas; mean over the gold parts of the best predicted part. Saying more is free.
    2, 4: token F1. 3 (open-domain): the same, against the gold before its first ";".
    5 (adversarial): 1 if the prediction says it is not mentioned or that no information is available. Gold is not used.
    In other data sets each kind names the rule that it goes by (locomo/kinds.py).
    Raises ValueError for a category that is none of `kinds`.
    """
    return f1_by_rule(prediction, gold, kinds.kind(category).rule)


def f1_by_rule(prediction: str, gold: str | int, rule: F1Rule) -> float:
    """The score of one answer by one of the rules that `official_f1` describes, 0..1."""
    gold = str(gold)
    if rule == "declines":
        return float(any(phrase in prediction.lower() for phrase in _ABSTENTIONS))
    if rule == "parts":
        predicted_parts, gold_parts = prediction.split(","), gold.split(",")
        best = [max(token_f1(predicted, part) for predicted in predicted_parts) for part in gold_parts]
        return sum(best) / len(best)
    if rule == "before_semicolon":
        gold = gold.split(";")[0]
    return token_f1(prediction, gold)


def mem0_f1(prediction: str, gold: str | int) -> float:
    """The F1 of Mem0's harness and its descendants, 0..1: another metric, never to be compared with `official_f1`.

    Sets of lower-cased words; only . , ! ? are taken off; no stems, articles count, no comma split, no category rules.
    Source: evaluation/metrics/utils.py, https://github.com/mem0ai/mem0 at aae5989e.
    """
    predicted = set(prediction.lower().translate(_MEM0_SEPARATORS).split())
    wanted = set(str(gold).lower().translate(_MEM0_SEPARATORS).split())
    shared = len(predicted & wanted)
    if not shared:
        return 0.0
    precision, recall = shared / len(predicted), shared / len(wanted)
    return 2 * precision * recall / (precision + recall)


def evidence_recall(found_ids: Collection[str], gold_ids: Sequence[str]) -> float | None:
    """Share of the gold turns that were found, 0..1; None when the question names no evidence.

    The official aggregate counts such questions (four, of category 3) as 0; here they are not measured.
    """
    return sum(turn_id in found_ids for turn_id in gold_ids) / len(gold_ids) if gold_ids else None


def all_evidence(found_ids: Collection[str], gold_ids: Sequence[str]) -> bool | None:
    """Whether every gold turn was found; None when the question names no evidence."""
    return all(turn_id in found_ids for turn_id in gold_ids) if gold_ids else None


@dataclass(frozen=True, slots=True)
class Scores:
    """Micro-averages over questions, 0..1; None where nothing was measured. Every category has its key.

    f1_categories_1_4: over the kinds that count; LoCoMo's categories 1-4, from which it has the name.
    """

    n: int
    n_by_category: dict[str, int]
    f1: float | None
    f1_by_category: dict[str, float | None]
    f1_categories_1_4: float | None
    evidence_recall: float | None
    evidence_recall_by_category: dict[str, float | None]
    all_evidence_rate: float | None
    all_evidence_rate_by_category: dict[str, float | None]


def aggregate(rows: Iterable[Mapping[str, Any]], kinds: Kinds = LOCOMO) -> Scores:
    """Average rows of `category`, `f1` (0..1), `evidence_recall` and `all_evidence` (None: not measured)."""
    rows = list(rows)
    by_category = {name: [row for row in rows if row["category"] == number] for number, name in kinds.names.items()}
    if sum(map(len, by_category.values())) != len(rows):
        raise ValueError(f"a row's category is none of {sorted(kinds.names)}")
    return Scores(
        n=len(rows),
        n_by_category={name: len(members) for name, members in by_category.items()},
        f1=_mean(rows, "f1"),
        f1_by_category={name: _mean(members, "f1") for name, members in by_category.items()},
        f1_categories_1_4=_mean([row for row in rows if row["category"] in kinds.counted], "f1"),
        evidence_recall=_mean(rows, "evidence_recall"),
        evidence_recall_by_category={name: _mean(group, "evidence_recall") for name, group in by_category.items()},
        all_evidence_rate=_mean(rows, "all_evidence"),
        all_evidence_rate_by_category={name: _mean(group, "all_evidence") for name, group in by_category.items()},
    )


def _mean(rows: Sequence[Mapping[str, Any]], key: str) -> float | None:
    values = [float(row[key]) for row in rows if row[key] is not None]
    return sum(values) / len(values) if values else None


def _stems(text: str) -> list[str]:
    words = normalize_answer(text).split()
    return [stem for word in words for stem in ((_stem(word),) if word.isascii() else _pieces(word))]


def _pieces(word: str) -> Sequence[str]:
    """The signs of a word in a script without spaces, and the stem of what is between them."""
    return [_stem(piece) for piece in (_SIGN.findall(word) if UNSPACED.search(word) else (word,))]


@lru_cache(maxsize=1 << 16)
def _stem(word: str) -> str:
    stem: str = _porter().stem(word)
    return stem


@lru_cache(maxsize=1)
def _porter() -> PorterStemmer:
    """NLTK's own variant of Porter (its default mode), which the official scorer uses; Snowball's stems differ."""
    from nltk.stem.porter import PorterStemmer

    return PorterStemmer()
