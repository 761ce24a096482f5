from __future__ import annotations

import json
from pathlib import Path

import pytest
from format_files import write_realtalk
from hypothesis import given
from hypothesis import strategies as st
from locomo_files import conversation_record, locomo_records, write_records

from locomo.dataset import load
from locomo.schema import Conversation, DataError, Dataset
from locomo.split_data import PROTOCOLS, build_manifest, ids_digest, main, seeded_order, splits

LOCOMO = [f"conv-{number}" for number in (26, 30, 41, 42, 43, 44, 47, 48, 49, 50)]


def empty_dataset(ids: list[str]) -> Dataset:
    conversations = tuple(Conversation(conversation_id, ("Ines", "Bo"), ()) for conversation_id in ids)
    return Dataset("mine", Path("mine.json"), "0" * 64, conversations, (), False, ())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_puts_each_locomo_conversation_in_one_split(protocol: str) -> None:
    found = splits(empty_dataset(LOCOMO), protocol)
    assert sorted(sum(found.values(), ())) == LOCOMO
    assert {split: len(ids) for split, ids in found.items()} == {
        "project": {"train": 5, "val": 2, "test": 3},
        "memory-r1": {"train": 1, "val": 1, "test": 8},
    }[protocol]


def test_a_file_with_some_conversations_keeps_them_in_their_split() -> None:
    found = splits(empty_dataset(["conv-50", "conv-30", "conv-26"]))
    assert found == {"train": ("conv-26",), "val": ("conv-30",), "test": ("conv-50",)}


@given(st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=12, unique=True), st.integers(0, 3))
def test_any_other_data_set_is_cut_by_conversation_without_loss(ids: list[str], seed: int) -> None:
    found = splits(empty_dataset(ids), seed=seed)
    assert sorted(sum(found.values(), ())) == sorted(ids)
    assert found["test"]
    assert found["train"] or len(ids) == 1
    assert found["val"] or len(ids) <= 2
    assert {split: set(part) for split, part in splits(empty_dataset(ids[::-1]), seed=seed).items()} == {
        split: set(part) for split, part in found.items()
    }


def test_four_conversations_become_two_one_one() -> None:
    found = splits(empty_dataset([f"sample-{number}" for number in range(1, 5)]))
    assert {split: len(ids) for split, ids in found.items()} == {"train": 2, "val": 1, "test": 1}


def test_the_seeded_order_is_pinned_across_python_versions() -> None:
    assert seeded_order(["a", "b", "c", "d"], 0) == ["d", "a", "c", "b"]
    assert seeded_order(["d", "c", "b", "a"], 0) == ["d", "a", "c", "b"]


def test_unknown_or_unfitting_protocols_are_refused() -> None:
    with pytest.raises(DataError, match="unknown protocol 'mine'; it is one of project, memory-r1"):
        splits(empty_dataset(LOCOMO), "mine")
    with pytest.raises(DataError, match="use --protocol project"):
        splits(empty_dataset(["garden"]), "memory-r1")


def test_the_digest_tells_sets_of_ids_apart_and_ignores_order() -> None:
    assert ids_digest(["a", "b"]) == ids_digest(["b", "a"])
    assert len({ids_digest(ids) for ids in ([], ["a"], ["a", "b"], ["ab"])}) == 4


def test_the_manifests_digest_moves_when_a_conversation_moves(tmp_path: Path) -> None:
    dataset = load(write_records(tmp_path / "x.json", locomo_records(["one", "two", "three"])))
    first, again, other = (build_manifest(dataset, "project", seed)["digest"] for seed in (0, 0, 2))
    assert first == again
    assert splits(dataset, seed=0) != splits(dataset, seed=2)
    assert first != other


