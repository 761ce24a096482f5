"""The benchmark's data: which file, what is in it, and which of its questions a run is to ask.

dataset = find(None)                                      # --data > LOCOMO_PATH > data/ > download > the sample
questions = select(dataset, "val", num=100, seed=0)
prediction = program(**questions[0].inputs())
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from locomo.config import EvaluationConfig
from locomo.download import LOCOMO10, DownloadError, download
from locomo.schema import CATEGORY_NAMES, Conversation, DataError, Question, parse
from locomo.split_data import PROTOCOLS, SPLITS, is_locomo, seeded_order, splits

if TYPE_CHECKING:
    import datasets

__all__ = [
    "Conversation",
    "DataError",
    "Dataset",
    "Question",
    "choose_questions",
    "find",
    "load",
    "select",
    "to_hf_dataset",
]

_DATA_DIR = Path(__file__).resolve().parent.parent / "data"
LOCOMO10_PATH = _DATA_DIR / "locomo10.json"
SAMPLE_PATH = _DATA_DIR / "sample.json"


@dataclass(frozen=True, slots=True)
class Dataset:
    """One file's conversations and questions.

    name: the file's, without its ending. sha256: of its bytes. is_sample: whether it is the bundled sample, not LoCoMo.
    notes: one line each on what the user has to know: what was left out, and why the sample is used.
    """

    name: str
    path: Path
    sha256: str
    conversations: tuple[Conversation, ...]
    questions: tuple[Question, ...]
    is_sample: bool
    notes: tuple[str, ...]


def load(path: str | Path) -> Dataset:
    """Read one LoCoMo file. Raises DataError, one line with file, place and fix, when anything about it is wrong."""
    path = Path(path).expanduser()
    try:
        content = path.read_bytes()
        is_sample = path.resolve() == SAMPLE_PATH
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise DataError(f"{path}: cannot be read ({reason}); give the path of a LoCoMo JSON file") from error
    try:
        parsed = parse(content)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    digest = hashlib.sha256(content).hexdigest()
    return Dataset(path.stem, path, digest, parsed.conversations, parsed.questions, is_sample, parsed.notes)


def find(data: str | None = None) -> Dataset:
    """The data set to use: `data` (a path) > `LOCOMO_PATH` > data/locomo10.json > its download > the sample.

    A file that was named is used or is an error (DataError). When none was and the download fails, the sample is used,
    `is_sample` is true and a note says why.
    """
    if data is not None:
        return load(data)
    if named := os.environ.get("LOCOMO_PATH"):
        try:
            return load(named)
        except DataError as error:
            raise DataError(f"LOCOMO_PATH names {error}") from error
    if not LOCOMO10_PATH.exists():
        try:
            download(LOCOMO10, LOCOMO10_PATH)
        except DownloadError as error:
            note = (
                f"NOT LoCoMo: running on the bundled sample, because the download failed ({error}); "
                "for LoCoMo use --data PATH, or save that file as data/locomo10.json"
            )
            sample = load(SAMPLE_PATH)
            return replace(sample, notes=(note, *sample.notes))
    dataset = load(LOCOMO10_PATH)
    if dataset.sha256 == LOCOMO10.sha256:
        return dataset
    note = f"{LOCOMO10_PATH} is not the released file (its sha256 differs); remove it to have that one downloaded"
    return replace(dataset, notes=(note, *dataset.notes))


def select(
    dataset: Dataset,
    split: str,
    num: int | None = None,
    seed: int = 0,
    categories: Collection[int] | None = None,
) -> list[Question]:
    """The questions of a split (train, val, test, or all), in the file's order.

    num: a sample of so many, with each category's share of the whole; None, or more than there are, gives all.
    seed: of that sample only. The split itself does not move with it.
    Raises DataError when there is nothing to select: unknown split or category, no such conversations in the file.
    """
    unknown = sorted(set(categories or ()) - set(CATEGORY_NAMES))
    if unknown:
        raise DataError(f"unknown categories {unknown}; they are {sorted(CATEGORY_NAMES)}")
    if num is not None and num < 1:
        raise DataError(f"asked for {num} questions; ask for at least 1")
    conversation_ids = _conversation_ids(dataset, split)
    questions = [
        question
        for question in dataset.questions
        if question.conversation_id in conversation_ids and (categories is None or question.category in categories)
    ]
    if not questions:
        wanted = "" if categories is None else f" of categories {sorted(categories)}"
        raise DataError(f"{dataset.path}: split {split} has no questions{wanted}; choose another split or categories")
    return questions if num is None or num >= len(questions) else _stratified(questions, num, seed)


def choose_questions(config: EvaluationConfig) -> tuple[Dataset, str, list[Question]]:
    """The data set that `config` means, the name of the split, and the questions; without a split test, else val."""
    dataset = find(config.data)
    split = config.split
    if split is None:
        split = "test" if splits(dataset)["test"] else "val"
        if split == "val":
            note = f"note: {dataset.path} holds no test conversations; using the val split"
            dataset = replace(dataset, notes=(note, *dataset.notes))
    return dataset, split, select(dataset, split, config.num_test, config.seed, config.categories)


def to_hf_dataset(questions: Iterable[Question]) -> datasets.Dataset:
    """One row per question, for those who want Hugging Face's container. Holds the gold fields: not for a program."""
    import datasets

    questions = list(questions)
    columns: dict[str, list[object]] = {
        "id": [question.id for question in questions],
        "conversation_id": [question.conversation_id for question in questions],
        "question": [question.text for question in questions],
        "answer": [question.gold for question in questions],
        "adversarial_answer": [question.adversarial_answer for question in questions],
        "category": [question.category for question in questions],
        "evidence": [list(question.evidence) for question in questions],
    }
    text = datasets.Value("string")  # types are given, so that an empty table and an empty evidence list have theirs
    special = {"category": datasets.Value("int64"), "evidence": datasets.Sequence(text)}
    features = datasets.Features({name: special.get(name, text) for name in columns})
    return datasets.Dataset.from_dict(columns, features=features)


def _conversation_ids(dataset: Dataset, split: str) -> Collection[str]:
    if split == "all":
        return {conversation.id for conversation in dataset.conversations}
    if split not in SPLITS:
        raise DataError(f"unknown split {split!r}; it is one of {', '.join(SPLITS)}, all")
    by_split = splits(dataset)
    if by_split[split]:
        return by_split[split]
    filled = " or ".join(name for name in SPLITS if by_split[name])
    if is_locomo(dataset):
        named = ", ".join(PROTOCOLS["project"][split])
        raise DataError(
            f"{dataset.path}: split {split} is {named}, and the file holds none of them; use {filled} or all"
        )
    raise DataError(f"{dataset.path}: too few conversations for a split {split}; use {filled} or all")


def _stratified(questions: list[Question], num: int, seed: int) -> list[Question]:
    """`num` of the questions; each category gets its share, rounded by largest remainder."""
    counts = Counter(question.category for question in questions)
    quotas = {category: num * count // len(questions) for category, count in counts.items()}
    remainders = sorted(counts, key=lambda category: (-(num * counts[category] % len(questions)), category))
    for category in remainders[: num - sum(quotas.values())]:
        quotas[category] += 1
    chosen: set[str] = set()
    for category, quota in quotas.items():
        ids = [question.id for question in questions if question.category == category]
        chosen.update(seeded_order(ids, seed)[:quota])
    return [question for question in questions if question.id in chosen]
