"""Train, val and test by conversation, never by question: two questions on one conversation share its memory.

python -m locomo.split_data
python -m locomo.split_data --data my.json --output data/splits --protocol memory-r1
"""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("locomo.split_data")

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.commands import add_json_flag, print_document, run_command
from harness.files import write_bytes_atomically
from locomo.dataset import find
from locomo.formats.names import FORMAT, FORMATS
from locomo.schema import DataError, Dataset, Question
from memoryqa.errors import StoppedError, UsageError

SPLITS = ("train", "val", "test")
PROJECT = "project"  # the protocol of this project's own figures
_LOCOMO = tuple(f"conv-{number}" for number in (26, 30, 41, 42, 43, 44, 47, 48, 49, 50))
PROTOCOLS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "project": {
        "train": ("conv-26", "conv-41", "conv-42", "conv-43", "conv-44"),
        "val": ("conv-30", "conv-47"),
        "test": ("conv-48", "conv-49", "conv-50"),
    },
    # Memory-R1 (arXiv 2508.19828): 152 / 81 / 1,307 questions, all of categories 1-4
    "memory-r1": {
        "train": ("conv-26",),
        "val": ("conv-30",),
        "test": tuple(conversation for conversation in _LOCOMO if conversation not in ("conv-26", "conv-30")),
    },
}
FIXED: tuple[Mapping[str, tuple[str, ...]], ...] = (  # of the project's protocol, by data set; LoCoMo's stands above
    PROTOCOLS[PROJECT],
    {
        "train": ("rt-2", "rt-5"),
        "val": ("rt-4", "rt-9"),
        "test": tuple(f"rt-{number}" for number in (1, 3, 6, 7, 8, 10)),
    },
    {
        "train": tuple(f"beam-100K-{number}" for number in range(1, 5)),
        "val": tuple(f"beam-100K-{number}" for number in range(5, 9)),
        "test": tuple(f"beam-100K-{number}" for number in range(9, 21)),
    },
    {
        "train": (),
        "val": tuple(f"beam-500K-{number}" for number in range(1, 5)),  # to confirm on
        "test": tuple(f"beam-500K-{number}" for number in range(5, 36)),
    },
)
_FIXED_SPLIT = {name: split for one in FIXED for split, names in one.items() for name in names}
_VAL_SHARE, _TEST_SHARE = 0.2, 0.3  # of the conversations of any other data set: the shares of the project's own split


def splits(dataset: Dataset, protocol: str = "project", seed: int = 0) -> dict[str, tuple[str, ...]]:
    """Conversation ids of train, val and test, in the file's order.

    LoCoMo (all of it, or a file with some of its conversations) is split as `PROTOCOLS` says, REALTALK and BEAM as
    `FIXED` does; a split none of whose conversations the file holds is empty. Any other data set is cut by `seed`: from
    three conversations on no split is empty; one conversation goes to test, two to test and train.
    Raises DataError for an unknown protocol, and for memory-r1 on other data than LoCoMo.
    """
    if protocol not in PROTOCOLS:
        raise DataError(f"unknown protocol {protocol!r}; it is one of {', '.join(PROTOCOLS)}")
    ids = [conversation.id for conversation in dataset.conversations]
    if is_locomo(dataset):
        wanted = PROTOCOLS[protocol]
        return {split: tuple(i for i in ids if i in wanted[split]) for split in SPLITS}
    if protocol != "project":
        raise DataError(f"{dataset.path}: protocol {protocol} names LoCoMo's conversations; use --protocol project")
    if has_fixed_splits(dataset):
        return {split: tuple(i for i in ids if _FIXED_SPLIT[i] == split) for split in SPLITS}
    shuffled = seeded_order(ids, seed)
    val_count = max(1, round(_VAL_SHARE * len(ids))) if len(ids) > 2 else 0
    test_end = val_count + max(1, round(_TEST_SHARE * len(ids)))
    chosen = {"val": shuffled[:val_count], "test": shuffled[val_count:test_end], "train": shuffled[test_end:]}
    return {split: tuple(i for i in ids if i in chosen[split]) for split in SPLITS}


def is_locomo(dataset: Dataset) -> bool:
    """Whether all conversations are LoCoMo's, by their ids."""
    return all(conversation.id in _LOCOMO for conversation in dataset.conversations)


def has_fixed_splits(dataset: Dataset) -> bool:
    """Whether the splits are stated by conversation, and so do not depend on a seed."""
    return all(conversation.id in _FIXED_SPLIT for conversation in dataset.conversations)


def seeded_order(ids: Iterable[str], seed: int) -> list[str]:
    """`ids` in an order that depends on `seed` and the ids alone: not on Python's version, nor on the file's order."""
    return sorted(ids, key=lambda item: hashlib.sha256(f"{seed}:{item}".encode()).digest())


