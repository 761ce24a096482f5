from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import retrieval

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ["--data", str(ROOT / "data" / "sample.json"), "--split", "val", "--budgets", "300,1000"]


def systems(capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    assert retrieval.main([*SAMPLE, *more]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])["systems"]
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


def test_one_hop_without_queries_is_the_plain_search(capsys: pytest.CaptureFixture[str]) -> None:
    found = systems(capsys, "--hops", "1,2")
    assert found["memory, 1 hop"]["recall"] == found["memory"]["recall"]
    assert found["memory, 2 hops"]["recall"] == found["memory"]["recall"]


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
    told = systems(capsys, "--queries", str(path))
    assert told["memory"]["recall"]["300"] > systems(capsys)["memory"]["recall"]["300"]


def _text_of(sample: dict[str, Any], turn_id: str) -> str:
    session = sample["conversation"][f"session_{turn_id[1:].split(':')[0]}"]
    return str(next(turn["text"] for turn in session if turn["dia_id"] == turn_id))


def test_the_plot_is_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    systems(capsys, "--plot", str(tmp_path / "recall.png"))
    assert (tmp_path / "recall.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--queries", "missing.json"], "missing.json"),
        (["--data", "missing.json"], "missing.json"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(capsys: pytest.CaptureFixture[str], flags: list[str], told: str) -> None:
    assert retrieval.main([*SAMPLE, *flags]) == 2
    message = capsys.readouterr().err.strip()
    assert told in message
    assert message.count("\n") == 0
