from __future__ import annotations

import copy
from typing import Any

import pytest

from reports.terminal import print_summary

SUMMARY: dict[str, Any] = {
    "f1": 0.5,
    "f1_by_category": {"multi_hop": 0.25, "temporal": None, "adversarial": 1.0},
    "questions_by_category": {"multi_hop": 3, "temporal": 0, "adversarial": 2},
    "f1_categories_1_4": 0.25,
    "evidence_recall": 0.875,
    "all_evidence_rate": 0.75,
    "context_tokens_mean": 3987.6,
    "memory_tokens_max": 19999,
    "lm_calls_mean": 2.5,
    "latency_sec_p50": 0.0625,
    "latency_sec_p95": 1.0,
    "latency_sec_p99": 2.0,
    "failures": 1,
    "questions_with_problems": 0,
    "questions": 5,
    "judge_accuracy": None,
    "judge_strict_accuracy": None,
    "judge_abstention_accuracy": None,
    "judge_false_abstention_rate": None,
    "judge_unreadable": None,
    "ci95": {"conversations": 2, "f1": None, "f1_by_category": {"multi_hop": None}},
}
UNMEASURED = {name: None if not isinstance(value, dict) else value for name, value in SUMMARY.items()} | {
    "failures": 0,
    "questions_with_problems": 0,
    "f1_by_category": {"multi_hop": None, "temporal": None, "adversarial": None},
}


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


def document(**changes: Any) -> dict[str, Any]:
    return {
        "run_dir": "runs/one",
        "task_lm": "task LM: none",
        "judge_lm": "judge LM: none",
        "data": {"name": "garden", "split": "val", "questions": 5, "conversations": 2},
        "programs": {"simple": copy.deepcopy(UNMEASURED), "memory": copy.deepcopy(SUMMARY)},
        **changes,
    }


def printed(capsys: pytest.CaptureFixture[str], shown: dict[str, Any], **more: Any) -> str:
    print_summary(shown, **more)
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def cells(text: str) -> dict[str, list[str]]:
    """The table's rows by their label."""
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if "│" in line]
    return {label: values for label, *values in rows}


def test_the_table_is_on_stderr_with_fractions_as_percent(capsys: pytest.CaptureFixture[str]) -> None:
    found = cells(printed(capsys, document()))
    assert found["F1 % multi-hop (n=3)"] == ["-", "25.0"]
    assert found["F1 % adversarial (n=2)"] == ["-", "100.0"]
    assert found["F1 % categories 1-4"] == ["-", "25.0"]
    assert found["F1 % all"] == ["-", "50.0"]
    assert found["evidence recall %"] == ["-", "87.5"]
    assert found["all evidence found, % of questions"] == ["-", "75.0"]
    assert found["context tokens, mean"] == ["-", "3,988"]
    assert found["memory tokens, max"] == ["-", "19,999"]
    assert found["LM calls per question"] == ["-", "2.50"]
    assert found["latency p50 / s"] == ["-", "0.062"]
    assert found["latency p99 / s"] == ["-", "2.000"]
    assert found["failed questions"] == ["0", "1"]


def test_categories_without_questions_have_no_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert not any("temporal" in label for label in cells(printed(capsys, document())))


def test_the_table_tells_the_data_the_lm_and_the_folder(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, document())
    for told in ("garden, split val: 5 questions of 2 conversations", "task LM: none", "simple", "memory", "runs/one"):
        assert told in text


def test_warnings_stand_above_the_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, document(), loud=["NOT LoCoMo: made up"])
    assert "NOT LoCoMo: made up" in text
    assert text.index("NOT LoCoMo") < text.index("F1 %")


@pytest.mark.parametrize("odd", ["[/bold]", "[redacted]", "[red]x"])
def test_brackets_are_text_and_not_markup(capsys: pytest.CaptureFixture[str], odd: str) -> None:
    shown = document(run_dir=f"r/{odd}", task_lm=f"LM {odd}")
    shown["data"]["name"] = odd
    text = printed(capsys, shown, loud=[f"! {odd}"])
    assert all(part in text for part in (f"{odd}, split", f"LM {odd}", f"r/{odd}", f"! {odd}"))


def test_a_long_folder_name_is_one_line_to_copy(capsys: pytest.CaptureFixture[str]) -> None:
    run_dir = "folder/" * 40
    assert f"{run_dir}\n" in printed(capsys, document(run_dir=run_dir))


def test_without_a_judge_the_column_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert cells(printed(capsys, document()))["judge"] == ["no judge", "no judge"]


def test_intervals_stand_beside_the_scores_that_have_them(capsys: pytest.CaptureFixture[str]) -> None:
    shown = document()
    shown["programs"]["memory"]["ci95"] = {"f1": [0.4, 0.625], "f1_by_category": {"multi_hop": [0.125, 0.5]}}
    shown["programs"]["memory"] |= {"judge_accuracy": 0.75, "judge_unreadable": 1}
    rows = cells(printed(capsys, shown))
    assert rows["F1 % all"] == ["-", "50.0 [40.0 62.5]"]
    assert rows["F1 % multi-hop (n=3)"][1] == "25.0 [12.5 50.0]"
    assert rows["F1 % categories 1-4"][1] == "25.0"
    assert rows["judge, lenient %, categories 1-4"] == ["-", "75.0"]
    assert rows["verdicts that could not be read"] == ["-", "1"]
