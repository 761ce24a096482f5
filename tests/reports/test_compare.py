"""The command that compares two programs: on the questions in common, with intervals, judges and exclusions."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from answer_rows import answer_row
from checkout import ROOT
from commands import Command
from judged_runs import answer_row as judged_row
from judged_runs import make_run, verdict_row
from locomo_files import conversation_record, question_record, write_records
from pages import Page
from run_folders import garden_run, turn_lines, write_run

from harness.files import JsonlFile
from locomo.statistics import mcnemar_exact
from reports import compare
from reports.comparing.comparison import compare as pair
from reports.comparing.differences import read_excluded_ids

# -- excluded questions ------------------------------------------------------------------------------------------------


def test_excluded_ids_are_read_with_comments_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "wrong.txt"
    path.write_text("# found by an audit\nchat-0:1  # the date\n\nchat-0:2\nchat-0:1\n", encoding="utf-8")
    assert read_excluded_ids(path, {"chat-0:1", "chat-0:2", "chat-0:3"}) == {"chat-0:1", "chat-0:2"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"chat-0:1\nchat-7:1\n", "the data have no question chat-7:1; delete"),
        (b"".join(b"x:%d\n" % number for number in range(7)), "x:0, x:1, x:2, x:3, x:4 and 2 more"),
        (b"# nothing\n", "names no question"),
        (b"\xff\xfe", "not UTF-8"),
        (None, "cannot be read"),
    ],
)
def test_a_bad_list_is_told_in_one_line(tmp_path: Path, content: bytes | None, told: str) -> None:
    path = tmp_path / "wrong.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"wrong\.txt") as caught:
        read_excluded_ids(path, {"chat-0:1"})
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


# -- the command -------------------------------------------------------------------------------------------------------


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], wide_terminal: None) -> Command:
    return Command("reports.compare", compare.main, capsys)


def scored_rows(program: str, right: Iterable[int], questions: Iterable[int] = range(60)) -> list[dict[str, Any]]:
    """Questions of six conversations and all categories; those in `right` score 1, the others 0."""
    right = set(right)
    return [
        judged_row(
            0,
            program=program,
            question_id=f"chat-{index % 6}:{index // 6}",
            conversation_id=f"chat-{index % 6}",
            category=index % 5 + 1,
            question=f"Question {index}?",
            f1=float(index in right),
            all_evidence=index in right,
        )
        for index in questions
    ]


def keep_verdicts(run_dir: Path, program: str, right: Iterable[int], **more: Any) -> None:
    """Verdicts of a strict judge on `scored_rows`, as locomo.llm_judge keeps them."""
    right = set(right)
    file = JsonlFile(run_dir / "judge-strict@m.jsonl")
    for index, row in enumerate(scored_rows(program, ())):
        if row["category"] != 5:
            verdict = "CORRECT" if index in right else "WRONG"
            file.append({**verdict_row(row, verdict, model="m", prompt_digest="d"), **more})


def test_two_programs_of_one_run_are_compared(command: Command, tmp_path: Path) -> None:
    rows = [*scored_rows("simple", range(20)), *scored_rows("memory", range(10, 50))]
    run_dir = make_run(tmp_path / "run", rows)
    outcome = command(run_dir)
    document = outcome.document
    assert (document["a"]["program"], document["b"]["program"], document["questions"]) == ("simple", "memory", 60)
    f1 = document["measures"]["f1"]["all"]
    assert (f1["n"], f1["clusters"], f1["num_a_better"], f1["num_b_better"]) == (60, 6, 10, 30)
    assert f1["difference"] == pytest.approx(20 / 60)
    assert f1["p_value"] == mcnemar_exact(10, 30)
    assert f1["interval"][0] <= f1["difference"] <= f1["interval"][1]
    assert document["measures"]["f1"]["temporal"]["n"] == 12
    assert document["measures"]["evidence"]["all_found"]["difference"] == f1["difference"]
    assert "60 (6)" in outcome.err
    assert "+33.3" in outcome.err
    named = command(run_dir, "--program-a", "memory", "--program-b", "simple").document
    assert named["measures"]["f1"]["all"]["difference"] == pytest.approx(-20 / 60)


def test_two_runs_are_compared_on_the_questions_in_common(command: Command, tmp_path: Path) -> None:
    run_a = make_run(tmp_path / "a", scored_rows("memory", range(60), range(40)))
    run_b = make_run(tmp_path / "b", [*scored_rows("simple", ()), *scored_rows("memory", (), range(30, 60))])
    document = command(run_a, run_b).document
    assert (document["questions"], document["only_a"], document["only_b"]) == (10, 30, 20)
    assert document["measures"]["f1"]["all"]["difference"] == -1.0
    assert document["measures"]["f1"]["all"]["interval"] is None  # -1 on every question: no spread to resample


def test_with_few_conversations_no_interval_is_printed_and_it_says_so(command: Command, tmp_path: Path) -> None:
    few = [index for index in range(60) if index % 6 < 2]
    rows = [*scored_rows("simple", range(20), few), *scored_rows("memory", range(40), few)]
    outcome = command(make_run(tmp_path / "run", rows))
    f1 = outcome.document["measures"]["f1"]["all"]
    assert (f1["clusters"], f1["interval"], f1["interval_a"], f1["interval_b"]) == (2, None, None, None)
    assert "no interval: fewer than five conversations" in outcome.err


def test_judges_that_both_have_are_compared(command: Command, tmp_path: Path) -> None:
    run_dir = make_run(tmp_path / "run", [*scored_rows("simple", ()), *scored_rows("memory", ())])
    keep_verdicts(run_dir, "simple", range(10))
    keep_verdicts(run_dir, "memory", range(30))
    judged = command(run_dir).document["measures"]["judge strict@m"]
    assert (judged["categories_1_4"]["n"], judged["categories_1_4"]["num_b_better"]) == (48, 16)
    assert set(judged) == {"categories_1_4", "multi_hop", "temporal", "open_domain", "single_hop"}


def test_judges_that_cannot_be_compared_are_named(command: Command, tmp_path: Path) -> None:
    run_a = make_run(tmp_path / "a", scored_rows("memory", ()))
    run_b = make_run(tmp_path / "b", scored_rows("memory", ()))
    keep_verdicts(run_a, "memory", range(10))
    assert "judge strict@m: has judged A only, not compared" in command(run_a, run_b).err
    keep_verdicts(run_b, "memory", range(10), prompt_digest="another")
    outcome = command(run_a, run_b)
    assert "judge strict@m: its prompt differs" in outcome.err
    assert set(outcome.document["measures"]) == {"f1", "evidence"}


def test_unreadable_verdicts_are_left_out_and_counted(command: Command, tmp_path: Path) -> None:
    run_dir = make_run(tmp_path / "run", [*scored_rows("simple", ()), *scored_rows("memory", ())])
    keep_verdicts(run_dir, "simple", range(10))
    keep_verdicts(run_dir, "memory", (), verdict="UNREADABLE")
    outcome = command(run_dir)
    assert "judge strict@m" not in outcome.document["measures"]
    assert "judge strict@m: 0 verdicts of A and 48 of B unreadable, left out" in outcome.err


def test_excluded_questions_give_a_second_number_beside_the_first(command: Command, tmp_path: Path) -> None:
    records = [
        conversation_record(f"chat-{chat}", qa=[question_record(category=1) for _ in range(10)]) for chat in range(7)
    ]
    data = write_records(tmp_path / "data.json", records)
    manifest = {"data": {"path": str(data), "sha256": hashlib.sha256(data.read_bytes()).hexdigest()}}
    rows = [*scored_rows("simple", ()), *scored_rows("memory", range(30))]
    run_dir = make_run(tmp_path / "run", rows, manifest)
    excluded = tmp_path / "wrong.txt"
    excluded.write_text("chat-0:0\nchat-1:0\nchat-6:3\n")  # the last was not asked, but is of the data
    outcome = command(run_dir, "--exclude", excluded)
    document = outcome.document
    assert document["excluded"] == 2
    assert document["measures"]["f1"]["all"]["num_b_better"] == 30
    assert document["without_excluded"]["f1"]["all"]["n"] == 58
    assert document["without_excluded"]["f1"]["all"]["num_b_better"] == 28
    assert "f1, without 2 excluded questions" in outcome.err
    assert document["notes"] == []
    excluded.write_text("chat-6:3\nchat-6:10\n")
    refused = command(run_dir, "--exclude", excluded)
    assert (refused.status, refused.out) == (2, [])
    assert "the data have no question chat-6:10" in refused.err


def test_without_the_data_an_exclusion_list_is_checked_against_the_answers(command: Command, tmp_path: Path) -> None:
    rows = [*scored_rows("simple", ()), *scored_rows("memory", range(30))]
    run_dir = make_run(tmp_path / "run", rows, {"data": {"path": str(tmp_path / "gone.json"), "sha256": ""}})
    excluded = tmp_path / "wrong.txt"
    excluded.write_text("chat-0:0\n")
    outcome = command(run_dir, "--exclude", excluded)
    assert outcome.document["excluded"] == 1
    assert "gone.json" in outcome.err
    assert "--exclude is checked against its answers only" in outcome.err


def bad_calls(tmp_path: Path) -> Iterable[tuple[list[object], str]]:
    run_dir = make_run(tmp_path / "run", [*scored_rows("simple", ()), *scored_rows("full-context", ())])
    single = make_run(tmp_path / "single", scored_rows("memory", ()))
    other_gold = make_run(tmp_path / "gold", [row | {"gold": "beans"} for row in scored_rows("memory", ())])
    elsewhere = make_run(tmp_path / "elsewhere", [judged_row(0, question_id="chat-9:0")])
    yield [tmp_path], "is not a run folder"
    yield [single], "program memory is compared with itself"
    yield [run_dir], "--program-b is needed: that run holds simple, full-context"
    yield (
        [run_dir, "--program-b", "memory"],
        f"--program-b memory: {run_dir} holds simple, full-context; name one of them",
    )
    yield [single, other_gold], "question chat-0:0 has another gold in"
    yield [single, elsewhere], "have no question in common"
    yield [make_run(tmp_path / "empty", [])], "has no answers yet"


def test_what_cannot_be_compared_is_one_line_and_exit_2(command: Command, tmp_path: Path) -> None:
    for argv, told in bad_calls(tmp_path):
        outcome = command(*argv)
        assert (outcome.status, outcome.out) == (2, [])
        assert told in outcome.err
        assert outcome.err.startswith("reports.compare: ")
        assert outcome.err.count("\n") == 1


def test_an_answer_given_again_counts_once(command: Command, tmp_path: Path) -> None:
    rows = [*scored_rows("simple", ()), *scored_rows("memory", ()), *scored_rows("memory", range(60))]
    f1 = command(make_run(tmp_path / "run", rows)).document["measures"]["f1"]["all"]
    assert (f1["n"], f1["mean_b"]) == (60, 1.0)


# -- gained and lost, question by question -----------------------------------------------------------------------------


def two_runs(tmp_path: Path) -> tuple[Path, Path]:
    def run(name: str, scores: list[float], verdicts: list[str]) -> Path:
        rows = [answer_row("memory", f"a:{number}", f1=f1) for number, f1 in enumerate(scores)]
        judged = [verdict_row(row, verdict) for row, verdict in zip(rows, verdicts, strict=True)]
        return write_run(tmp_path / name, rows, judges={"strict@m": judged}, lines={"a": turn_lines()})

    one = run("one", [0.0, 1.0, 1.0, 0.2, 0.0], ["WRONG", "WRONG", "CORRECT", "UNREADABLE", "WRONG"])
    return one, run("two", [0.5, 0.4, 1.0, 0.1, 0.7], ["CORRECT", "WRONG", "WRONG", "CORRECT", "WRONG"])


def test_gains_and_losses_are_counted_by_f1_and_by_common_judges(tmp_path: Path) -> None:
    document = pair(*two_runs(tmp_path)).document()
    assert document["outcomes"] == {
        "f1": {"gained": 2, "lost": 1, "both_right": 1, "both_wrong": 1},
        "strict@m": {"gained": 1, "lost": 1, "both_right": 0, "both_wrong": 2},
    }
    assert document["gained_ids"] == ["a:0", "a:4"]
    assert document["lost_ids"] == ["a:1"]
    assert document["f1_difference"] == pytest.approx((2.7 - 2.2) / 5)
    assert document["f1_difference_by_category"] == {"single_hop": pytest.approx(0.1)}


def test_judges_with_other_prompts_are_not_compared(tmp_path: Path) -> None:
    one, two = two_runs(tmp_path)
    path = two / "judge-strict@m.jsonl"
    path.write_text(path.read_text().replace("0" * 16, "1" * 16))
    assert list(pair(one, two).outcomes) == ["f1"]


def test_the_other_way_round_gains_are_losses(tmp_path: Path) -> None:
    one, two = two_runs(tmp_path)
    there, back = pair(one, two).document(), pair(two, one).document()
    assert (there["gained_ids"], there["lost_ids"]) == (back["lost_ids"], back["gained_ids"])
    assert there["f1_difference"] == pytest.approx(-back["f1_difference"])


def last_json(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    captured = capsys.readouterr()
    document: dict[str, Any] = json.loads(captured.out.splitlines()[-1])
    return document, captured.err


def test_two_runs_get_a_comparison(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = two_runs(tmp_path)
    assert compare.main([str(one), str(two)]) == 0
    document, told = last_json(capsys)
    assert document["report"] == str(two / "comparison.html")
    assert "single-hop" in told
    page = Page(Path(document["report"]))
    assert page.row("F1 50% or more") == ["5", "2", "1", "1", "1"]
    assert page.row("single-hop") == ["5", "44.0", "54.0", "+10.0", "2 / 2", "1.000"]


def test_two_programs_of_one_run_are_compared_into_a_named_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_dir = garden_run(tmp_path / "run")
    output = tmp_path / "elsewhere.html"
    assert compare.main([str(run_dir), str(run_dir), "--program-a", "simple", "--output", str(output)]) == 0
    document, _ = last_json(capsys)
    assert (document["a"]["name"], document["b"]["name"]) == ("simple", "memory")
    assert output.is_file()
    assert not (run_dir / "comparison.html").exists()


def test_runs_that_render_lines_differently_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = two_runs(tmp_path)
    (two / "lines.json").write_text(json.dumps({"a": {"turns": turn_lines(extra=" Indeed.")}}))
    assert compare.main([str(one), str(two)]) == 0
    document, _ = last_json(capsys)
    assert "render lines differently" in Page(Path(document["report"])).text


def compared(tmp_path: Path, rows_a: list[dict[str, Any]], rows_b: list[dict[str, Any]], *flags: str) -> int:
    runs = [write_run(tmp_path / name, rows) for name, rows in (("a", rows_a), ("b", rows_b))]
    return compare.main([*map(str, runs), *flags])


ASKED = [answer_row("memory", f"a:{number}") for number in range(6)]


@pytest.mark.parametrize(
    ("other", "flags", "expected"),
    [
        ([answer_row("memory", "b:1")], (), ("6 are only in", "(a:0, a:1, a:2, ...)", "1 are only in")),
        ([*ASKED[1:], answer_row("memory", "a:0", gold="9")], (), ("a:0 has another gold in",)),
        (ASKED, ("--program-b", "simple"), ("--program-b simple:", "holds memory")),
    ],
)
def test_runs_that_cannot_be_compared_are_one_clear_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    other: list[dict[str, Any]],
    flags: tuple[str, ...],
    expected: tuple[str, ...],
) -> None:
    assert compared(tmp_path, ASKED, other, *flags) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert all(part in captured.err for part in expected)


def test_a_program_is_not_compared_with_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_dir = str(garden_run(tmp_path / "run"))
    assert compare.main([run_dir, run_dir]) == 2
    assert "is compared with itself: name another program by --program-b" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (ASKED[1:5], ("2 are only in", "(a:0, a:5)")),
        ([*ASKED, answer_row("memory", "b:1")], ("1 are only in", "(b:1)")),
    ],
)
def test_questions_that_only_one_run_asked_are_named_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], other: list[dict[str, Any]], expected: tuple[str, ...]
) -> None:
    assert compared(tmp_path, ASKED, other) == 0
    document, told = last_json(capsys)
    assert document["questions"] == len(
        {row["question_id"] for row in (*ASKED,)} & {row["question_id"] for row in other}
    )
    assert all(part in told for part in expected)
    assert all(part in Page(Path(document["report"])).text for part in expected)


# -- the verdict, and the old names ------------------------------------------------------------------------------------


def test_the_verdict_names_who_is_ahead_in_what_and_where_nothing_is_shown(command: Command, tmp_path: Path) -> None:
    rows = [*scored_rows("simple", range(20)), *scored_rows("memory", range(58))]
    verdict = command(make_run(tmp_path / "run", rows)).document["verdict"]
    assert verdict.startswith(
        "memory is ahead of simple in token F1 (97.9% against 33.3%, +64.6 points, 95% interval +"
    )
    assert verdict.endswith("no difference is shown in evidence recall (100.0% against 100.0%, the same throughout).")
    turned = command(make_run(tmp_path / "turned", rows), "--program-a", "memory", "--program-b", "simple").document
    assert turned["verdict"].startswith("memory is ahead of simple in token F1 (33.3% against 97.9%, -64.6 points, ")


def test_a_difference_within_chance_is_no_verdict(command: Command, tmp_path: Path) -> None:
    rows = [*scored_rows("simple", range(0, 60, 2)), *scored_rows("memory", range(0, 60, 3))]
    verdict = command(make_run(tmp_path / "run", rows)).document["verdict"]
    assert verdict.startswith("No difference between memory and simple is shown: token F1 (")


def test_with_few_conversations_the_verdict_goes_by_p_and_says_so(command: Command, tmp_path: Path) -> None:
    few = [index for index in range(60) if index % 6 < 2]
    rows = [*scored_rows("simple", range(20), few), *scored_rows("memory", range(45), few)]
    outcome = command(make_run(tmp_path / "run", rows))
    verdict = outcome.document["verdict"]
    assert verdict.startswith("memory is ahead of simple in token F1 (")
    assert "points, p = 0.016)" in verdict  # 7 questions better, none worse: 2 / 2**7
    assert verdict.endswith("an interval over conversations needs 5 of them and this is 2.")
    assert verdict in outcome.err
    one_more = [*scored_rows("simple", range(20), few), *scored_rows("memory", range(24), few)]
    unsure = command(make_run(tmp_path / "unsure", one_more)).document["verdict"]
    assert unsure.startswith("No difference between memory and simple is shown: token F1 (")


def test_unfinished_runs_are_compared_without_a_page(command: Command, tmp_path: Path) -> None:
    outcome = command(make_run(tmp_path / "run", [*scored_rows("simple", ()), *scored_rows("memory", range(30))]))
    assert outcome.document["report"] is None
    assert "no page" in outcome.err
    assert "is not finished" in outcome.err


def test_a_page_that_cannot_be_written_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_dir = str(garden_run(tmp_path / "run"))
    assert compare.main([run_dir, "--output", str(tmp_path / "no" / "page.html")]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "cannot be written" in last
    assert "--output" in last


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "flags"),
    [("locomo.statistics", []), ("harness.report", []), ("locomo.statistics", ["--program-a", "simple"])],
)
def test_the_commands_of_version_0_1_forward_with_a_note(tmp_path: Path, module: str, flags: list[str]) -> None:
    run_dir = garden_run(tmp_path / "run")
    argv = [sys.executable, "-m", module, str(run_dir), *flags]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("note: this command is python -m reports.")
    document = json.loads(done.stdout.splitlines()[-1])
    assert Path(document["report"]).is_file()