def ids_digest(ids: Iterable[str]) -> str:
    """sha256 over the sorted ids, one a line: equal exactly when two sets of questions are."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


def split_questions(dataset: Dataset, protocol: str, seed: int) -> dict[str, list[Question]]:
    """The questions of each split, in the file's order; memory-r1 has none of category 5."""
    conversations = splits(dataset, protocol, seed)
    counted = [q for q in dataset.questions if protocol != "memory-r1" or not q.is_declined]
    return {split: [q for q in counted if q.conversation_id in ids] for split, ids in conversations.items()}


def build_manifest(dataset: Dataset, protocol: str, seed: int) -> dict[str, Any]:
    """What a split consists of: counts per category and digests, beside the identity of the data."""
    conversations = splits(dataset, protocol, seed)
    questions = split_questions(dataset, protocol, seed)
    return {
        "protocol": protocol if has_fixed_splits(dataset) else "seeded",
        "seed": None if has_fixed_splits(dataset) else seed,
        "data": {"name": dataset.name, "sha256": dataset.sha256, "is_sample": dataset.is_sample},
        "digest": ids_digest(f"{split} {q.id}" for split in SPLITS for q in questions[split]),
        "splits": {
            split: {
                "conversations": len(conversations[split]),
                "questions": len(questions[split]),
                "questions_by_category": _category_counts(dataset, questions[split]),
                "digest": ids_digest(q.id for q in questions[split]),
            }
            for split in SPLITS
        },
    }


def write_splits(dataset: Dataset, output: Path, protocol: str, seed: int) -> dict[str, Any]:
    """Write train.json, val.json, test.json (ids only: the text may not be passed on) and the manifest, returned."""
    conversations = splits(dataset, protocol, seed)
    questions = split_questions(dataset, protocol, seed)
    manifest = build_manifest(dataset, protocol, seed)
    files: dict[str, object] = {
        split: {"conversation_ids": conversations[split], "question_ids": [q.id for q in questions[split]]}
        for split in SPLITS
    }
    for name, document in {**files, "manifest": manifest}.items():  # the manifest last: it vouches for the others
        write_bytes_atomically(output / f"{name}.json", (json.dumps(document, indent=1) + "\n").encode())
    return manifest


def _category_counts(dataset: Dataset, questions: Iterable[Question]) -> dict[str, int]:
    counts = Counter(question.category for question in questions)
    return {name: counts[category] for category, name in dataset.kinds.names.items()}


def _parser() -> argparse.ArgumentParser:
    examples = """examples:
  python -m locomo.split_data
  python -m locomo.split_data --data my.json --seed 1
  python -m locomo.split_data --protocol memory-r1 --output data/splits-memory-r1"""
    parser = argparse.ArgumentParser(
        prog="python -m locomo.split_data",
        description="Split a data set by conversation into train, val and test; writes ids only, and a manifest.",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="a file, folder or named set (default: LoCoMo: LOCOMO_PATH, data/, download, sample)",
    )
    parser.add_argument("--format", choices=FORMATS, help=str(FORMAT["help"]))
    parser.add_argument("--output", metavar="DIR", default="data/splits", help="default: %(default)s")
    parser.add_argument("--protocol", choices=tuple(PROTOCOLS), default="project", help="default: %(default)s")
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="for data without splits of their own; --split of the other scripts is seed 0; default: %(default)s",
    )
    add_json_flag(parser)
    return parser


def _print_table(manifest: Mapping[str, Any], conversations: Mapping[str, tuple[str, ...]]) -> None:
    from rich.table import Table

    from harness.terminal import stderr_console

    described = manifest["splits"]
    table = Table("", *SPLITS)
    table.add_row("conversations", *(", ".join(conversations[split]) or "none" for split in SPLITS))
    for name in next(iter(described.values()))["questions_by_category"]:
        table.add_row(name, *(str(described[split]["questions_by_category"][name]) for split in SPLITS))
    table.add_row("questions", *(str(described[split]["questions"]) for split in SPLITS))
    stderr_console().print(table)


def main(argv: list[str] | None = None) -> int:
    """Exit status 0: written; 2: the data or --output cannot be used; 1: writing failed."""
    args = _parser().parse_args(argv)
    return run_command("locomo.split_data", lambda: run(args))


def run(args: argparse.Namespace) -> None:
    """Write the splits, and print them. Raises UsageError for bad input, StoppedError when writing fails."""
    output = Path(args.output).expanduser()
    dataset = find(args.data, args.format)
    conversations = splits(dataset, args.protocol, args.seed)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{output}: no folder can be made there ({error.strerror}); name another one") from error
    try:
        manifest = write_splits(dataset, output, args.protocol, args.seed)
    except OSError as error:
        raise StoppedError(f"{output}: {error}") from error
    for note in dataset.notes:
        print(f"note: {note}", file=sys.stderr)
    _print_table(manifest, conversations)
    print_document({"output": str(output), **manifest}, as_json=args.json)


if __name__ == "__main__":
    raise SystemExit(main())
