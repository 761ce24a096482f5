from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import checkout
import pytest
from checkout import ROOT
from format_files import write_beam, write_realtalk

from benchmarks import retrieval
from benchmarks.counting import share_found
from locomo.dataset import find
from memoryqa.memory import AdaptiveMemory

SAMPLE = ["--data", str(checkout.SAMPLE), "--split", "val", "--budgets", "300,1000"]


def result(capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    assert retrieval.main([*SAMPLE, *more]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def systems(capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    found: dict[str, Any] = result(capsys, *more)["systems"]
    return found


def test_the_memory_finds_more_than_its_peers_and_more_with_more_tokens(capsys: pytest.CaptureFixture[str]) -> None:
    found = systems(capsys)
    assert list(found) == ["memory", "memory, working only", "bm25s", "rank-bm25", "most recent first"]
    ours = found["memory"]
    assert set(ours["recall"]) == set(ours["all_evidence"]) == {"300", "1000"}
    assert set(ours["recall_at_k"]) == {"5", "10", "25", "50"}
    for peer in ("bm25s", "rank-bm25", "most recent first"):
        assert ours["recall"]["300"] > found[peer]["recall"]["300"]
    assert 0 < ours["recall"]["300"] <= ours["recall"]["1000"] <= 1
    assert 0 < ours["query_ms_p50"] <= ours["query_ms_p95"]
    assert ours["recall_ci95"] == {"300": None, "1000": None}  # one conversation carries no interval


@pytest.mark.slow
def test_one_hop_without_queries_is_the_plain_search(capsys: pytest.CaptureFixture[str]) -> None:
    found = systems(capsys, "--hops", "1,2")
    assert found["memory, 1 hop"]["recall"] == found["memory"]["recall"]
    assert found["memory, 2 hops"]["recall"] == found["memory"]["recall"]


@pytest.mark.slow
def test_queries_are_searched_beside_the_question(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    record = json.loads((ROOT / "data" / "sample.json").read_text(encoding="utf-8"))
    queries = {
        f"{sample['sample_id']}:{number}": {"queries": [_text_of(sample, entry["evidence"][0])]}
        for sample in record
        for number, entry in enumerate(sample["qa"])
        if ";" not in entry["evidence"][0]
    }
    path = tmp_path / "queries.json"
    path.write_text(json.dumps(queries))
    with_queries = systems(capsys, "--queries", str(path))
    assert with_queries["memory"]["recall"]["300"] > systems(capsys)["memory"]["recall"]["300"]


def _text_of(sample: dict[str, Any], turn_id: str) -> str:
    session = sample["conversation"][f"session_{turn_id[1:].split(':')[0]}"]
    return str(next(turn["text"] for turn in session if turn["dia_id"] == turn_id))


def val_turns() -> dict[str, dict[str, Any]]:
    """By conversation and turn id, the turns of the sample."""
    record = json.loads((ROOT / "data" / "sample.json").read_text(encoding="utf-8"))
    return {
        sample["sample_id"]: {
            turn["dia_id"]: turn
            for name, session in sample["conversation"].items()
            if isinstance(session, list) and name.startswith("session_")
            for turn in session
        }
        for sample in record
    }


@pytest.mark.slow
def test_tags_are_compared_question_by_question_with_the_same_memory_without(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    record = json.loads((ROOT / "data" / "sample.json").read_text(encoding="utf-8"))
    tags: dict[str, dict[str, list[str]]] = {
        name: {turn_id: [] for turn_id in turns} for name, turns in val_turns().items()
    }
    for sample in record:  # the words of the questions themselves: the best tags there are
        for entry in sample["qa"]:
            for turn_id in entry["evidence"]:
                if turn_id in tags[sample["sample_id"]]:
                    tags[sample["sample_id"]][turn_id].append(entry["question"])
    path = tmp_path / "tags.json"
    path.write_text(json.dumps({"written_by": "the test", "conversations": tags}))
    found = result(capsys, "--tags", str(path))
    assert list(found["systems"])[:3] == ["memory", "memory, working only", "memory, tags"]
    without = systems(capsys)["memory"]
    assert all(found["systems"]["memory"][key] == without[key] for key in ("recall", "all_evidence", "recall_at_k"))
    assert found["tags"]["written_by"] == "the test"
    assert found["tags"]["untagged_sessions"] == 0
    gain = found["differences"]["memory, tags - memory"]["300"]
    before, after = (found["systems"][name]["recall"]["300"] for name in ("memory", "memory, tags"))
    assert gain["difference"] == pytest.approx(after - before, abs=1e-4)
    assert gain["difference"] > 0
    assert gain["questions_better"] > gain["questions_worse"]
    assert gain["ci95_over_conversations"] is None
    assert gain["ci95_over_questions"][0] <= gain["difference"] <= gain["ci95_over_questions"][1]


@pytest.mark.slow
def test_what_the_tags_leave_out_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    turns = val_turns()
    path = tmp_path / "tags.json"
    one = next(iter(turns))
    path.write_text(json.dumps({"conversations": {one: {next(iter(turns[one])): ["hobby"]}}}))
    assert retrieval.main([*SAMPLE[:2], "--split", "all", "--budgets", "300", "--tags", str(path)]) == 0
    printed = capsys.readouterr()
    document = json.loads(printed.out.splitlines()[-1])
    assert f"note: left out {', '.join(name for name in turns if name != one)}, of which {path}" in printed.err
    assert f"note: {document['tags']['untagged_sessions']} sessions are not tagged" in printed.err
    assert document["tags"]["untagged_sessions"] > 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"conversations": {"conv-999": {}}}, "no tags of "),
        ({"conversations": {name: {"D999:1": ["hobby"]} for name in val_turns()}}, "tags of D999:1, which is no turn"),
        ({"conv-999": {}}, "expected {"),
    ],
)
def test_tags_of_other_data_are_one_line_and_exit_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: object, reason: str
) -> None:
    path = tmp_path / "tags.json"
    path.write_text(json.dumps(content))
    assert retrieval.main([*SAMPLE, "--tags", str(path)]) == 2
    message = capsys.readouterr().err.strip()
    assert message.startswith(f"benchmarks.retrieval: {path}: ")
    assert reason in message
    assert message.count("\n") == 0


