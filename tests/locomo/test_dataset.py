from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from locomo_files import conversation_record, locomo_records, question_record, write_records

from locomo import dataset as dataset_module
from locomo.dataset import find, load, to_hf_dataset
from locomo.download import DownloadError, RemoteFile
from locomo.questions import select
from locomo.schema import DataError, Dataset


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder with a sample in it, no variable set, and a download that fails."""

    def refuse(remote: RemoteFile, destination: Path) -> None:
        raise DownloadError("no network")

    monkeypatch.setattr(dataset_module, "LOCOMO10_PATH", tmp_path / "locomo10.json")
    monkeypatch.setattr(dataset_module, "SAMPLE_PATH", write_records(tmp_path / "sample.json", [conversation_record()]))
    monkeypatch.setattr(dataset_module, "download", refuse)
    return tmp_path


def dataset_of(folder: Path, *sample_ids: str, questions_per_category: int = 4) -> Dataset:
    return load(write_records(folder / "some.json", locomo_records(sample_ids, questions_per_category)))


def test_a_file_is_identified_by_name_and_hash(tmp_path: Path) -> None:
    path = write_records(tmp_path / "mine.json", [conversation_record()])
    dataset = load(path)
    assert (dataset.name, dataset.path, dataset.is_sample) == ("mine", path, False)
    assert dataset.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [conversation.id for conversation in dataset.conversations] == ["garden"]


def test_a_bad_file_is_one_line_with_file_and_place(tmp_path: Path) -> None:
    path = write_records(tmp_path / "mine.json", [conversation_record(qa=[question_record(9)])])
    with pytest.raises(DataError, match=r"mine\.json: conversation garden, question 0: unknown category 9"):
        load(path)


@pytest.mark.parametrize("name", ["missing.json", ".", "nul\0.json"])
def test_what_cannot_be_read_is_a_data_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"cannot be read \(.+\); give the path"):
        load(tmp_path / name)


def test_data_precedes_the_variable_which_precedes_the_data_folder(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_records(sources / "locomo10.json", [conversation_record("from-folder")])
    assert find(None).conversations[0].id == "from-folder"
    monkeypatch.setenv("LOCOMO_PATH", str(write_records(sources / "v.json", [conversation_record("from-variable")])))
    assert find(None).conversations[0].id == "from-variable"
    named = write_records(sources / "d.json", [conversation_record("from-flag")])
    assert find(str(named)).conversations[0].id == "from-flag"


def test_a_file_in_the_data_folder_that_is_not_the_released_one_is_noted(sources: Path) -> None:
    write_records(sources / "locomo10.json", [conversation_record()])
    (note,) = find(None).notes
    assert "not the released file" in note


def test_without_any_file_the_download_is_used(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deliver(remote: RemoteFile, destination: Path) -> None:
        write_records(destination, [conversation_record("downloaded")])
        delivered = RemoteFile(remote.url, 1, hashlib.sha256(destination.read_bytes()).hexdigest())
        monkeypatch.setattr(dataset_module, "LOCOMO10", delivered)

    monkeypatch.setattr(dataset_module, "download", deliver)
    dataset = find(None)
    assert dataset.conversations[0].id == "downloaded"
    assert (dataset.is_sample, dataset.notes) == (False, ())


def test_when_the_download_fails_the_sample_is_used_and_says_so(sources: Path) -> None:
    dataset = find(None)
    assert dataset.is_sample
    (note,) = dataset.notes
    assert note.startswith("NOT LoCoMo")
    assert "no network" in note
    assert "\n" not in note


def test_outside_the_checkout_nothing_is_downloaded_beside_the_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "site-packages"
    (packages / "locomo").mkdir(parents=True)
    monkeypatch.delenv("LOCOMO_PATH", raising=False)
    monkeypatch.setattr(dataset_module, "__file__", str(packages / "locomo" / "dataset.py"))
    monkeypatch.setattr(dataset_module, "LOCOMO10_PATH", packages / "data" / "locomo10.json")
    monkeypatch.setattr(dataset_module, "download", lambda remote, path: pytest.fail("it was downloaded"))
    with pytest.raises(DataError, match="name a LoCoMo file by --data PATH or by LOCOMO_PATH"):
        find(None)
    assert [path.name for path in packages.iterdir()] == ["locomo"]
    named = write_records(tmp_path / "mine.json", [conversation_record()])
    assert find(str(named)).name == "mine"


def test_a_named_file_in_trouble_never_falls_back(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (str(sources / "missing.json"), ""):
        with pytest.raises(DataError, match="cannot be read"):
            find(name)
    monkeypatch.setenv("LOCOMO_PATH", str(sources / "missing.json"))
    with pytest.raises(DataError, match=r"LOCOMO_PATH names .*missing\.json"):
        find(None)


def test_the_bundled_sample_is_known_as_the_sample_by_whatever_path(sources: Path) -> None:
    assert load(sources / ".." / sources.name / "sample.json").is_sample


def test_locomo_is_split_as_the_project_says(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path, "conv-26", "conv-30", "conv-44", "conv-48")
    found = {split: {q.conversation_id for q in select(dataset, split)} for split in ("train", "val", "test", "all")}
    assert found == {
        "train": {"conv-26", "conv-44"},
        "val": {"conv-30"},
        "test": {"conv-48"},
        "all": {"conv-26", "conv-30", "conv-44", "conv-48"},
    }


def test_asking_for_a_split_that_the_file_does_not_hold_names_its_conversations(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path, "conv-26", "conv-30")
    with pytest.raises(DataError, match=r"some\.json: split test is conv-48, conv-49, conv-50, .* use train or val"):
        select(dataset, "test")


def test_a_data_set_with_one_conversation_is_all_test(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path, "mine")
    assert len(select(dataset, "test")) == 20
    with pytest.raises(DataError, match="too few conversations for a split train; use test or all"):
        select(dataset, "train")


def test_selection_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path, "conv-26")
    with pytest.raises(DataError, match="unknown split 'dev'"):
        select(dataset, "dev")
    with pytest.raises(DataError, match=r"unknown categories \[6\]"):
        select(dataset, "train", categories=[1, 6])
    with pytest.raises(DataError, match="at least 1"):
        select(dataset, "train", num=0)


def test_a_selection_without_questions_is_an_error(tmp_path: Path) -> None:
    dataset = load(write_records(tmp_path / "x.json", [conversation_record("conv-26")]))
    with pytest.raises(DataError, match=r"split train has no questions of categories \[2\]"):
        select(dataset, "train", categories=[2])


def test_only_the_categories_asked_for_are_selected(tmp_path: Path) -> None:
    questions = select(dataset_of(tmp_path, "conv-26"), "train", categories=(1, 5))
    assert Counter(question.category for question in questions) == {1: 4, 5: 4}


@given(
    counts=st.lists(st.integers(0, 12), min_size=5, max_size=5).filter(any),
    num=st.integers(1, 70),
    seed=st.integers(0, 3),
)
def test_a_sample_has_each_categorys_share_in_the_files_order(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], num: int, seed: int
) -> None:
    qa = [question_record(category + 1) for category, count in enumerate(counts) for _ in range(count)]
    path = tmp_path_factory.getbasetemp() / "stratified.json"
    dataset = load(write_records(path, [conversation_record("conv-26", qa=qa)]))
    sample = select(dataset, "train", num=num, seed=seed)
    assert len(sample) == min(num, len(qa))
    assert sample == [question for question in dataset.questions if question in sample]
    sampled = Counter(question.category for question in sample)
    assert all(abs(sampled[i + 1] - len(sample) * count / len(qa)) < 1 for i, count in enumerate(counts))


def test_a_sample_depends_on_the_seed_alone(tmp_path: Path) -> None:
    ids = ("conv-26", "conv-41", "conv-42")
    dataset = dataset_of(tmp_path, *ids, questions_per_category=20)
    first, again, other = (select(dataset, "train", num=20, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    reordered = dataset_of(tmp_path, *reversed(ids), questions_per_category=20)
    assert {q.id for q in select(reordered, "train", num=20, seed=0)} == {q.id for q in first}


def test_a_hugging_face_dataset_has_one_row_per_question(tmp_path: Path) -> None:
    qa = [question_record(answer=2022), {"question": "Who?", "category": 5, "adversarial_answer": "Bo"}]
    dataset = load(write_records(tmp_path / "x.json", [conversation_record(qa=qa)]))
    table = to_hf_dataset(dataset.questions)
    assert table[0] == {
        "id": "garden:0",
        "conversation_id": "garden",
        "question": "What did Ines plant?",
        "answer": "2022",
        "adversarial_answer": "",
        "category": 4,
        "evidence": ["D1:1"],
    }
    assert (table[1]["answer"], table[1]["adversarial_answer"], table[1]["evidence"]) == ("", "Bo", [])
    assert to_hf_dataset([]).column_names == table.column_names


def test_the_bundled_sample_loads_without_a_note_and_has_questions_in_every_split() -> None:
    sample = load(dataset_module.SAMPLE_PATH)
    assert (sample.is_sample, sample.notes) == (True, ())
    assert all(select(sample, split) for split in ("train", "val", "test"))