def test_the_command_writes_ids_counts_and_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_records(tmp_path / "x.json", locomo_records(["conv-26", "conv-30", "conv-50"], 2))
    output = tmp_path / "splits"
    assert main(["--data", str(data), "--output", str(output)]) == 0
    assert sorted(path.name for path in output.iterdir()) == ["manifest.json", "test.json", "train.json", "val.json"]
    assert json.loads((output / "val.json").read_text()) == {
        "conversation_ids": ["conv-30"],
        "question_ids": [f"conv-30:{index}" for index in range(10)],
    }
    assert not any("leeks" in path.read_text() for path in output.iterdir())
    manifest = json.loads((output / "manifest.json").read_text())
    assert manifest["splits"]["test"]["questions_by_category"] == dict.fromkeys(
        ("multi_hop", "temporal", "open_domain", "single_hop", "adversarial"), 2
    )
    assert manifest["data"]["sha256"] == load(data).sha256
    captured = capsys.readouterr()
    assert json.loads(captured.out.splitlines()[-1]) == {"output": str(output), **manifest}
    assert "multi_hop" in captured.err


def test_memory_r1_has_no_adversarial_questions(tmp_path: Path) -> None:
    data = write_records(tmp_path / "x.json", locomo_records(["conv-26", "conv-30", "conv-50"], 2))
    assert main(["--data", str(data), "--output", str(tmp_path / "o"), "--protocol", "memory-r1"]) == 0
    manifest = json.loads((tmp_path / "o" / "manifest.json").read_text())
    assert [part["questions"] for part in manifest["splits"].values()] == [8, 8, 8]
    assert manifest["splits"]["train"]["questions_by_category"]["adversarial"] == 0


def test_bad_data_ends_with_status_2_one_line_and_nothing_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_records(tmp_path / "x.json", [conversation_record(qa="none")])
    assert main(["--data", str(data), "--output", str(tmp_path / "o")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "x.json: conversation garden" in captured.err
    assert not (tmp_path / "o").exists()


def test_an_output_that_is_a_file_ends_with_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_records(tmp_path / "x.json", [conversation_record()])
    assert main(["--data", str(data), "--output", str(data)]) == 2
    assert "x.json" in capsys.readouterr().err


def test_a_write_that_fails_ends_with_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_records(tmp_path / "x.json", [conversation_record()])
    output = tmp_path / "o"
    (output / "train.json").mkdir(parents=True)
    assert main(["--data", str(data), "--output", str(output)]) == 1
    assert capsys.readouterr().err.startswith(f"locomo.split_data: {output}")
    assert [path.name for path in output.iterdir()] == ["train.json"]


def test_help_answers_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "--protocol memory-r1" in capsys.readouterr().out


def test_usage_errors_end_with_status_2() -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--protocol", "mine"])


@pytest.mark.parametrize(
    ("ids", "sizes"),
    [
        ([f"rt-{number}" for number in range(1, 11)], {"train": 2, "val": 2, "test": 6}),
        ([f"beam-100K-{number}" for number in range(1, 21)], {"train": 4, "val": 4, "test": 12}),
        ([f"beam-500K-{number}" for number in range(1, 36)], {"train": 0, "val": 4, "test": 31}),
    ],
)
def test_realtalk_and_beam_are_split_as_stated(ids: list[str], sizes: dict[str, int]) -> None:
    dataset = empty_dataset(ids)
    found = splits(dataset)
    assert {split: len(members) for split, members in found.items()} == sizes
    assert sorted(sum(found.values(), ())) == sorted(ids)
    assert splits(dataset, seed=1) == found
    manifest = build_manifest(dataset, "project", 0)
    assert (manifest["protocol"], manifest["seed"]) == ("project", None)


def test_development_conversations_are_train_and_val() -> None:
    assert splits(empty_dataset(["rt-2", "rt-4", "rt-5", "rt-9"]))["test"] == ()
    assert splits(empty_dataset([f"beam-100K-{number}" for number in range(1, 9)]))["test"] == ()


def test_chats_of_two_sizes_of_beam_keep_their_splits() -> None:
    found = splits(empty_dataset(["beam-100K-1", "beam-500K-1", "beam-500K-9"]))
    assert found == {"train": ("beam-100K-1",), "val": ("beam-500K-1",), "test": ("beam-500K-9",)}


def test_the_manifest_counts_the_kinds_of_the_data_set(tmp_path: Path) -> None:
    dataset = load(write_realtalk(tmp_path / "rt"))
    counts = build_manifest(dataset, "project", 0)["splits"]["train"]["questions_by_category"]
    assert counts == {"multi_hop": 2, "temporal": 2, "commonsense": 2}