@pytest.mark.slow
def test_the_plot_is_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    systems(capsys, "--plot", str(tmp_path / "recall.png"))
    assert (tmp_path / "recall.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        (["--queries", "missing.json"], "missing.json"),
        (["--data", "missing.json"], "missing.json"),
        (["--tags", "missing.json"], "missing.json"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(capsys: pytest.CaptureFixture[str], flags: list[str], name: str) -> None:
    assert retrieval.main([*SAMPLE, *flags]) == 2
    message = capsys.readouterr().err.strip()
    assert name in message
    assert message.count("\n") == 0


def test_several_data_sets_are_one_table_with_their_own_kinds_and_budgets(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    chats, size = write_realtalk(tmp_path / "rt", (2, 4)), write_beam(tmp_path / "100K" / "1").parent
    assert retrieval.main(["--data", str(chats), "--data", str(size)]) == 0
    printed = capsys.readouterr()
    first, second = json.loads(printed.out.splitlines()[-1])["data_sets"]
    assert (first["data"]["name"], first["data"]["questions"]) == ("realtalk", 4)
    assert (second["data"]["name"], second["data"]["questions"]) == ("beam-100k", 3)
    assert list(first["systems"]["memory"]["recall_by_category"]) == ["multi_hop", "temporal"]
    assert set(second["systems"]["memory"]["recall"]) == {"1000", "2000", "4000", "8000"}
    assert list(second["apart"]["memory"]["recall_by_category"]) == ["summarization"]
    assert "abstention" not in second["systems"]["memory"]["recall_by_category"]
    assert "apart" not in first
    for row in ("realtalk, all kinds", "beam-100k, core kinds", "beam-100k, apart"):
        assert row in printed.err


def test_ours_is_what_a_search_gives_and_peers_rank_the_same_passages(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    size = write_beam(tmp_path / "100K" / "1").parent
    dataset = find(str(size))
    assert retrieval.main(["--data", str(size), "--split", "all", "--budgets", "1000"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])["systems"]
    shares, counted = [], [one for one in dataset.questions if one.category in dataset.kinds.counted and one.evidence]
    for conversation in dataset.conversations:
        memory = AdaptiveMemory()
        memory.extend(conversation.turns)
        for question in counted:
            if question.conversation_id == conversation.id:
                shares.append(share_found(question, memory.search(question.text, 1000).ids))
    assert found["memory"]["recall"]["1000"] == pytest.approx(sum(shares) / len(shares), abs=1e-4)
    assert set(found["bm25s"]["strict_recall"]) == {"1000"}
    assert all(row["strict_recall"]["1000"] <= row["recall"]["1000"] for row in found.values())


def test_queries_may_come_from_several_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name, question in (("a.json", "rt-2:0"), ("b.json", "rt-2:1")):
        (tmp_path / name).write_text(json.dumps({question: {"queries": ["kayak"]}}))
    assert retrieval.read_queries([str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == {
        "rt-2:0": ["kayak"],
        "rt-2:1": ["kayak"],
    }


def test_a_plot_of_several_data_sets_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        retrieval.main(["--data", "a", "--data", "b", "--plot", str(tmp_path / "x.png")])
    assert "--tags and --plot are of one data set" in capsys.readouterr().err
