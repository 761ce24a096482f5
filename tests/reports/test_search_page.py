"""The report of an optimisation and the page of a tuning study: what they say, in text and in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import console_errors, open_browser, set_screen
from pages import Page
from run_folders import MARKUP, answer_row, turn_lines, write_run

from harness.runs import RunFolderError
from reports.scatter import ticks
from reports.search_section import word_diff
from reports.study_page import write_study_page
from reports.terminal import main, write_report

# -- an optimisation ---------------------------------------------------------------------------------------------------


def candidate(number: int, score_val: float | None, **changes: Any) -> dict[str, Any]:
    return {
        "number": number,
        "key": f"{number}",
        "found_by": "simba" if number else None,
        "is_start": number == 0,
        "is_chosen": False,
        "first_run": 12 * number,
        "program_runs": 12,
        "score_train": 0.5,
        "score_val": score_val,
        "num_train_asked": 12,
        "num_val_asked": 12 if score_val is not None else 0,
        "instructions": {"answer_question": f"Answer briefly. {MARKUP}"},
        "demos": {"answer_question": number},
        **changes,
    }


def searched_run(run_dir: Path, **changes: Any) -> Path:
    """A run of optimize.py whose candidate 2 was chosen."""
    rows = [answer_row(name, f"a:{n}", f1=f1) for name, f1 in (("before", 0.0), ("after", 1.0)) for n in range(4)]
    write_run(run_dir, rows, lines={"a": turn_lines()})
    summary = json.loads((run_dir / "summary.json").read_text())
    summary |= {
        "search": {
            "optimizers": ["simba", "gepa"],
            "metric": "f1",
            "questions": {"train": 12, "val": 12, "held_back": 4},
            "max_demos": 2,
            "seed": 0,
            "started_from": None,
            "models": {"task": "task LM: openai/some-model"},
            "limits": {"max_calls": 500, "max_cost_usd": 2.5},
            "num_candidates": 4,
            "chosen": 2,
            "stopped": "the limit of 500 calls is reached",
            "proposals_unread": 0,
            "verdicts_unread": 0,
            "failures": 0,
            "prompts_changed": ["answer_question"],
            "output": "out.json",
        },
        "comparison": {
            "questions": 4,
            "before": 0.0,
            "after": 1.0,
            "difference": 1.0,
            "ci95": [0.25, 1.0],
            "shown": True,
            "interval": "paired bootstrap over questions",
            "verdict": "gain shown: +100.0 points on 4 held-back questions",
            "by_category": {"single_hop": [4, 0.0, 1.0]},
        },
        "spent": {
            "calls": 480,
            "paid_calls": 321,
            "prompt_tokens": 1_234_567,
            "completion_tokens": 8_900,
            "largest_prompt_tokens": 7_654,
            "program_runs": 160,
            "cost_usd": 1.5,
            "paid_usd": 0.034,
        },
        "estimated": {
            "program_runs": 170,
            "lm_calls": 510,
            "prompt_tokens": 1_300_000,
            "completion_tokens": 9_000,
            "largest_prompt_tokens": 8_000,
            "largest_task_prompt_tokens": 8_000,
            "cost_usd": None,
        },
        **changes,
    }
    candidates = [candidate(0, 0.4), candidate(1, None), candidate(2, 0.75, is_chosen=True), candidate(3, 0.5)]
    before = {"instructions": "Answer the question briefly.", "demos": []}
    after = {
        "instructions": f"Answer the question in one word. {MARKUP}",
        "demos": [{"question": "Who?", "answer": MARKUP}],
    }
    prompts = [
        {"predictor": "answer_question", "changed": True, "before": before, "after": after},
        {"predictor": "write_queries", "changed": False, "before": before, "after": before},
    ]
    for name, content in {"summary": summary, "candidates": candidates, "prompts": prompts}.items():
        (run_dir / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return run_dir


def test_the_report_of_an_optimisation_says_that_it_is_one_and_what_it_gained(tmp_path: Path) -> None:
    page = Page(write_report(searched_run(tmp_path / "run")))
    assert "Optimisation of the prompts by simba, gepa: tulips, val" in page.text
    verdict = "By f1, gain shown: +100.0 points on 4 held-back questions."
    assert page.text.index(verdict) < page.text.index("held back, %")
    assert page.row("all") == ["4", "0.0", "100.0", "+100.0 | +25.0 to +100.0"]
    assert page.row("single-hop") == ["4", "0.0", "100.0", "+100.0"]
    assert "ended earlythe limit of 500 calls is reached" in page.text


def test_its_cost_stands_beside_what_was_expected_and_the_limits(tmp_path: Path) -> None:
    page = Page(write_report(searched_run(tmp_path / "run")))
    assert page.row("LM calls") == ["510", "480", "500"]
    assert page.row("of them paid") == ["", "321", ""]
    assert page.row("cost without cache") == ["unknown", "$1.50", ""]
    assert page.row("paid") == ["", "$0.0340", "$2.50"]


def test_candidates_stand_in_the_order_they_were_found_with_their_scores(tmp_path: Path) -> None:
    page = Page(write_report(searched_run(tmp_path / "run")))
    rows = {
        row[0]: row[1:7] for row in page.rows if row[0].split(" | ")[0].strip() in "0 1 2 3".split() and len(row) == 8
    }
    assert [key.split(" | ")[0].strip() for key in rows] == ["0", "1", "2", "3"]
    found = {key.split(" | ")[0].strip(): (key, cells) for key, cells in rows.items()}
    assert found["2"] == ("2  | start".replace("start", "chosen"), ["simba", "24", "12", "50.0", "75.0", "2"])
    assert found["1"][1][4] == "-"
    assert found["0"][0].endswith("start")


def test_a_search_that_found_nothing_says_so(tmp_path: Path) -> None:
    run_dir = searched_run(tmp_path / "run")
    summary = json.loads((run_dir / "summary.json").read_text())
    summary["search"]["chosen"] = 0
    (run_dir / "summary.json").write_text(json.dumps(summary))
    assert "the search found nothing better, so the prompts are as before." in Page(write_report(run_dir)).text


def test_markup_in_prompts_stays_text(tmp_path: Path) -> None:
    content = write_report(searched_run(tmp_path / "run")).read_text(encoding="utf-8")
    assert "<script>alert" not in content
    assert content.count("</script>") == 2


@pytest.mark.parametrize("name", ["candidates.json", "prompts.json"])
@pytest.mark.parametrize("content", [None, "{", "{}"])
def test_a_broken_file_of_the_search_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str | None
) -> None:
    run_dir = searched_run(tmp_path / "run")
    if content is None:
        (run_dir / name).unlink()
    else:
        (run_dir / name).write_text(content)
    with pytest.raises(RunFolderError, match=name):
        write_report(run_dir)
    assert main([str(run_dir)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a b c", "a b c", "a b c"),
        ("a b c", "a x c", "a <del>b</del><ins>x</ins> c"),
        ("", "new", "<ins>new</ins>"),
        ("old", "", "<del>old</del>"),
        ("<b>", "<i>", "<del>&lt;b&gt;</del><ins>&lt;i&gt;</ins>"),
    ],
)
def test_prompts_are_compared_word_by_word(before: str, after: str, expected: str) -> None:
    assert word_diff(before, after) == expected


# -- a tuning study ----------------------------------------------------------------------------------------------------


def study_document(**changes: Any) -> dict[str, Any]:
    return {
        "study": "mine",
        "objective": "quality",
        "objectives": [{"name": "all_evidence_rate", "direction": "maximize"}],
        "space": "standard",
        "budget_tokens": 2000,
        "split": "train",
        "seed": 0,
        "sampler": "tpe",
        "pruner": "wilcoxon",
        "trials": 4,
        "pruned": 1,
        "failed": 0,
        "seconds": 12.3,
        "best": {"number": 2, "params": {"bm25_k1": 1.2, "bm25_b": 0.75, "recovery": True}, "value": 0.9},
        "defaults": {"bm25_k1": 0.9, "bm25_b": 0.75 + 1e-12, "recovery": True},
        "default_value": 0.8,
        "promotion": {
            "promote": True,
            "difference": 0.0456,
            "ci95": [0.01, 0.08],
            "split": "val",
            "questions": 120,
            "conversations": 5,
            "resampled": "conversations",
            "default_value": 0.8,
            "winner_value": 0.8456,
            "budget_tokens": None,
            "reason": "the whole interval is above zero",
        },
        "questions": {"seen": 400, "asked": 300, "from_cache": 100},
        "inert": ["recovery"],
        "importance": {"bm25_k1": 0.7, "bm25_b": 0.3},
        "cross_validation": {
            "folds": [
                {"conversation": MARKUP, "questions": 40, "trial": 2, "chosen_value": 0.9, "default_value": 0.85}
            ],
            "chosen_value": 0.9,
            "default_value": 0.85,
            "difference": 0.05,
        },
        "output": "runs/tuning/mine",
        "data": {"name": "tulips", "is_locomo": False},
        **changes,
    }


def trial(number: int, values: list[float] | None, state: str = "complete", **changes: Any) -> dict[str, Any]:
    return {
        "number": number,
        "state": state,
        "values": values,
        "partial_value": None if values else 0.99,
        "questions_seen": 100 if values else 20,
        "seconds": 1.0,
        "error": None,
        "metrics": {},
        "params": {"bm25_k1": 0.9 + number / 10},
        **changes,
    }


TRIALS = [trial(0, [0.8]), trial(1, None, "pruned"), trial(2, [0.9]), trial(3, [0.85])]


def pareto_document() -> dict[str, Any]:
    front = [
        {"number": 1, "quality": 0.6, "tokens": 500.0},
        {"number": 2, "quality": 0.85, "tokens": 900.0},
        {"number": 3, "quality": 0.9, "tokens": 3000.0},
    ]
    objectives = [
        {"name": "all_evidence_rate", "direction": "maximize"},
        {"name": "context_tokens_mean", "direction": "minimize"},
    ]
    return study_document(
        objective="pareto",
        objectives=objectives,
        best={"number": 2, "params": {"bm25_k1": 1.2}, "value": [0.85, 900.0]},
        default_value=[0.8, 2000.0],
        cross_validation=None,
        front=front,
        knee=front[1],
        best_under_budget=front[1],
        default_line=[
            {"budget_tokens": 500, "quality": 0.5, "tokens": 490.0},
            {"budget_tokens": 2000, "quality": 0.8, "tokens": 1990.0},
        ],
    )


def test_a_study_begins_with_its_verdict(tmp_path: Path) -> None:
    page = Page(write_study_page(tmp_path, study_document(), TRIALS))
    verdict = (
        "Take the winner: trial 2 against the shipped default on 120 held-out questions (val): +4.56 points of "
        "questions with all evidence, 95% interval +1.00 to +8.00 over conversations."
    )
    assert page.text.index("Tuning study mine") < page.text.index(verdict) < page.text.index("Best parameters, trial 2")
    assert "This is not LoCoMo: the study is on tulips." in page.text
    kept = study_document()["promotion"] | {"promote": False, "reason": "keep defaults: the interval holds zero"}
    text = Page(write_study_page(tmp_path, study_document(promotion=kept), TRIALS)).text
    assert "Keep defaults: the interval holds zero: trial 2 against the shipped default" in text


def test_best_parameters_stand_beside_the_defaults(tmp_path: Path) -> None:
    page = Page(write_study_page(tmp_path, study_document(), TRIALS))
    assert page.row("bm25_k1") == ["0.9", "1.2", "changed"]
    assert page.row("bm25_b") == ["0.75", "0.75", ""]
    assert next(row for row in page.rows if row[0].startswith("recovery")) == [
        "recovery  | without effect",
        "on",
        "on",
        "",
    ]


def test_without_a_comparison_or_a_trial_the_page_says_why(tmp_path: Path) -> None:
    promotion = {"promote": False, "difference": None, "ci95": None, "split": "val", "questions": 0}
    document = study_document(promotion=promotion | {"reason": "no trial was completed"}, best=None, importance=None)
    text = Page(write_study_page(tmp_path, document, [trial(0, None, "fail", error="boom")])).text
    assert "No trial was completed." in text
    assert "there are no best parameters" in text
    assert "Too few different trials tell." in text
    assert "fail 20 seen boom" in text


def test_a_pruned_trial_has_no_value(tmp_path: Path) -> None:
    page = Page(write_study_page(tmp_path, study_document(), TRIALS))
    assert next(row for row in page.rows if row[0] == "1")[1:3] == ["pruned 20 seen", "-"]
    content = (tmp_path / "study.html").read_text(encoding="utf-8")
    assert 'title="trial 1: pruned after 20 questions"' in content
    assert "0.99" not in content


def test_the_front_names_its_knee_the_best_in_the_budget_and_the_default_at_equal_tokens(tmp_path: Path) -> None:
    trials = [trial(1, [0.6, 500.0]), trial(2, [0.85, 900.0]), trial(3, [0.9, 3000.0]), trial(4, [0.5, 2500.0])]
    page = Page(write_study_page(tmp_path, pareto_document(), trials))
    assert "knee: trial 2, 85.00% in 900 tokens" in page.text
    assert "the default cut to each budget" in page.text
    assert page.row("trial 2 ")[0:3] == ["900", "85.00", "50.00"]
    assert page.row("trial 3") == ["3,000", "90.00", "80.00"]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.86, 0.9, [0.86, 0.87, 0.88, 0.89, 0.9]), (0, 10, [0, 2, 4, 6, 8, 10]), (300, 4200, [1000, 2000, 3000, 4000])],
)
def test_axes_have_round_ticks(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


# -- in a browser ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_both_pages_fit_the_screen_and_raise_no_error(driver: Any, tmp_path: Path, width: int, scheme: str) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "pareto").mkdir()
    trials = [trial(number, [0.5 + number / 10, 400.0 * number]) for number in range(1, 4)]
    pages = [
        write_report(searched_run(tmp_path / "run")),
        write_study_page(tmp_path / "study", study_document(), TRIALS),
        write_study_page(tmp_path / "pareto", pareto_document(), trials),
    ]
    console_errors(driver)
    for path in pages:
        set_screen(driver, width, 900, scheme)
        driver.get("about:blank")
        driver.get(path.as_uri())
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
        outside = driver.execute_script(
            "return [...document.querySelectorAll('.scatter .point')].filter((e) => {"
            "const p = e.getBoundingClientRect(), a = e.parentElement.getBoundingClientRect();"
            "return p.left < a.left - 9 || p.right > a.right + 9 || p.top < a.top - 9 || p.bottom > a.bottom + 9;"
            "}).length"
        )
        assert outside == 0
        assert driver.execute_script("return document.querySelectorAll('.scatter .point').length") > 0
    assert console_errors(driver) == []


@pytest.mark.slow
def test_the_prompts_show_what_was_added_and_removed(driver: Any, tmp_path: Path) -> None:
    set_screen(driver, 1440, 900)
    driver.get(write_report(searched_run(tmp_path / "run")).as_uri())
    texts = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)"
    assert driver.execute_script(texts, ".prompt del") == ["briefly."]
    assert driver.execute_script(texts, ".prompt ins") == [f"in one word. {MARKUP}"]
    assert driver.execute_script("return document.querySelector('.point.chosen').title") == "2: 75.0%"
    assert len(driver.find_elements("css selector", ".item")) == 4  # and the held-back questions can be explored
    assert console_errors(driver) == []
