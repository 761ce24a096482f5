"""The benchmark's data: which file is used, and what is in it. locomo/questions.py selects questions of it.

dataset = find(None)                                      # --data > LOCOMO_PATH > data/ > download > the sample
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.checkout import checkout_root
from locomo.download import LOCOMO10, DownloadError, download
from locomo.formats.detect import read
from locomo.schema import DataError, Dataset, Question

if TYPE_CHECKING:
    import datasets

_DATA_DIR = Path(__file__).resolve().parent.parent / "data"
LOCOMO10_PATH = _DATA_DIR / "locomo10.json"
SAMPLE_PATH = _DATA_DIR / "sample.json"


def load(path: str | Path, data_format: str | None = None) -> Dataset:
    """Read one data set, a file or a folder of any format (locomo/formats/); `data_format` forces one.

    Raises DataError, one line with file, place and fix, when anything about it is wrong.
    """
    path = Path(path).expanduser()
    found = read(path, data_format)
    parsed = found.parsed
    return Dataset(
        name=found.name,
        path=path,
        sha256=found.sha256,
        conversations=parsed.conversations,
        questions=parsed.questions,
        is_sample=path.resolve() == SAMPLE_PATH,
        notes=parsed.notes,
        kinds=parsed.kinds,
        format=found.format,
        budgets_tokens=parsed.budgets_tokens,
    )


def find(data: str | None = None) -> Dataset:
    """The data set to use: `data` (a path) > `LOCOMO_PATH` > data/locomo10.json > its download > the sample.

    A file that was named is used or is an error (DataError). When none was named and the download fails, the sample is
    used, `is_sample` is true and a note says why. Outside this project's checkout there is no data folder, and a file
    must be named.
    """
    if data is not None:
        return load(data)
    if named := os.environ.get("LOCOMO_PATH"):
        try:
            return load(named)
        except DataError as error:
            raise DataError(f"LOCOMO_PATH names {error}") from error
    if checkout_root(Path(__file__)) is None:  # installed: nothing is written beside the packages of the environment
        raise DataError("no data set: name a LoCoMo file by --data PATH or by LOCOMO_PATH, or run from the checkout")
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
