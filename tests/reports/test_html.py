"""report.html and comparison.html: what is in them, and which runs are refused. In a browser: test_report_page.py."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from answer_rows import answer_row
from hypothesis import given
from hypothesis import strategies as st
from judged_runs import verdict_row
from pages import Page, page_data
from run_folders import MARKUP, garden_run, turn_lines, write_jsonl, write_run

from harness.runs import RunFolderError
from reports.curves import evidence_curve
from reports.data import explorer_data
from reports.palette import css_colours, places, style
from reports.records import judge_titles, load_run, natural_order
from reports.terminal import main, write_report


def numbers(runs: str) -> list[int]:
    """What page.js reads from "4 9-7": [4, 9, 8, 7]."""
    turns: list[int] = []
    for run in runs.split():
        first, _, last = run.partition("-")
        end = int(last or first)
        turns += range(int(first), end + 1) if end >= int(first) else range(int(first), end - 1, -1)
    return turns


# -- the report --------------------------------------------------------------------------------------------------------


def test_the_headline_is_readable_without_scripts(tmp_path: Path) -> None:
    page = Page(write_report(garden_run(tmp_path / "run")))
    assert page.row("categories 1-4") == ["7", "42.9", "62.9"]
    assert page.row("temporal") == ["1", "100.0", "0.0"]
    assert page.row("recall of gold turns") == ["7", "57.1", "78.6"]
    assert page.row("memory tokens, max") == ["", "-", "400"]
    assert page.row("failed questions") == ["", "0", "1"]
    for told in (
        "tulips, val: 8 questions",
        "2 conversations",
        "task LM: none",
        "commit c0ffeec0ff with uncommitted changes",
        "3 questions left out",
        "2024-05-01 10:00",
    ):
        assert told in page.text


def test_scores_that_were_not_measured_are_a_dash(tmp_path: Path) -> None:
    rows = [answer_row("memory", "a:1", category=5, gold_evidence_ids=[], lm_calls_cached=2, gold="")]
    page = Page(write_report(write_run(tmp_path / "run", rows)))
    assert page.row("categories 1-4") == ["0", "-"]
    assert page.row("recall of gold turns") == ["0", "-"]
    assert page.row("latency p50, s") == ["0", "-"]
    assert page.row("no judge") == ["", "-"]


def test_intervals_stand_below_the_scores_that_have_one(tmp_path: Path) -> None:
    ci95 = {
        "f1": None,
        "f1_categories_1_4": [0.25, 0.75],
        "f1_by_category": {"temporal": [0.5, 1.0], "multi_hop": None},
    }
    page = Page(write_report(garden_run(tmp_path / "run", ci95=ci95)))
    assert page.row("categories 1-4") == ["7", "42.9 | 25.0 to 75.0", "62.9 | 25.0 to 75.0"]
    assert page.row("temporal")[1] == "100.0 | 50.0 to 100.0"
    assert page.row("all categories")[1] == "37.5"
    assert page.row("multi-hop")[1] == "0.0"


def test_the_judge_row_counts_readable_verdicts_and_shows_the_others(tmp_path: Path) -> None:
    page = Page(write_report(garden_run(tmp_path / "run")))
    n, simple, memory = page.row("strict")
    assert n == ""  # three readable of simple, four of memory
    assert simple == "33.3 | n=3, 1 unreadable"
    assert memory == "75.0 | n=4"


def test_the_abstention_judge_is_shown_for_adversarial_questions_alone(tmp_path: Path) -> None:
    rows = [answer_row("memory", "a:1"), answer_row("memory", "a:2", category=5, gold="")]
    verdicts = [verdict_row(rows[0], "CORRECT", judge="abstention"), verdict_row(rows[1], "WRONG", judge="abstention")]
    page = Page(write_report(write_run(tmp_path / "run", rows, judges={"abstention@m": verdicts})))
    assert page.row("abstention, adversarial") == ["1", "0.0"]


def test_a_judges_interval_and_controls_come_from_judges_json(tmp_path: Path) -> None:
    run_dir = garden_run(tmp_path / "run")
    told = {"correct": 3, "wrong": 1, "ci95": {"accuracy": [0.5, 0.9]}}
    stale = {"correct": 9, "wrong": 1, "ci95": {"accuracy": [0.5, 0.9]}}
    judged = {"judges": {"strict@judge-model": {"programs": {"memory": told, "simple": stale}}}}
    controls = {"strict@judge-model": {"gold": {"expected": True, "rate": 0.95, "n": 20}}}
    (run_dir / "judges.json").write_text(json.dumps({**judged, "controls": controls}))
    page = Page(write_report(run_dir))
    assert page.row("strict")[1:] == ["33.3 | n=3, 1 unreadable", "75.0 | 50.0 to 90.0, n=4"]
    assert page.row("gold") == ["all", "95.0 | n=20"]


def test_a_verdict_on_an_answer_given_anew_since_does_not_count(tmp_path: Path) -> None:
    first, again = answer_row("memory", "a:1", answer="five", f1=0.0), answer_row("memory", "a:1")
    verdicts = [verdict_row(first, "WRONG")]
    run_dir = write_run(tmp_path / "run", [first, again], judges={"strict@m": verdicts})
    assert load_run(run_dir).judges["strict@m"] == {}
    write_jsonl(
        run_dir / "judge-strict@m.jsonl", [*verdicts, verdict_row(again, "WRONG"), verdict_row(again, "CORRECT")]
    )
    assert load_run(run_dir).judges["strict@m"]["memory", "a:1"]["verdict"] == "CORRECT"


def test_the_last_answer_to_a_question_counts(tmp_path: Path) -> None:
    rows = [answer_row("memory", "a:1", error="TimeoutError: slow", f1=0.0), answer_row("memory", "a:1", answer="six")]
    data = page_data(write_report(write_run(tmp_path / "run", rows)))
    assert [answer[:2] for answer in data["answers"]["memory"]] == [["six", 1.0]]


@pytest.mark.parametrize(
    ("conversation", "is_sample", "expected"),
    [
        ("garden", True, "This is not LoCoMo: the questions are of the bundled sample conversations."),
        ("garden", False, "This is not LoCoMo: the questions are of tulips."),
        ("conv-26", False, None),
    ],
)
def test_data_that_is_not_locomo_is_told_before_any_number(
    tmp_path: Path, conversation: str, is_sample: bool, expected: str | None
) -> None:
    rows = [answer_row("memory", f"{conversation}:{number}", error="E: slow" if number else None) for number in (0, 1)]
    page = Page(write_report(write_run(tmp_path / "run", rows, is_bundled_sample=is_sample)))
    assert ("This is not LoCoMo" in page.text) is (expected is not None)
    assert "Questions that failed, and count as wrong: memory 1." in page.text
    if expected:
        assert page.text.index(expected) < page.text.index("categories 1-4")


def test_the_page_needs_nothing_from_outside(tmp_path: Path) -> None:
    path = write_report(garden_run(tmp_path / "run"))
    page = Page(path)
    assert [one for one in page.addresses if not one.startswith("#")] == ["data:,"]  # those are of the glossary
    assert re.findall(r"url\(|@import|https?://|fetch\(|XMLHttpRequest|import\(", page.script) == []
    assert "default-src 'none'" in path.read_text(encoding="utf-8")


def test_markup_in_the_data_stays_text(tmp_path: Path) -> None:
    rows = [answer_row(MARKUP, "a:1", question=MARKUP)]
    run_dir = write_run(tmp_path / "run", rows, lines={"a": turn_lines(extra=MARKUP)}, judges={f"strict@{'<b>'}": []})
    content = write_report(run_dir).read_text(encoding="utf-8")
    assert "<script>alert" not in content
    assert content.count("</script>") == 2
    assert content.count("<b>") == 0
    assert page_data(run_dir / "report.html")["questions"][0][3] == MARKUP


def test_text_that_looks_like_a_slot_of_the_template_is_not_filled(tmp_path: Path) -> None:
    rows = [answer_row("memory", "a:1", question="<!--{style}--> <!--{data}-->")]
    path = write_report(write_run(tmp_path / "run", rows))
    assert page_data(path)["questions"][0][3] == "<!--{style}--> <!--{data}-->"


def test_keys_do_not_reach_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_API_KEY", "planted-key-0123456789")
    rows = [answer_row("memory", "a:1", answer="planted-key-0123456789")]
    content = write_report(write_run(tmp_path / "run", rows)).read_text(encoding="utf-8")
    assert "planted-key" not in content


def test_lines_stand_in_the_page_once(tmp_path: Path) -> None:
    rows = [answer_row("memory", f"garden:{number}") for number in range(50)]
    content = write_report(write_run(tmp_path / "run", rows, lines={"garden": turn_lines()})).read_text(
        encoding="utf-8"
    )
    assert content.count("1 Tomas: I planted 1 tulips") == 1


def test_a_run_without_lines_shows_ids(tmp_path: Path) -> None:
    data = page_data(write_report(garden_run(tmp_path / "run", lines=None)))
    assert data["conversations"][0][:2] == ["garden", []]
    assert ["D2:3"] in data["conversations"][0][2]


turn_ids = st.lists(st.builds("D{}:{}".format, st.integers(1, 12), st.integers(1, 12)), unique=True)


@given(retrieved=turn_ids, gold=turn_ids, cited=turn_ids)
def test_lists_of_turns_survive_their_compact_form(retrieved: list[str], gold: list[str], cited: list[str]) -> None:
    row = answer_row("p", "a:1", retrieved_ids=retrieved, gold_evidence_ids=gold, evidence_ids=cited)
    data = explorer_data({"p": {"a:1": row}}, {}, {})
    ids = [turn[0] for turn in data["conversations"][0][2]]
    assert ids == sorted(ids, key=natural_order)
    packed = (data["answers"]["p"][0][3], data["questions"][0][5], data["answers"]["p"][0][4])
    assert [[ids[number] for number in numbers(runs)] for runs in packed] == [retrieved, gold, cited]


def test_questions_stand_in_natural_order(tmp_path: Path) -> None:
    rows = [answer_row("memory", f"a:{number}") for number in (10, 2, 1)]
    data = page_data(write_report(write_run(tmp_path / "run", rows)))
    assert [question[0] for question in data["questions"]] == ["a:1", "a:2", "a:10"]


def test_judges_are_called_by_their_rules_where_one_model_applied_them() -> None:
    assert judge_titles(["strict@a", "lenient@a"]) == {"strict@a": "strict", "lenient@a": "lenient"}
    assert judge_titles(["strict@a", "strict@b"]) == {"strict@a": "strict@a", "strict@b": "strict@b"}


# -- verdict, glossary, colours ----------------------------------------------------------------------------------------


def rows_of_chats(program: str, right: set[int], chats: int = 6, **more: Any) -> list[dict[str, Any]]:
    """Ten questions of each chat; those in `right`, of its ten, are answered."""
    return [
        answer_row(program, f"chat-{chat}:{number}", f1=float(number in right or (chat + number) % 7 == 0), **more)
        for chat in range(chats)
        for number in range(10)
    ]


def test_the_page_begins_with_a_verdict_that_has_its_interval(tmp_path: Path) -> None:
    rows = [*rows_of_chats("simple", {1}), *rows_of_chats("memory", {1, 2, 3, 4, 5, 6})]
    page = Page(write_report(write_run(tmp_path / "run", rows)))
    verdict = "memory is ahead of simple in token F1 ("
    assert verdict in page.text
    assert "points, 95% interval +" in page.text
    assert "over 6 conversations" in page.text
    assert page.text.index(verdict) < page.text.index("2024-05-01")
    assert page.row("categories 1-4")[0] == "60"


def test_the_verdict_is_against_the_best_of_several_others(tmp_path: Path) -> None:
    rows = [*rows_of_chats("a", {1}), *rows_of_chats("b", {1, 2, 3}), *rows_of_chats("memory", {1, 2, 3})]
    text = Page(write_report(write_run(tmp_path / "run", rows))).text
    assert "No difference between memory and b is shown: token F1" in text
    assert "the same throughout) (b has the highest F1 of the 2 other programs)." in text.replace("\n", " ")


def test_a_program_alone_is_ahead_of_nothing(tmp_path: Path) -> None:
    text = Page(write_report(write_run(tmp_path / "run", [answer_row("memory", "a:1")]))).text
    assert "memory was run alone, so it is ahead of nothing: its token F1 is 100.0%." in text
    assert "Is it more than chance?" not in text


def test_headings_lead_to_entries_of_the_glossary_that_are_there(tmp_path: Path) -> None:
    page = Page(write_report(garden_run(tmp_path / "run")))
    links = {one for one in page.addresses if one.startswith("#term-")}
    assert {
        "#term-f1",
        "#term-recall",
        "#term-all-evidence",
        "#term-strict",
        "#term-latency",
        "#term-p",
        "#term-programs",
    } <= links
    content = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert all(f'id="{one[1:]}"' in content for one in links)


def test_a_program_keeps_its_colour_whatever_else_was_run() -> None:
    alone, among = places(["memory"]), places(["full-context", "mine", "memory", "yours"])
    assert alone["memory"] == among["memory"]
    assert len(set(among.values())) == 4
    assert places(["simple", "memory", "full-context"]) == {"simple": 0, "memory": 1, "full-context": 2}
    many = places([f"program {number}" for number in range(30)])
    assert set(css_colours(many).values()) == {f"var(--p{place})" for place in many.values()}
    assert all(f"{colour[4:-1]}:" in style() for colour in css_colours(many).values())


# -- evidence by rank --------------------------------------------------------------------------------------------------


def curve_of(tmp_path: Path, rows: list[dict[str, Any]], program: str, **changes: Any) -> Any:
    return evidence_curve(program, load_run(write_run(tmp_path / "run", rows, **changes)))


def test_a_lines_tokens_are_its_share_of_the_characters_header_included(tmp_path: Path) -> None:
    lines = {"a": {"D1:1": ["h" * 9, "x" * 29, "y" * 999], "D1:2": ["h" * 9, "x" * 19, "y" * 999]}}
    # in order of rank: D1:2 with the header 30 of 60 characters, then D1:1 the other 30; 500 tokens in all
    row = answer_row("p", "a:1", retrieved_ids=["D1:2", "D1:1"], gold_evidence_ids=["D1:2", "D1:1"], context_tokens=500)
    curve = curve_of(tmp_path, [row], "p", lines=lines)
    assert dict(zip(curve.steps, curve.recall, strict=True)) == {125: 0.0, 177: 0.0, 250: 0.5, 354: 0.5, 500: 1.0}
    assert curve.all_evidence == (0.0, 0.0, 0.0, 0.0, 1.0)


def test_a_turn_shown_in_part_or_otherwise_is_measured_by_what_was_shown(tmp_path: Path) -> None:
    whole = "1 A: " + "x" * 40 + " " + "y" * 899
    lines = {"a": {"D1:1": ["", whole, whole], "D1:2": ["", "z" * 500, "z" * 500]}}
    row = answer_row(
        "p",
        "a:1",
        retrieved_ids=["D1:1", "D1:2"],
        gold_evidence_ids=["D1:1"],
        context_tokens=1000,
        shown={"D1:1": [0], "D1:2": "w" * 148},
    )
    curve = curve_of(tmp_path, [row], "p", lines=lines, passages={"a": {"D1:1": [4, 45]}})
    # "1 A: xxx …" and its newline are 48 characters, as the other line is 149: about a quarter
    assert dict(zip(curve.steps, curve.recall, strict=True))[250] == 1.0
    assert dict(zip(curve.steps, curve.recall, strict=True))[177] == 0.0


def test_the_page_has_what_rebuilds_the_context_of_long_turns_and_of_older_runs_nothing(tmp_path: Path) -> None:
    rows = [answer_row("memory", "a:1", shown={"D2:3": [0, 2]}), answer_row("memory", "a:2")]
    run = write_run(tmp_path / "run", rows, lines={"a": turn_lines()}, passages={"a": {"D2:3": [7, 20, 30]}})
    data = page_data(write_report(run))
    place = str([turn[0] for turn in data["conversations"][0][2]].index("D2:3"))
    assert data["conversations"][0][3] == {place: [7, 20, 30]}
    assert [answer[-1] for answer in data["answers"]["memory"]] == [{place: [0, 2]}, {}]
    older = page_data(write_report(write_run(tmp_path / "older", rows[1:], lines={"a": turn_lines()})))
    assert older["conversations"][0][3] == {}


def test_full_context_is_measured_by_its_full_lines(tmp_path: Path) -> None:
    lines = {"a": {"D1:1": ["", "x", "y" * 299], "D1:2": ["", "x" * 500, "y" * 98]}}
    row = answer_row(
        "full-context", "a:1", retrieved_ids=["D1:2", "D1:1"], gold_evidence_ids=["D1:2"], context_tokens=1000
    )
    curve = curve_of(tmp_path, [row], "full-context", lines=lines)
    assert dict(zip(curve.steps, curve.recall, strict=True))[250] == 1.0  # 100 of 400 characters


def test_without_lines_evidence_is_measured_by_rank(tmp_path: Path) -> None:
    rows = [answer_row("p", "a:1"), answer_row("p", "a:2", gold_evidence_ids=["D1:2", "D9:9"])]
    curve = curve_of(tmp_path, rows, "p")
    assert curve.steps == (1, 2, 3)
    assert curve.recall == (0.5, 0.5, 0.75)
    assert curve.all_evidence == (0.5, 0.5, 0.5)
    assert curve.n == 2


def test_a_curve_ends_at_the_summarys_recall(tmp_path: Path) -> None:
    records = load_run(garden_run(tmp_path / "run"))
    for name, scores in records.summary["programs"].items():
        curve = evidence_curve(name, records)
        assert curve is not None
        assert curve.recall[-1] == pytest.approx(scores["evidence_recall"])
        assert curve.all_evidence[-1] == pytest.approx(scores["all_evidence_rate"])


# -- the command line --------------------------------------------------------------------------------------------------


def last_json(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    captured = capsys.readouterr()
    document: dict[str, Any] = json.loads(captured.out.splitlines()[-1])
    return document, captured.err


@pytest.mark.slow
def test_one_run_gets_its_report_and_plots(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_dir = garden_run(tmp_path / "run")
    assert main([str(run_dir)]) == 0
    document, told = last_json(capsys)
    assert document["run_dir"] == str(run_dir)
    assert all(Path(path).stat().st_size > 0 for path in (document["report"], *document["plots"]))
    assert str(run_dir / "report.html") in told


def test_two_runs_are_sent_to_the_command_that_compares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_dir, output = garden_run(tmp_path / "run"), tmp_path / "elsewhere.html"
    assert main([str(run_dir), str(run_dir), "--program-a", "simple", "--output", str(output)]) == 0
    document, told = last_json(capsys)
    assert (document["a"]["name"], document["b"]["name"]) == ("simple", "memory")
    assert output.is_file()
    assert "note: two runs are compared by python -m reports.compare" in told


# -- what cannot be reported -------------------------------------------------------------------------------------------


def in_row(**changes: Any) -> Callable[[Path], None]:
    """Spoil the second row of the answers."""

    def spoil(run_dir: Path) -> None:
        rows = [json.loads(line) for line in (run_dir / "answers.jsonl").read_text().splitlines()]
        rows[1] |= changes
        write_jsonl(run_dir / "answers.jsonl", [{k: v for k, v in row.items() if v != "DROP"} for row in rows])

    return spoil


def in_file(name: str, content: str | None, *, append: bool = False) -> Callable[[Path], None]:
    def spoil(run_dir: Path) -> None:
        path = run_dir / name
        if content is None:
            path.unlink()
        else:
            path.write_text((path.read_text() if append else "") + content)

    return spoil


def in_summary(*keys: str) -> Callable[[Path], None]:
    """Remove what stands at the end of `keys`."""

    def spoil(run_dir: Path) -> None:
        summary = json.loads((run_dir / "summary.json").read_text())
        part = summary
        for key in keys[:-1]:
            part = part[key]
        del part[keys[-1]]
        (run_dir / "summary.json").write_text(json.dumps(summary))

    return spoil


JUDGE = "judge-strict@judge-model.jsonl"
BAD_RUNS = {
    "no config": (in_file("config.json", None), "is not a run folder"),
    "unfinished": (in_file("summary.json", None), "has no summary.json: finish it, python evaluate.py --resume"),
    "summary not JSON": (in_file("summary.json", "{"), "summary.json is not JSON"),
    "summary a list": (in_file("summary.json", "[]"), "summary.json holds no JSON object"),
    "summary without data": (in_summary("data"), "has no data"),
    "summary without split": (in_summary("data", "split"), "has no data.split"),
    "summary without score": (in_summary("programs", "memory", "f1"), "has no programs.memory.f1"),
    "summary without programs": (in_summary("programs"), "has no programs"),
    "half-written row": (in_file("answers.jsonl", '{"program": "mem', append=True), "ends in a half-written row"),
    "row not JSON": (in_file("answers.jsonl", "{oh\n", append=True), "answers.jsonl, line 17 is not a JSON object"),
    "row not an object": (in_file("answers.jsonl", "3\n", append=True), "answers.jsonl, line 17 is not a JSON object"),
    "row without f1": (in_row(f1="DROP"), "answers.jsonl, line 2 has no 'f1'"),
    "row with text for f1": (in_row(f1="1.0"), "line 2: 'f1' must be int or float, found str"),
    "unknown category": (in_row(category=6), "line 2: unknown category 6"),
    "no rows": (in_file("answers.jsonl", ""), "lacks all answers of program simple"),
    "missing answer": (in_row(question_id="garden:99"), "lacks 1 answers of program simple (garden:99, ...)"),
    "half-written verdict": (in_file(JUDGE, "{", append=True), f"{JUDGE} ends in a half-written row"),
    "verdict not JSON": (in_file(JUDGE, "{\n", append=True), f"{JUDGE}, line 9 is not a JSON object"),
    "unknown verdict": (
        in_file(JUDGE, json.dumps(verdict_row(answer_row("simple", "garden:1"), "MAYBE")) + "\n", append=True),
        "line 9: 'verdict' must be 'CORRECT' or 'WRONG' or 'UNREADABLE', found 'MAYBE'",
    ),
    "lines not JSON": (in_file("lines.json", "{"), "lines.json is not JSON"),
    "lines of another form": (
        in_file("lines.json", '{"garden": {"turns": {"D1:1": ["x"]}}}'),
        "conversation garden must",
    ),
}


@pytest.mark.parametrize("name", BAD_RUNS)
def test_a_broken_run_is_one_clear_line_and_exit_2(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, expected = BAD_RUNS[name]
    run_dir = garden_run(tmp_path / "run")
    spoil(run_dir)
    before = sorted(path.name for path in run_dir.iterdir())
    assert main([str(run_dir)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert expected in captured.err
    assert str(run_dir) in captured.err
    assert sorted(path.name for path in run_dir.iterdir()) == before


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nothing")]) == 2
    assert "is not a run folder" in capsys.readouterr().err


def test_a_failed_report_leaves_the_earlier_one(tmp_path: Path) -> None:
    run_dir = garden_run(tmp_path / "run")
    before = write_report(run_dir).read_bytes()
    in_row(f1="DROP")(run_dir)
    with pytest.raises(RunFolderError):
        write_report(run_dir)
    assert (run_dir / "report.html").read_bytes() == before


@pytest.mark.parametrize("flag", ["--program-a", "--program-b", "--output"])
def test_flags_of_a_comparison_need_two_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str) -> None:
    assert main([str(garden_run(tmp_path / "run")), flag, "x"]) == 2
    assert f"{flag} is for comparing two runs" in capsys.readouterr().err
