"""Which questions are asked: those of a split, all of them or a stratified sample.

selection = choose(split="val", num=100, seed=0)           # the data as `locomo.dataset.find` finds them
memories = Memories.of(selection.conversations)
prediction = program(**selection.questions[0].inputs())
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from locomo.dataset import find
from locomo.kinds import LOCOMO
from locomo.rows import DataSummary
from locomo.schema import DataError, Dataset, Question
from locomo.split_data import PROJECT, PROTOCOLS, SPLITS, has_fixed_splits, ids_digest, is_locomo, seeded_order, splits
from memoryqa.turns import Turn

SAMPLE_NOTE = "NOT LoCoMo: the bundled sample conversations"


@dataclass(frozen=True, slots=True)
class Selection:
    """Questions, and the data that they come from. `split` is for people: a split's name, or what else was selected."""

    dataset: Dataset
    split: str
    questions: tuple[Question, ...]
    protocol: str = PROJECT

    @property
    def conversations(self) -> dict[str, tuple[Turn, ...]]:
        """The turns of the conversations that are asked about, by id: what `Memories.of` takes."""
        asked_about = {question.conversation_id for question in self.questions}
        return {one.id: one.turns for one in self.dataset.conversations if one.id in asked_about}

    @property
    def digest(self) -> str:
        """sha256 over the ids of the questions."""
        return ids_digest(question.id for question in self.questions)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the numbers has to know, a line each: data that are not LoCoMo, another protocol."""
        sample = (SAMPLE_NOTE,) if self.dataset.is_sample else ()
        protocol = () if self.protocol == PROJECT else (f"protocol {self.protocol}: its own split, categories 1-4",)
        return (*sample, *protocol)

    def summary(self) -> DataSummary:
        """The part of summary.json that says what was asked."""
        summary: DataSummary = {
            "name": self.dataset.name,
            "sha256": self.dataset.sha256,
            "split": self.split,
            "conversations": len({question.conversation_id for question in self.questions}),
            "questions": len(self.questions),
            "is_bundled_sample": self.dataset.is_sample,
        }
        return summary if self.dataset.kinds == LOCOMO else {**summary, "kinds": self.dataset.kinds.to_json()}

    def describe(self) -> str:
        """One line for people."""
        conversations = len({question.conversation_id for question in self.questions})
        return (
            f"{self.dataset.name}, split {self.split}: {len(self.questions)} questions of {conversations} conversations"
        )


def choose(
    data: str | None = None,
    *,
    data_format: str | None = None,
    split: str | None = None,
    num: int | None = None,
    seed: int = 0,
    categories: Collection[int] | Literal["counted"] | None = None,
    protocol: str = PROJECT,
) -> Selection:
    """Find the data set (`locomo.dataset.find`) and select questions of it (`select`).

    Without `split` it is test, or val (or else train) where there are no test conversations; a note says so.
    Raises DataError for data that cannot be used and for a selection that is empty.
    """
    dataset = find(data, data_format)
    if split is None:
        split = _default_split(dataset, protocol)
        if split != "test":
            note = f"note: {dataset.path} holds no test conversations; using the {split} split"
            dataset = replace(dataset, notes=(note, *dataset.notes))
    return Selection(dataset, split, tuple(select(dataset, split, num, seed, categories, protocol)), protocol)


def _default_split(dataset: Dataset, protocol: str) -> str:
    """test; val where there are no test conversations, as in data for development; train where LoCoMo's rule of val
    would leave a part of another data set without any."""
    found = splits(dataset, protocol)
    if found["test"] or found["val"] or is_locomo(dataset):
        return "test" if found["test"] else "val"
    return "train"


def select(
    dataset: Dataset,
    split: str,
    num: int | None = None,
    seed: int = 0,
    categories: Collection[int] | Literal["counted"] | None = None,
    protocol: str = PROJECT,
) -> list[Question]:
    """The questions of a split (train, val, test, or all), in the file's order.

    categories: numbers of kinds; "counted": those that the headline is over; None: all.
    num: a sample of so many, with each category's share of the whole; None, or more than there are, gives all.
    seed: of that sample only. The split itself does not move with it. protocol: who is in which split
    (locomo/split_data.py); memory-r1 has no questions of category 5.
    Raises DataError when there is nothing to select: unknown split or category, no such conversations in the file.
    """
    kinds = dataset.kinds
    if categories == "counted":
        categories = kinds.counted
    unknown = sorted(set(categories or ()) - set(kinds.names))
    if unknown:
        known = sorted(kinds.names) if kinds == LOCOMO else ", ".join(f"{n} {one}" for n, one in kinds.names.items())
        raise DataError(f"unknown categories {unknown}; they are {known}")
    if num is not None and num < 1:
        raise DataError(f"asked for {num} questions; ask for at least 1")
    conversation_ids = _conversation_ids(dataset, split, protocol)
    wanted = set(kinds.names) if categories is None else set(categories)
    if protocol != PROJECT:
        wanted -= kinds.declined
    questions = [
        question
        for question in dataset.questions
        if question.conversation_id in conversation_ids and question.category in wanted
    ]
    if not questions:
        of_categories = "" if categories is None else f" of categories {sorted(wanted)}"
        raise DataError(
            f"{dataset.path}: split {split} has no questions{of_categories}; choose another split or categories"
        )
    return questions if num is None or num >= len(questions) else _stratified(questions, num, seed)


def _conversation_ids(dataset: Dataset, split: str, protocol: str) -> Collection[str]:
    by_split = splits(dataset, protocol)
    if split == "all":
        return {conversation.id for conversation in dataset.conversations}
    if split not in SPLITS:
        raise DataError(f"unknown split {split!r}; it is one of {', '.join(SPLITS)}, all")
    if by_split[split]:
        return by_split[split]
    filled = " or ".join(name for name in SPLITS if by_split[name])
    if is_locomo(dataset):
        named = ", ".join(PROTOCOLS[protocol][split])
        raise DataError(
            f"{dataset.path}: split {split} is {named}, and the file holds none of them; use {filled} or all"
        )
    if has_fixed_splits(dataset):
        raise DataError(f"{dataset.path}: holds no conversation of split {split}; use {filled} or all")
    raise DataError(f"{dataset.path}: too few conversations for a split {split}; use {filled} or all")


def _stratified(questions: Sequence[Question], num: int, seed: int) -> list[Question]:
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
