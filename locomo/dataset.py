"""The benchmark's data: which file or folder is used, and what is in it. locomo/questions.py selects questions of it.

dataset = find(None)                                      # --data > LOCOMO_PATH > data/ > download > the sample
dataset = find("realtalk")                                # a named set: REALTALK_PATH > data/realtalk > download
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.checkout import checkout_root
from locomo.download import LOCOMO10, DownloadError, RemoteFile, download
from locomo.formats.detect import read
from locomo.named import NAMED, NamedSet
from locomo.repository import fetch
from locomo.schema import DataError, Dataset, Question

if TYPE_CHECKING:
    import datasets

DATA_DIR = Path(__file__).resolve().parent.parent / "data"
LOCOMO10_PATH = DATA_DIR / "locomo10.json"
SAMPLE_PATH = DATA_DIR / "sample.json"
_SEAL = ".sha256"


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


def find(data: str | None = None, data_format: str | None = None) -> Dataset:
    """The data set to use. `data`: a path, or the name of a set (locomo/named.py); a path of that name is `./realtalk`.

    Without `data` it is LoCoMo: `LOCOMO_PATH` > data/locomo10.json > its download > the sample.
    What was named is used or is an error (DataError). When nothing was named and the download fails, the sample is
    used, `is_sample` is true and a note says why. Outside this project's checkout there is no data folder, and a path
    must be named.
    """
    if data is not None and data in NAMED:
        return _find_named(data, data_format)
    if data is not None:
        return load(data, data_format)
    if named := os.environ.get("LOCOMO_PATH"):
        return _load_from("LOCOMO_PATH", named, data_format)
    if checkout_root(Path(__file__)) is None:  # installed: nothing is written beside the packages of the environment
        raise DataError("no data set: name a LoCoMo file by --data PATH or by LOCOMO_PATH, or run from the checkout")
    try:
        return _released_locomo()
    except DownloadError as error:
        note = (
            f"NOT LoCoMo: running on the bundled sample, because the download failed ({error}); "
            "for LoCoMo use --data PATH, or save that file as data/locomo10.json"
        )
        sample = load(SAMPLE_PATH)
        return replace(sample, notes=(note, *sample.notes))


def absolute(data: str) -> str:
    """`data` for a process that runs elsewhere: a path made absolute, the name of a set as it is."""
    return data if data in NAMED else str(Path(data).resolve())


def _load_from(variable: str, path: str, data_format: str | None) -> Dataset:
    try:
        return load(path, data_format)
    except DataError as error:
        raise DataError(f"{variable} names {error}") from error


def _released_locomo() -> Dataset:
    """data/locomo10.json, downloaded if it is not there. Raises DownloadError."""
    if not LOCOMO10_PATH.exists():
        download(LOCOMO10, LOCOMO10_PATH)
    dataset = load(LOCOMO10_PATH)
    if dataset.sha256 == LOCOMO10.sha256:
        return dataset
    note = f"{LOCOMO10_PATH} is not the released file (its sha256 differs); remove it to have that one downloaded"
    return replace(dataset, notes=(note, *dataset.notes))


def _find_named(name: str, data_format: str | None) -> Dataset:
    """A named set: at the place that its variable names, in data/, or downloaded. Raises DataError.

    A note says so when it holds a part of the set only.
    """
    one = NAMED[name]
    dataset = _place_of(name, one, data_format)
    if (held := len(dataset.conversations)) == one.conversations:
        return dataset
    note = f"{dataset.path} holds {held} of {name}'s {one.conversations} conversations"
    return replace(dataset, notes=(note, *dataset.notes))


def _place_of(name: str, one: NamedSet, data_format: str | None) -> Dataset:
    if place := os.environ.get(one.variable):
        return _load_from(one.variable, place, data_format)
    if checkout_root(Path(__file__)) is None:
        raise DataError(f"no data folder to keep {name} in: name its files by --data PATH or by {one.variable}")
    try:
        return _released_locomo() if name == "locomo" else _kept(name, one, data_format)
    except DownloadError as error:
        raise DataError(f"{name} could not be downloaded ({error}); name its files by --data PATH") from error


def _kept(name: str, one: NamedSet, data_format: str | None) -> Dataset:
    """The set in data/, fetched if it is not there. Raises DownloadError; DataError for files that cannot be read."""
    place = DATA_DIR / one.kept_as
    if not place.exists():
        if isinstance(one.remote, RemoteFile):
            download(one.remote, place)
        else:
            fetch(one.remote, place, lambda folder: _seal(load(folder, data_format), folder))
    dataset = replace(load(place, data_format), name=name)
    expected = one.remote.sha256 if isinstance(one.remote, RemoteFile) else _sealed(place)
    if dataset.sha256 == expected:
        return dataset
    note = f"{place} is not what was released (its digest differs); remove it to have that downloaded"
    return replace(dataset, notes=(note, *dataset.notes))


def _seal(dataset: Dataset, folder: Path) -> None:
    """Keep the digest of what git has checked beside it."""
    (folder / _SEAL).write_text(dataset.sha256, encoding="ascii")


def _sealed(folder: Path) -> str | None:
    try:
        return (folder / _SEAL).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None


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
