"""evaluate.py and what reads its runs, on tiny data of every format beside LoCoMo: names and scores are their own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import Command
from format_files import write_beam, write_realtalk

import evaluate
import reports.compare
from locomo.formats.beam import KINDS as BEAM
from locomo.formats.realtalk import KINDS as REALTALK
from locomo.kinds import kinds_of

pytestmark = [pytest.mark.usefixtures("wide_terminal"), pytest.mark.slow]
OFFLINE = ("--model", "offline", "--split", "all", "--no-mlflow")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command("evaluate.py", evaluate.main, capsys)


def summary_of(folder: Path) -> Any:
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))


def test_beam_is_scored_and_shown_by_its_own_kinds(run: Command, tmp_path: Path, capsys: Any) -> None:
    data = write_beam(tmp_path / "100K" / "1")
    outcome = run("--data", data, *OFFLINE, "--run-dir", tmp_path / "r")
    summary = summary_of(tmp_path / "r")
    assert (outcome.status, kinds_of(summary)) == (0, BEAM)
    assert kinds_of(json.loads((tmp_path / "r" / "manifest.json").read_text())) == BEAM
    for shown in (
        "F1 % knowledge-update (n=1)",
        "F1 % abstention (n=1)",
        "F1 % core kinds",
        "scored 1 question against",
    ):
        assert shown in outcome.err
    assert "categories 1-4" not in outcome.err
    memory = summary["programs"]["memory"]
    counted = [memory["f1_by_category"][name] for name in ("knowledge_update", "information_extraction")]
    assert memory["questions_by_category"]["abstention"] == 1
    assert memory["f1_categories_1_4"] == pytest.approx(
        (sum(counted) + memory["f1_by_category"]["preference_following"]) / 3
    )
    page = (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
    assert "core kinds" in page
    assert "categories 1-4" not in page
    compare = Command("reports.compare", reports.compare.main, capsys)
    document = compare(tmp_path / "r").document
    assert document["measures"]["f1"]["counted"]["n"] == 3
    assert set(document["f1_difference_by_category"]) <= set(BEAM.names.values())


def test_declining_is_right_where_the_chat_does_not_say(run: Command, tmp_path: Path) -> None:
    predictions = [{"question_id": "beam-100K-1:abstention:0", "answer": "Not mentioned in the conversation."}]
    predictions += [
        {"question_id": f"beam-100K-1:{kind}:0", "answer": "Not mentioned."}
        for kind in ("knowledge_update", "information_extraction", "preference_following", "summarization")
    ]
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(map(json.dumps, predictions)) + "\n")
    run("--data", write_beam(tmp_path / "100K" / "1"), "--split", "all", "--no-mlflow", "--predictions", file,
        "--run-dir", tmp_path / "r")  # fmt: skip
    scores = summary_of(tmp_path / "r")["programs"]["mine"]["f1_by_category"]
    assert (scores["abstention"], scores["knowledge_update"]) == (1.0, 0.0)


def test_realtalk_is_found_by_its_name_and_resumed(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REALTALK_PATH", str(write_realtalk(tmp_path / "chats")))
    outcome = run("--data", "realtalk", *OFFLINE, "--run-dir", tmp_path / "r")
    assert kinds_of(summary_of(tmp_path / "r")) == REALTALK
    assert "F1 % commonsense (n=2)" in outcome.err
    assert "F1 % all kinds" in outcome.err
    assert run("--resume", tmp_path / "r", "--no-mlflow").status == 0
    refused = run("--data", "realtalk", *OFFLINE, "--categories", "4")
    assert refused.message.endswith("unknown categories [4]; they are 1 multi_hop, 2 temporal, 3 commonsense")


def write_plain(folder: Path) -> Path:
    folder.mkdir()
    (folder / "mine.csv").write_text("speaker,text,id\nAna,I moved to Porto.,m1\nBo,My dog is called Rex.,m2\n")
    questions = (
        "question,answer,evidence,kind\nWhere did Ana move?,Porto,m1,places\nWhat is Bo's dog called?,Rex,m2,pets\n"
    )
    (folder / "mine.questions.csv").write_text(questions)
    return folder / "mine.csv"


def write_longmemeval(folder: Path) -> Path:
    folder.mkdir()
    said = [{"role": "user", "content": "I got a kite.", "has_answer": True}]
    items = [
        {
            "question_id": name,
            "question_type": "single-session-user",
            "question": "What did I get?",
            "answer": "a kite",
            "haystack_sessions": [said],
            "haystack_dates": ["2023/05/20 (Sat) 02:21"],
        }
        for name in ("q1", "q2_abs")
    ]
    (folder / "items.json").write_text(json.dumps(items))
    return folder / "items.json"


@pytest.mark.parametrize(
    ("write", "shown"), [(write_plain, "F1 % places (n=1)"), (write_longmemeval, "F1 % abstention (n=1)")]
)
def test_a_search_is_scored_by_the_kinds_of_any_format(
    run: Command, tmp_path: Path, write: Callable[[Path], Path], shown: str
) -> None:
    data = write(tmp_path / "data")
    outcome = run("--data", data, *OFFLINE, "--run-dir", tmp_path / "r")
    assert outcome.status == 0, outcome.err
    assert shown in outcome.err
    shutil.rmtree(tmp_path / "r")
    searched = run("--data", data, "--split", "all", "--no-mlflow", "--mode", "retrieval", "--run-dir", tmp_path / "r")
    assert searched.status == 0, searched.err
    assert "f1_counted" not in searched.err  # nothing is answered
    assert "all_evidence_at_500" in searched.err
