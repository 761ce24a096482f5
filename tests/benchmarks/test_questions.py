from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
from locomo_files import locomo_records, write_records

from benchmarks import compaction, questions, retrieval
from benchmarks.scale import costs as scale
from benchmarks.temporal import evidence as temporal
from locomo.dataset import SAMPLE_PATH, load
from locomo.schema import DataError
from locomo.split_data import PROTOCOLS, splits

LOCOMO = [one for ids in PROTOCOLS["project"].values() for one in ids]


def test_the_published_split_is_all_of_locomo_but_its_test_conversations(tmp_path: Path) -> None:
    dataset = load(write_records(tmp_path / "ten.json", locomo_records(LOCOMO)))
    asked = questions.restrict(dataset, questions.PUBLISHED)
    assert [one.id for one in asked.conversations] == [one for one in LOCOMO if one not in splits(dataset)["test"]]
    assert {one.conversation_id for one in asked.questions} == {one.id for one in asked.conversations}
    assert len(asked.conversations) == 7


@pytest.mark.parametrize("benchmark", [retrieval, compaction, scale])
def test_no_benchmark_asks_about_test_conversations_by_default(benchmark: object) -> None:
    args = benchmark.build_parser().parse_args([])  # type: ignore[attr-defined]
    assert "test" not in args.split
    asked = questions.restrict(load(SAMPLE_PATH), args.split)
    assert not {one.id for one in asked.conversations} & set(splits(load(SAMPLE_PATH))["test"])


def test_other_data_is_split_by_the_same_rule() -> None:
    dataset = load(SAMPLE_PATH)
    of_split = splits(dataset)
    for split in ("train", "val", "test"):
        assert tuple(one.id for one in questions.restrict(dataset, split).conversations) == of_split[split]
    assert questions.restrict(dataset, questions.ALL).questions == dataset.questions


@pytest.mark.parametrize(
    ("text", "split"), [("val+train", "train+val"), ("all", "train+val+test"), ("test", "test"), ("val+val", "val")]
)
def test_a_split_may_be_a_sum(text: str, split: str) -> None:
    assert questions.parse_split(text) == split


@pytest.mark.parametrize("text", ["", "dev", "train,val", "train+"])
def test_an_unknown_split_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="there are train, val, test"):
        questions.parse_split(text)


def test_a_file_without_the_split_is_named(tmp_path: Path) -> None:
    dataset = load(write_records(tmp_path / "two.json", locomo_records(["conv-30", "conv-47"])))
    assert len(questions.restrict(dataset, "train+val").conversations) == 2
    with pytest.raises(DataError, match="holds no conversation of split test"):
        questions.restrict(dataset, "test")


def test_what_is_left_out_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    dataset = load(SAMPLE_PATH)
    questions.print_notes(dataset, "train+val", ["one more"])
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "note: left out 1 test conversation, asked about with --split test only",
        "note: one more",
    ]
    questions.print_notes(dataset, "test")
    assert "left out" not in capsys.readouterr().err


def test_the_dates_of_a_split_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert temporal.main(["--data", str(SAMPLE_PATH), "--split", "val"]) == 0
    document = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert document["split"] == "val"
    assert document["systems"]["ours"]["derivable"] > document["systems"]["header only"]["derivable"]


def test_bad_data_for_dates_is_one_line_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert temporal.main(["--data", "missing.json"]) == 2
    assert capsys.readouterr().err.startswith("benchmarks.temporal: missing.json: cannot be read")
