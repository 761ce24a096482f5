from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from format_files import beam_messages, write_beam

from benchmarks import compaction
from benchmarks.selectors import METHODS, PACKAGES
from locomo.dataset import SAMPLE_PATH, load
from memoryqa.memory import AdaptiveMemory

pytestmark = pytest.mark.slow

WITHOUT_PEERS = ("memory", "recent turns", "random")
RATIOS, BUDGETS = {"0.5", "0.25", "0.1", "0.05"}, {"20000", "8000", "4000", "2000"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str, Path]:
    """The JSON document, the tables and the plot of one run on the bundled sample."""
    picture = tmp_path_factory.mktemp("plots") / "compaction.png"
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(compaction, "missing", lambda name: None if name in WITHOUT_PEERS else "pip install peers")
        assert compaction.main(["--split", "val", "--plot", str(picture)]) == 0
    return json.loads(out.getvalue().splitlines()[-1]), err.getvalue(), picture


def test_the_document_has_every_size_and_says_what_was_not_run(run: tuple[dict[str, Any], str, Path]) -> None:
    document, tables, picture = run
    assert document["data"]["name"] == "sample"
    assert list(document["methods"]) == [*WITHOUT_PEERS, "search alone", "archive search"]
    assert set(document["not_run"]) == set(METHODS) - set(WITHOUT_PEERS)
    assert "sumy LSA is not run: pip install peers" in tables
    for name, row in document["methods"].items():
        assert set(row["by_ratio"]) == (RATIOS if name in METHODS else set())
        assert set(row["by_budget"]) == (BUDGETS if name in METHODS else set())
        assert (row["ms_per_conversation"] is None) == (name not in METHODS)
    for name in ("memory", "search alone", "archive search"):
        assert set(document["methods"][name]["by_budget_with_recovery"]) == BUDGETS
    for name in ("memory", "recent turns"):
        searched = document["methods"][name]["searched_alone"]
        assert set(searched) == {"20000", "10000", "5000"}
        assert all(set(found) == {"500", "1000", "2000", "4000"} for found in searched.values())
    assert "found by searches of a working memory alone" in " ".join(tables.split())
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_memory_keeps_more_than_a_window_or_chance_and_more_in_more_tokens(
    run: tuple[dict[str, Any], str, Path],
) -> None:
    methods = run[0]["methods"]
    ours = methods["memory"]
    for ratio in ("0.5", "0.25"):
        for peer in ("recent turns", "random"):
            assert ours["by_ratio"][ratio]["evidence"] > methods[peer]["by_ratio"][ratio]["evidence"]
    for kind, sizes in (("by_ratio", ["0.05", "0.1", "0.25", "0.5"]), ("by_budget", ["2000", "4000", "8000", "20000"])):
        evidence = [ours[kind][size]["evidence"] for size in sizes]
        assert evidence == sorted(evidence)
        assert all(ours[kind][size]["all_evidence"] <= ours[kind][size]["evidence"] for size in sizes)
    for budget in BUDGETS - {"20000"}:
        assert ours["by_budget_with_recovery"][budget]["evidence"] > ours["by_budget"][budget]["evidence"]


def test_every_method_keeps_within_its_tokens() -> None:
    """Peers too, those that are installed."""
    conversation = load(SAMPLE_PATH).conversations[0]
    lines = AdaptiveMemory()
    lines.extend(conversation.turns)
    turns = {turn.id: turn for turn in conversation.turns}
    for name, build in METHODS.items():
        if compaction.missing(name):
            continue
        keep = build(conversation, lines)
        for budget in (300, 3000):
            kept = keep(budget)
            assert set(kept.ids) <= set(turns)
            assert set(lines.pack(kept.lines, budget).line_ids) == set(kept.line_ids), name


def test_a_peer_that_is_not_installed_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKAGES, "sumy", "no-such-distribution")
    assert compaction.missing("sumy LSA") == "pip install no-such-distribution"
    assert compaction.missing("memory") is None


@pytest.mark.parametrize("flags", [["--data", "missing.json"], ["--data", str(Path(__file__))]])
def test_bad_input_is_one_line_and_exit_2(capsys: pytest.CaptureFixture[str], flags: list[str]) -> None:
    assert compaction.main(flags) == 2
    message = capsys.readouterr().err.strip()
    assert flags[1] in message
    assert message.count("\n") == 0


def test_of_a_long_answer_a_part_counts_and_counts_strictly_only_when_it_holds_the_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    steps = [f"{number}. Wait for batch {number} and write its size down." for number in range(60)]
    steps[30] = "30. Cache the grammar in Zanzibar."
    chat = [{"turns": [beam_messages(0, "How is my parser made fast?", "\n".join(steps))]}]
    asked = {"question": "Where is the grammar cached?", "answer": "Zanzibar", "source_chat_ids": [1]}
    folder = write_beam(tmp_path / "100K" / "1", chat, {"information_extraction": [asked]})
    monkeypatch.setattr(compaction, "missing", lambda name: "peer" if PACKAGES.get(name.split()[0]) else None)
    assert compaction.main(["--data", str(folder), "--split", "all"]) == 0
    methods = json.loads(capsys.readouterr().out.splitlines()[-1])["methods"]
    assert set(methods) >= {"user's words, newest first", "first passages, newest first", "memory"}
    opening = methods["first passages, newest first"]["by_ratio"]["0.25"]
    assert (opening["evidence"], opening["all_evidence"], opening["strict"]) == (1.0, 1.0, 0.0)
    assert set(methods["memory"]["searched_alone"]["5000"]) == {"1000", "2000", "4000", "8000"}
    assert methods["memory"]["searched_alone"]["5000"]["1000"]["strict"] == 1.0
